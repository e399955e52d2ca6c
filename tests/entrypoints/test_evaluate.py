"""`shuyuan evaluate`: figures on the screen, the report in a file, the gate in the exit code."""

import io
import json
from pathlib import Path

import pytest

pytest.importorskip("polars", reason="tables are read by polars, of the extra `data`")
pytest.importorskip("onnxruntime", reason="models are run by onnxruntime, of the extra `embed`")

import polars as pl
from tests.journeys import shell
from tests.maas.evaluation import made

from shuyuan.entrypoints import installation
from shuyuan.identity import interface as identity
from shuyuan.maas.datasets import interface as datasets
from shuyuan.maas.evaluation import interface as evaluation


@pytest.fixture
def with_model(home: Path, tmp_path: Path) -> Path:
    """The home with `data:/pupils/1` and `models:/passes/1`."""
    table = made.pupils(300)
    model, spec = made.model(tmp_path, table)
    told = {
        one["name"]: datasets.ColumnPlan.model_validate({k: one[k] for k in ("kind", "role")}) for one in made.COLUMNS
    }
    with installation.opened(home) as platform:
        school = platform.get("identity").schools()[0].id
        sets: datasets.DataSets = platform.get("datasets")
        new = datasets.NewDataSet(name="pupils", filename="pupils.csv", columns=told, consent=True)
        sets.wait(school, sets.create(school, "system", io.BytesIO(pl.DataFrame(table).write_csv().encode()), new).id)
        ours = evaluation.NewGate(
            conditions=(evaluation.Condition(figure="auc", comparison=">=", limit=0.5),), part="test"
        )
        platform.get("evaluation").put_gate(identity.Principal("system", school, "admin"), "ours", ours)
        platform.get("catalogue").add_file(school, "system", model="passes", source=model, runner="onnx", spec=spec)
    return home


def test_a_model_is_evaluated_judged_and_its_report_written(with_model: Path, tmp_path: Path) -> None:
    page, figures = tmp_path / "report.html", tmp_path / "report.json"
    said = shell.call(
        *("evaluate", "models:/passes/1", "--data", "data:/pupils", "--part", "train", "--gate", "auto"),
        *("--html", page, "--json", figures, "--language", "en", "--home", with_model),
    )
    assert said.err == ""
    assert "accuracy" in said.words
    assert "gate classification" in said.words
    assert " persons, " in said.words, "each group with its own figure and how many they are"
    assert "NOT KEPT" in said.words, "nothing passes by what it was trained on"
    told = json.loads(figures.read_text())
    assert (said.code, "not passed" in said.words) == (1, True)
    assert told["figures"]["accuracy"] > 0.8
    assert '<html lang="en">' in page.read_text("utf-8")
    assert "wrong part" in said.words, "and each line says why"
    assert "verdict " in said.words
    refused = shell.call("promote", "passes", "--version", "1", "--home", with_model).err.replace("\n", " ")
    assert "gate classification failed" in refused, "the verdict on record is found"
    said = shell.call("shuffled-fit", told["id"], "--home", with_model)
    assert "models:/passes/1 was not trained here to find a label" in said.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nothing", "--data", "data:/pupils"], "no part validation"),
        (["models:/passes/1", "--data", "data:/nothing", "--part", "train"], "data:/nothing"),
        (["models:/passes/9", "--data", "data:/pupils", "--part", "train"], "no version 9 of 'passes'"),
        (["models:/passes/1", "--data", "data:/pupils", "--part", "all"], "no part 'all'"),
        (["models:/passes/1", "--data", "data:/pupils", "--part", "train", "--gate", "good"], "gate is called 'good'"),
        (["models:/passes/1", "--data", "data:/pupils", "--part", "train", "--gate", "ours"], "on part test, not on"),
    ],
)
def test_what_cannot_be_evaluated_is_one_sentence_with_its_fix(with_model: Path, words: list[str], says: str) -> None:
    said = shell.call("evaluate", *words, "--home", with_model)
    assert said.code == 1
    assert says in said.err.replace("\n", " ")
    assert "fix" in said.err
    assert "report" not in said.words, "nothing was evaluated"
