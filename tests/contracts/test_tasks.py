"""Every registered training task: seeded, overfits ten examples, resumes bit for bit, exports, meets the unseen."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: run `make train`")

import onnxruntime
import torch
from tests.maas import training_folders

from shuyuan.maas.training import loop, task, tasks, weights

ROWS, EPOCHS = 10, 60
EXACT = {"bandit"}  # solved in closed form: the seed has nothing to decide
every_task = pytest.mark.parametrize("name", tasks.TASKS)


class Fitted(NamedTuple):
    """A task trained on ten examples."""

    example: task.Example
    work: task.Work
    trainer: loop.Trainer


@pytest.fixture(scope="module")
def fitted() -> "dict[str, Fitted]":
    return {}


def fit(name: str, kept: dict[str, Fitted]) -> Fitted:
    """Trained once for all tests that only look."""
    if name not in kept:
        made = trainer(name, seed=3, epochs=EPOCHS)
        made.trainer.fit()
        kept[name] = made
    return kept[name]


def trainer(name: str, *, seed: int, epochs: int) -> Fitted:
    torch.set_num_threads(1)
    found = tasks.load(name)
    example = found.example(ROWS, 0)
    config = found.CONFIG.model_validate({**example.config, "epochs": epochs, "batch": 4})  # in parts: order tells
    work = found.prepare(config, example.columns, example.table)
    return Fitted(example, work, loop.Trainer(work, config, work.arrays(example.table), seed=seed))


@every_task
def test_a_task_says_what_it_is_in_both_languages_and_describes_every_option(name: str) -> None:
    about = tasks.about(name)
    assert about.name == name
    assert all(about.title)
    assert all(about.what)
    for field, said in about.schema["properties"].items():
        assert said.get("description"), f"{name}: {field} has no description"


def test_the_list_of_tasks_is_read_without_heavy_libraries() -> None:
    code = (
        "import sys; from shuyuan.maas.training import tasks; assert tasks.every();"
        "heavy = {'torch', 'polars', 'onnx', 'onnxruntime', 'transformers', 'peft', 'optuna'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@every_task
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(name: str) -> None:
    digests = []
    for seed in (5, 5, 6):
        made = trainer(name, seed=seed, epochs=2)
        digests.append(weights.digest(made.trainer.fit().state_dict()))
    assert digests[0] == digests[1]
    assert (digests[0] != digests[2]) == (name not in EXACT)


@every_task
def test_ten_examples_are_learned_by_heart(name: str, fitted: dict[str, Fitted]) -> None:
    most = tasks.load(name).OVERFITS
    made = fit(name, fitted)
    figures = made.trainer.evaluate(made.trainer.train).figures
    assert np.isfinite(figures["loss"])
    assert most is None or figures["loss"] <= most


@every_task
def test_the_exported_file_says_what_the_net_says_also_of_what_training_never_saw(
    name: str, fitted: dict[str, Fitted], tmp_path: Path
) -> None:
    example, work, trained = fit(name, fitted)
    said = work.export(trained.net, work.arrays(example.table), tmp_path)
    json.dumps({**work.spec(), **said, "features": work.features()}, allow_nan=False)
    assert (tmp_path / "weights.safetensors").stat().st_size > 0
    arrays = work.arrays(unseen(example))
    outputs, figures = trained.evaluate(trained.part(arrays))
    assert all(np.isfinite(value) for value in figures.values())
    predictions = work.predict(outputs, arrays)
    assert len(predictions.prediction) == len(predictions.label) > 0
    if not (tmp_path / "model.onnx").exists():
        return  # a task whose net is no graph says so by writing none
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    names = [port["name"] for port in said["inputs"]]
    rows = [torch.from_numpy(arrays[one]) for one in names]
    taken = {node.name for node in session.get_inputs()}
    found = session.run(None, {one: row.numpy() for one, row in zip(names, rows, strict=True) if one in taken})
    gives = [port["name"] for port in said["outputs"]]
    if set(gives) <= set(outputs):  # what is judged is what is served
        wanted = [outputs[one] for one in gives]
    else:
        with torch.no_grad():
            wanted = [output.numpy() for output in trained.net(*rows)][: len(gives)]
    for mine, theirs in zip(wanted, found, strict=True):
        np.testing.assert_allclose(theirs, mine, rtol=1e-4, atol=1e-4)


@every_task
def test_a_run_killed_after_a_checkpoint_ends_with_the_weights_of_an_undisturbed_one(name: str, tmp_path: Path) -> None:
    whole = training_folders.write(tmp_path / "whole", name)
    killed = training_folders.write(tmp_path / "killed", name, checkpoint_every_s=0, killed_after=2)
    assert training_folders.finish(whole) == 0, training_folders.error(whole)
    assert training_folders.finish(killed) == -signal.SIGKILL
    assert not (killed / "result.json").exists()
    training_folders.go_on(killed)
    assert training_folders.finish(killed) == 0
    first, second = training_folders.result(whole), training_folders.result(killed)
    same = ("weights_sha256", "figures", "steps", "best_step", "test_read")
    assert {key: first[key] for key in same} == {key: second[key] for key in same}
    _is_complete(whole, first)


def _is_complete(folder: Path, result: dict[str, Any]) -> None:
    """The folder holds what the contract of a run promises."""
    assert {"weights.safetensors", "spec.json", "predictions.parquet", "figures.json"} <= result["files"].keys()
    assert result["test_read"] is True
    spec = json.loads((folder / "out" / "spec.json").read_bytes())
    assert {"task", "labels", "inputs", "outputs"} <= spec.keys()
    assert json.loads((folder / "progress.json").read_bytes())["stage"] == "done"
    lines = training_folders.metrics(folder)
    assert {line["split"] for line in lines} == {"train", "validation"}
    assert [line["step"] for line in lines] == sorted(line["step"] for line in lines)


def unseen(example: task.Example) -> task.Table:
    """The example with words that training did not have in every column that is made of words."""
    strange = {"category": "never seen", "identifier": "never seen", "sequence": ["never", "seen"], "text": "從未見過"}
    found = dict(example.table)
    for column in example.columns:
        if column.kind in strange and column.role != "label":
            found[column.name] = [strange[column.kind], *list(found[column.name])[1:]]
    return found
