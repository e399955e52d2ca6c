"""Through every real room: a file becomes a data set in three parts, a model is evaluated on it, a gate refuses it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("polars", reason="tables are read by polars, of the extra `data`")
pytest.importorskip("onnxruntime", reason="models are run by onnxruntime, of the extra `embed`")

from tests.maas.evaluation import made
from tests.maas.evaluation.asking import Run, Runs, asked
from tests.maas.evaluation.conftest import School

from shuyuan.maas.datasets import interface as datasets
from shuyuan.maas.evaluation import interface


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_planted_gap_goes_from_a_file_to_a_refusal(real: Callable[..., School], tmp_path: Path) -> None:
    school = real(bad_band="old", personal=True)
    evaluation, stages = school.evaluation, list[object]()
    report = evaluation.evaluate(
        school.id, "a", asked(school, "test", groups=("band",)), on_progress=lambda told: stages.append(told["stage"])
    )
    assert stages
    assert report.rows == school.data.parts["test"].rows
    assert {one.column for one in report.groups} == {"band"}
    assert report.figures["subgroup_gap_excess"] > 0.05
    assert all(one.values is None for one in report.examples)
    assert "1 times" in evaluation.html(school.id, report.id, "en").decode()
    verdict = evaluation.judge(school.id, "a", "classification", report.id)
    assert "subgroup_gap_excess" in {line.figure for line in verdict.failed}
    with pytest.raises(datasets.DataSetInUse):
        school.platform.get("datasets").delete(school.id, "a", school.data.uri)
    _refused_by_the_child(school, tmp_path)
    _evaluated_as_a_run(school, tmp_path)
    assert not list((school.platform.settings.home / "evaluations").iterdir())


def _refused_by_the_child(school: School, place: Path) -> None:
    """A model of other columns: told with the child's code, kept as failed."""
    table = {**made.pupils(100), "extra": list(range(100))}
    columns = (*made.COLUMNS, {"name": "extra", "kind": "number", "role": "feature"})
    model, spec = made.model(place, table, columns)
    other = school.platform.get("catalogue").add_file(
        school.id, "system", model="other", source=model, runner="onnx", spec=spec
    )
    with pytest.raises(interface.EvaluationFailed, match="no column 'extra'") as told:
        school.evaluation.evaluate(school.id, "a", asked(school, subject=other.uri))
    assert told.value.error_code == "wrong_columns"
    (kept,) = school.evaluation.reports(school.id, subject=other.uri)
    assert kept.state == "failed"
    assert kept.error is not None
    assert kept.error["code"] == "wrong_columns"
    with pytest.raises(interface.ReportNotReady):
        school.evaluation.judge(school.id, "a", "", kept.id)


def _evaluated_as_a_run(school: School, place: Path) -> None:
    """By model, spec and features beside it, as a run keeps them."""
    model, spec = made.model(place, made.pupils(600))
    files = {"model.onnx": model, "spec.json": place / "spec.json", "features.json": place / "features.json"}
    files["features.json"].write_text(json.dumps(spec.pop("features")))
    files["spec.json"].write_text(json.dumps(spec))
    runs = Runs(school.id, Run("r1", school.data.uri), files)
    evaluation = school.service(
        training=runs, datasets=school.platform.get("datasets"), command=school.evaluation._command
    )
    report = evaluation.evaluate(school.id, "a", asked(school, subject="runs:/r1"))
    assert report.subject == "runs:/r1"
    assert report.latency is not None
    evaluation.close()
