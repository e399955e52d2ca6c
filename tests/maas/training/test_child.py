"""The child of a run and its folder: pause, resume, cancel, several processes, and every job it refuses."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest

pytest.importorskip("torch", reason="torch is not installed: run `make train`")

import safetensors.torch
import torch
from tests.maas import training_folders

from shuyuan.maas.training import child, tasks

LONG = {"epochs": 150, "batch": 4}
NAME = "tabular_classification"


def begun(folder: Path, after: int = 0) -> Any:  # a process of the fork server
    """A long run, after its first checkpoint beyond this step."""
    process, wanted = training_folders.start(folder), f"step-{after:08d}"
    while process.is_alive() and not [
        one for one in (folder / "checkpoints").glob("step-????????") if one.name > wanted
    ]:
        time.sleep(0.005)
    return process


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a long run that nobody stopped."""
    folder = training_folders.write(tmp_path_factory.mktemp("undisturbed") / "run", NAME, config=LONG)
    assert training_folders.finish(folder) == child.DONE
    return folder


@pytest.mark.parametrize("how", ["control", "SIGTERM"])
def test_a_paused_run_stops_with_a_checkpoint_and_goes_on_to_the_same_end(
    tmp_path: Path, undisturbed: Path, how: str
) -> None:
    folder = training_folders.write(tmp_path / "run", NAME, config=LONG, checkpoint_every_s=0.2)
    process = begun(folder)
    if how == "control":
        (folder / "control").write_text("pause")
    else:
        process.terminate()
    process.join()
    assert process.exitcode == child.STOPPED
    assert not (folder / "result.json").exists()
    stood = json.loads((folder / "progress.json").read_bytes())
    assert 0 < stood["step"] < stood["steps"] == 1500
    assert stood["rss_bytes"] > 0
    assert stood["eta_s"] > 0
    (folder / "control").unlink(missing_ok=True)
    with (folder / "metrics.jsonl").open("a") as lines:  # as a crash leaves it: later than the checkpoint, and half
        lines.write('{"step": 1499, "epoch": 150, "split": "validation", "loss": 0}\n{"step": 15')
    assert training_folders.finish(folder) == child.DONE
    wanted = training_folders.result(undisturbed)
    assert training_folders.result(folder)["weights_sha256"] == wanted["weights_sha256"]
    assert validations(folder) == validations(undisturbed)  # none twice, none lost


def validations(folder: Path) -> list[tuple[int, float]]:
    return [(one["step"], one["loss"]) for one in training_folders.metrics(folder) if one["split"] == "validation"]


def test_a_cancelled_run_stops_between_two_steps(tmp_path: Path) -> None:
    folder = training_folders.write(tmp_path / "run", NAME, config=LONG, checkpoint_every_s=0.1)
    process = begun(folder)
    (folder / "control").write_text("cancel")
    process.join()
    assert process.exitcode == child.STOPPED
    assert not (folder / "result.json").exists()


def test_a_finished_run_is_left_alone(tmp_path: Path) -> None:
    folder = training_folders.write(tmp_path / "run", NAME)
    assert child.main([str(folder)]) == child.DONE
    before = (folder / "result.json").read_bytes()
    assert child.main([str(folder)]) == child.DONE
    assert (folder / "result.json").read_bytes() == before


def test_two_processes_train_to_the_weights_of_one(tmp_path: Path) -> None:
    config = {
        "epochs": 6,
        "batch": 8,
        "class_weights": "balanced",
    }  # 41 rows: the last batch has one, for two processes
    folders = [
        training_folders.write(tmp_path / str(n), NAME, rows=41, config=config, processes=n, threads=2) for n in (1, 2)
    ]
    for folder in folders:
        assert training_folders.finish(folder) == child.DONE, training_folders.error(folder)
    one, two = (safetensors.torch.load_file(folder / "out" / "weights.safetensors") for folder in folders)
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=1e-4, atol=1e-4)
    first, second = (training_folders.result(folder) for folder in folders)
    assert second["figures"] == pytest.approx(first["figures"], abs=1e-4)
    assert second["steps"] == first["steps"] == 36


TWO: dict[str, Any] = {  # processes; the rows are not equally shared out
    "rows": 41, "processes": 2, "threads": 2, "helpers": "forked",
    "config": {"hidden": [16], "dropout": 0.3, "epochs": 12, "batch": 4},
}  # fmt: skip


