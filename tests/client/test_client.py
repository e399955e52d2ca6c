"""The Python client against a real server process: from a file to a prediction, and what is refused."""

import ast
import json
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.maas import onnx_file
from tests.web import workbench

from shuyuan.client import ApiError, Client, Failed
from shuyuan.entrypoints import process

pytest.importorskip("torch", reason="training needs torch: make train")
pytest.importorskip("polars", reason="data sets are read with polars: make train")
DOCS = Path(__file__).parents[2] / "docs" / "life-cycle" / "pages.md"
SCOPES = ["admin", "models"]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A server of its own, and the key of its administrator."""
    home = tmp_path_factory.mktemp("client") / "home"
    with process.server(home, "--starter", "none") as running:
        boss = next(one for one in running.demo()["accounts"] if one["role"] == "admin")
        with process.sign_in(running.base_url, boss) as browser:
            made = browser.post("/api/keys", json={"name": "notebook", "scopes": SCOPES}).raise_for_status().json()
        yield running.base_url, made["secret"]


@pytest.fixture
def school(base: tuple[str, str]) -> Iterator[Client]:
    with Client(*base) as client:
        yield client


def example() -> str:
    """The example of the docs page."""
    found = re.search(r"```python\n(.*?)```", DOCS.read_text("utf-8"), re.S)
    assert found is not None
    return found[1]


def test_every_refusal_has_its_code_also_that_of_tensors_and_of_no_server_at_all(school: Client) -> None:
    with pytest.raises(ApiError) as refused:
        school.models.predict("nobody", {"x": [[0.0, 0.0]]})
    assert (refused.value.code, refused.value.status) == ("model_not_found", 404)
    with Client("http://127.0.0.1:9", "sk-nothing") as alone, pytest.raises(ApiError) as silent:
        alone.datasets.list()
    assert (silent.value.code, silent.value.status, "shuyuan up" in silent.value.fix) == ("unreachable", 0, True)
    with pytest.raises(FileNotFoundError):
        school.datasets.upload("nofile.csv", "nothing")


def test_the_example_of_the_docs_goes_from_a_file_to_a_prediction(
    base: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("marks.csv").write_bytes(workbench.table())
    said: dict[str, Any] = {"base_url": base[0], "api_key": base[1]}
    exec(compile(example(), str(DOCS), "exec"), said)  # noqa: S102  # our own page, as its readers run it
    assert said["data"].uri == "data:/marks/2"
    assert set(said["data"].parts) == {"train", "validation", "test"}
    assert said["run"].state == "finished"
    assert said["report"].figures["accuracy"] > 0.5
    assert said["verdict"].lines
    printed = ast.literal_eval(capsys.readouterr().out)
    assert [one["prediction"] for one in printed] == ["yes", "no"], "real values, by the names of their columns"

    with Client(*base) as school:
        version = said["version"]
        with pytest.warns(UserWarning, match="passing does not read the columns sheet$"):
            school.models.predict_rows("passing", [{"hours": 2, "path": "arts", "sheet": 1}])
        if not said["verdict"].passed:
            school.models.promote(version, reason="the first of its kind")
        assert school.models.deployment("passing").champion == version.number == 1
        assert [one.uri for one in school.models.versions("passing")] == [version.uri]
        lines = school.runs.metrics(said["run"])
        assert {line["split"] for line in lines} == {"train", "validation"}
        assert school.runs.metrics(said["run"], after=len(lines)) == []
        assert [one.id for one in school.runs.list()] == [said["run"].id]
        assert school.runs.download(said["run"], "model.onnx", tmp_path / "model.onnx").stat().st_size > 100
        assert school.reports.html(said["report"], tmp_path / "report.html", language="en").read_text("utf-8")

        tensors = {one["name"]: np.zeros((1, one["shape"][1])).tolist() for one in school.models.inputs("passing")}
        assert len(school.models.predict("passing", tensors)["logits"][0]) == 2
        child = school.models.compress(version, "int8_dynamic")
        assert {row["figure"] for row in child.table} >= {"size_bytes"}
        assert child.child == "models:/passing/2"
        assert school.models.deploy(child.child, canary=0.25, reason="a quarter").canary == {
            "version": 2,
            "share": 0.25,
        }
        assert school.models.rollback("passing", "enough").champion == 1
        assert school.models.bundle(version, tmp_path / "edge.zip").read_bytes()[:2] == b"PK"


def test_what_the_server_refuses_says_code_message_and_fix(school: Client, tmp_path: Path) -> None:
    with pytest.raises(ApiError) as refused:
        school.runs.get("0" * 26)
    assert (refused.value.status, refused.value.code) == (404, "run_not_found")
    assert refused.value.fix
    with pytest.raises(ApiError, match=r"unknown_task"):
        school.runs.start("no_such_task", "data:/none")
    with pytest.raises(ValueError, match="models:/name/3"):
        school.models.promote("passing")
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    with pytest.raises(ApiError):
        school.datasets.upload(empty, "empty")


def test_work_that_fails_after_it_was_taken_raises_what_it_failed_with(school: Client, tmp_path: Path) -> None:
    (pickled := tmp_path / "model.pkl").write_bytes(pickle.dumps([1]))
    with pytest.raises(Failed, match="any code"):
        school.models.bring(pickled, "estimator")
    (graph := tmp_path / "linear.onnx").write_bytes(onnx_file.linear(np.eye(3, dtype=np.float32)))
    assert school.models.bring(graph, "linear", labels=["a", "b", "c"]).version == "models:/linear/1"
    torn = tmp_path / "torn.parquet"
    torn.write_bytes(b"PAR1 not really PAR1")
    with pytest.raises(ApiError) as refused:
        school.datasets.upload(torn, "torn")
    assert isinstance(refused.value, Failed) or refused.value.status == 400
    assert refused.value.message


def test_a_search_is_started_looked_at_and_cancelled(school: Client, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_bytes(workbench.table())
    raw = school.datasets.upload(tmp_path / "table.csv", "searched", purpose="who passes")
    data = school.datasets.prepare(raw.uri, label="passed", roles={"sheet": "ignore", "comment": "ignore"}).uri
    space = {"rate": {"low": 0.001, "high": 0.1, "log": True}}
    with pytest.raises(ApiError) as refused:
        school.searches.start("tabular_classification", data, {"speed": {"choices": [1]}})
    assert (refused.value.code, "no field 'speed'" in refused.value.message) == ("bad_search_space", True)
    begun = school.searches.start("tabular_classification", data, space, {"epochs": 10_000}, trials=3)
    assert (begun.metric, begun.direction, begun.ended) == ("validation_loss", "minimize", 0)
    assert [one.id for one in school.searches.list()] == [begun.id]
    assert all(run.task == "tabular_classification" for run in school.searches.trials(begun))
    assert school.searches.cancel(begun).state == "cancelled"
    with pytest.raises(Failed, match="is cancelled"):
        school.searches.wait(begun)


def test_a_wrong_key_is_told(base: tuple[str, str]) -> None:
    with Client(base[0], "no-key") as stranger, pytest.raises(ApiError) as refused:
        stranger.datasets.list()
    assert refused.value.status == 401


def test_it_imports_nothing_heavy_and_nothing_of_the_platform() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "import sys, json, shuyuan.client; print(json.dumps(sorted(sys.modules)))"],
        capture_output=True,
        check=True,
        text=True,
    )
    loaded = json.loads(told.stdout)
    ours = [name for name in loaded if name.startswith("shuyuan.") and not name.startswith("shuyuan.client")]
    heavy = {"torch", "polars", "numpy", "onnxruntime", "sqlalchemy", "fastapi"} & set(loaded)
    assert (ours, heavy) == ([], set())