@pytest.fixture(scope="module")
def weights_of_two(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of what two processes come to that nobody stopped."""
    folder = training_folders.write(tmp_path_factory.mktemp("two") / "run", NAME, **TWO)
    assert training_folders.finish(folder) == child.DONE
    return str(training_folders.result(folder)["weights_sha256"])


@pytest.mark.parametrize("how", ["paused", "killed"])
def test_two_processes_stop_together_and_go_on_bit_for_bit(tmp_path: Path, weights_of_two: str, how: str) -> None:
    stopped = training_folders.write(tmp_path / how, NAME, **TWO, checkpoint_every_s=0)
    process = begun(stopped, after=25)  # in the third epoch
    if how == "killed":
        process.kill()
    (stopped / "control").write_text("pause")
    process.join()
    assert process.exitcode == (child.STOPPED if how == "paused" else -signal.SIGKILL)
    (stopped / "control").unlink()
    change(stopped, checkpoint_every_s=30)
    assert training_folders.finish(stopped) == child.DONE
    assert training_folders.result(stopped)["weights_sha256"] == weights_of_two


def test_the_disk_full_at_a_checkpoint_is_told_and_the_run_goes_on_once_there_is_room(tmp_path: Path) -> None:
    config = {"epochs": 8, "hidden": [64], "growth": [{"epoch": 4, "hidden": [512, 512]}]}
    folder = training_folders.write(tmp_path / "run", NAME, config=config, checkpoint_every_s=0)
    assert training_folders.finish(folder, largest_bytes=100_000) == child.REFUSED
    told = training_folders.error(folder)
    assert told["code"] == "disk_full"
    assert "free some space" in told["fix"]
    assert len(list((folder / "checkpoints").iterdir())) == 2
    change(folder, checkpoint_every_s=30)
    assert training_folders.finish(folder) == child.DONE
    assert not (folder / "error.json").exists()


def test_a_run_without_held_parts_tells_of_its_training_part(tmp_path: Path) -> None:
    folder = training_folders.write(tmp_path / "run", NAME)
    change(folder, data={"train": str(folder / "train.parquet"), "validation": None, "test": None})
    assert child.main([str(folder)]) == child.DONE
    found = training_folders.result(folder)
    assert found["test_read"] is False
    assert all(name.startswith("train_") for name in found["figures"])
    assert "predictions.parquet" not in found["files"]


def test_predictions_name_part_row_label_and_a_probability_for_each_class(tmp_path: Path) -> None:
    folder = training_folders.write(tmp_path / "run", NAME)
    assert child.main([str(folder)]) == child.DONE
    frame = polars.read_parquet(folder / "out" / "predictions.parquet")
    assert frame.columns == ["part", "row", "label", "prediction", "p_0", "p_1"]
    assert frame["part"].unique().sort().to_list() == ["test", "validation"]
    np.testing.assert_allclose((frame["p_0"] + frame["p_1"]).to_numpy(), 1, atol=1e-5)
    held = tasks.load(NAME).example(20, 1)
    assert frame.filter(part="test").sort("row")["label"].to_list() == list(held.table["label"])


def change(folder: Path, **job: Any) -> None:
    said = json.loads((folder / "job.json").read_bytes())
    (folder / "job.json").write_text(json.dumps({**said, **job}))


def refused(folder: Path) -> dict[str, str]:
    assert child.main([str(folder)]) == child.REFUSED
    assert not (folder / "result.json").exists()
    told = training_folders.error(folder)
    assert told["fix"]
    return told


@pytest.mark.parametrize(
    ("job", "code", "said"),
    [
        ({"task": "telepathy"}, "unknown_task", "'telepathy'"),
        ({"config": {"rate": -1}}, "bad_config", "'rate'"),
        ({"config": {"speed": 1}}, "bad_config", "'speed'"),
        ({"device": "abacus"}, "bad_job", "device"),
        ({"columns": []}, "bad_training", "no column is to be read"),
        (
            {"columns": [{"name": "number", "kind": "number", "role": "feature"}]},
            "bad_training",
            "0 columns have the role 'label'",
        ),
        ({"columns": [{"name": "label", "kind": "category", "role": "label"}]}, "bad_training", "role 'feature'"),
        ({"columns": [{"name": "gone", "kind": "number", "role": "feature"}]}, "bad_data", "gone"),
        ({"init": {"weights": "nowhere", "spec": "nowhere"}}, "bad_training", "spec of the earlier weights"),
    ],
    ids=lambda one: str(next(iter(one))) if isinstance(one, dict) else "",
)
def test_a_job_that_cannot_be_done_is_refused_with_the_reason_and_the_fix(
    tmp_path: Path, job: dict[str, Any], code: str, said: str
) -> None:
    folder = training_folders.write(tmp_path / "run", NAME)
    change(folder, **job)
    told = refused(folder)
    assert told["code"] == code
    assert said in told["message"]


def test_a_loss_that_is_no_number_ends_the_run_with_step_and_fix(tmp_path: Path) -> None:
    config = {"rate": 10, "optimiser": "sgd", "epochs": 200, "hidden": []}
    told = refused(training_folders.write(tmp_path / "run", "tabular_regression", config=config))
    assert told["code"] == "loss_not_finite"
    assert "at step" in told["message"]
    assert "lower the rate (now 10)" in told["fix"]


def test_no_gpu_is_told(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    folder = training_folders.write(tmp_path / "run", NAME, device="cuda")
    assert refused(folder)["code"] == "no_gpu"


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("label", ["yes"] * 40, "one class only: yes"),
        ("label", [None] * 40, "one class only: none"),
        ("number", ["seven"] * 40, "'seven'"),
    ],
)
def test_columns_that_teach_nothing_are_refused(tmp_path: Path, column: str, values: list[Any], said: str) -> None:
    table = {**tasks.load(NAME).example(40, 0).table, column: values}
    folder = training_folders.write(tmp_path / "run", NAME, table=table)
    assert said in refused(folder)["message"]


def test_an_empty_training_part_is_refused_and_an_empty_validation_part_is_as_none(tmp_path: Path) -> None:
    folder = training_folders.write(tmp_path / "run", NAME)
    frame = polars.read_parquet(folder / "train.parquet")
    frame.clear().write_parquet(folder / "validation.parquet")
    assert child.main([str(folder)]) == child.DONE
    assert not any(name.startswith("validation") for name in training_folders.result(folder)["figures"])
    (folder / "result.json").unlink()
    frame.clear().write_parquet(folder / "train.parquet")
    assert "training part is empty" in refused(folder)["message"]


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    folder = training_folders.write(tmp_path / "run", NAME)
    (folder / "train.parquet").write_bytes(b"PAR1 not really")
    assert refused(folder)["code"] == "bad_data"
