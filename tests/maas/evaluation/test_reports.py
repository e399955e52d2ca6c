"""Reports and readings of a school, on both databases: what is found, who may ask, what is logged."""

from collections.abc import Callable

import pytest

pytest.importorskip("polars", reason="tables are read by polars, of the extra `data`")
pytest.importorskip("onnxruntime", reason="models are run by onnxruntime, of the extra `embed`")

from tests.maas.evaluation.asking import Run, Runs, actions, asked
from tests.maas.evaluation.conftest import Once, School

from shuyuan.kernel import errors
from shuyuan.maas.catalogue.interface import UnknownModel
from shuyuan.maas.datasets import interface as datasets
from shuyuan.maas.evaluation import interface
from shuyuan.maas.evaluation.interface import Condition, NewGate, NewReport


def test_a_version_is_evaluated_stored_and_read_again_whole(school: School) -> None:
    report = school.evaluation.evaluate(school.id, "actor", asked(school))
    assert (report.subject, report.data, report.part, report.family) == (
        school.version.uri,
        school.data.uri,
        "validation",
        "classification",
    )
    assert report.state == "finished"
    assert report.rows == 300
    assert report.figures["accuracy"] > 0.8
    assert report.confusion is not None
    assert report == school.evaluation.report(school.id, report.id)
    (line,) = school.evaluation.reports(school.id, subject=school.version.uri)
    assert line.figures == report.figures
    assert line.confusion is None
    assert school.evaluation.reports(school.id, subject="models:/other/1") == []
    assert {"report.ordered", "report.made"} <= set(actions(school))
    assert b"<svg" in school.evaluation.html(school.id, report.id, "zh")
    assert not list((school.platform.settings.home / "evaluations").iterdir())  # no copy of the data stays


def test_reading_a_test_part_is_logged_with_version_person_and_time_and_counted(school: School) -> None:
    evaluation = school.evaluation
    assert evaluation.evaluate(school.id, "a", asked(school)).test_readings == 0
    assert evaluation.readings(school.id) == []
    first = evaluation.evaluate(school.id, "a", asked(school, "test"))
    second = evaluation.evaluate(school.id, "b", asked(school, "test"))
    assert (first.test_readings, second.test_readings) == (1, 2)
    newest, oldest = evaluation.readings(school.id, school.data.uri)
    assert (newest.read_by, oldest.read_by) == ("b", "a")
    assert newest.subject == school.version.uri
    assert newest.report_id == second.id
    assert newest.rows == school.data.parts["test"].rows
    evaluation.note_reading(
        school.id, "c", subject="runs:/x", data=school.data.uri, data_sha256=newest.data_sha256, rows=3
    )
    assert [one.read_by for one in evaluation.readings(school.id)] == ["c", "b", "a"]
    assert actions(school).count("test_part.read") == 3


def test_another_school_sees_and_reaches_none_of_it(school: School) -> None:
    evaluation = school.evaluation
    report = evaluation.evaluate(school.id, "a", asked(school, "test"))
    verdict = evaluation.judge(school.id, "a", "", report.id)
    other = school.platform.get("identity").create_school("other").id
    assert evaluation.reports(other) == []
    assert evaluation.readings(other) == []
    asks: list[Callable[[], object]] = [
        lambda: evaluation.report(other, report.id),
        lambda: evaluation.html(other, report.id, "en"),
        lambda: evaluation.verdicts(other, report.id),
        lambda: evaluation.judge(other, "a", "classification", report.id),
        lambda: evaluation.verdict(other, verdict.id),
        lambda: evaluation.evaluate(other, "a", asked(school)),
    ]
    for ask in asks:
        with pytest.raises(errors.NotFound):
            ask()
    mine = evaluation.put_gate(
        school.principal(), "own", NewGate(conditions=(Condition(figure="auc", comparison=">", limit=0),))
    )
    assert mine.name in {one.name for one in evaluation.gates(school.id)}
    assert mine.name not in {one.name for one in evaluation.gates(other)}
    with pytest.raises(interface.UnknownGate):
        evaluation.gate(other, "own")


def test_who_may_not_set_a_gate_or_order_a_report_is_refused(school: School) -> None:
    new = NewGate(conditions=(Condition(figure="accuracy", comparison=">", limit=0),))
    with pytest.raises(errors.Forbidden):
        school.evaluation.put_gate(school.principal("developer"), "x", new)
    for role in ("teacher", "student", "guardian"):
        with pytest.raises(errors.Forbidden):
            school.evaluation.put_gate(school.principal(role), "x", new)
        with pytest.raises(errors.Forbidden):
            school.evaluation.start(school.principal(role), asked(school))
    with pytest.raises(errors.BadInput, match="cannot be named"):
        school.evaluation.put_gate(school.principal(), "../x", new)


def test_what_is_not_there_is_said_before_anything_is_stored(school: School) -> None:
    evaluation = school.evaluation
    cases: list[tuple[NewReport, type[errors.ShuyuanError]]] = [
        (asked(school, subject="models:/nothing/1"), UnknownModel),
        (asked(school, data="data:/nothing"), datasets.UnknownDataSet),
        (asked(school, groups=("nowhere",)), datasets.WrongColumns),
        (asked(school, subject="runs:/1"), interface.UnknownSubject),
        (asked(school, task="no_such_task"), interface.UnknownSubject),
    ]
    for new, expected in cases:
        with pytest.raises(expected):
            evaluation.evaluate(school.id, "a", new)
    assert evaluation.reports(school.id) == []
    assert evaluation.readings(school.id) == []


def test_a_run_is_evaluated_by_what_it_kept_and_only_once_it_has_finished(school: School, once: Once) -> None:
    run = Run("r1", school.data.uri)
    files = {"model.onnx": once.model, "predictions.parquet": once.given / "out" / "predictions.parquet"}
    evaluation = school.service(training=Runs(school.id, run, files))
    report = evaluation.evaluate(school.id, "a", asked(school, subject="runs:/r1"))
    assert (report.subject, report.task, report.state) == ("runs:/r1", "tabular_classification", "finished")
    running = Runs(school.id, Run("r1", school.data.uri, state="running"), files)
    elsewhere = Runs(school.id, Run("r1", "data:/other/1"), {"predictions.parquet": once.model})
    for wrong in (running, elsewhere, Runs(school.id, run)):
        with pytest.raises(interface.UnknownSubject):
            school.service(training=wrong).evaluate(school.id, "a", asked(school, subject="runs:/r1"))
    other = school.platform.get("identity").create_school("other").id
    with pytest.raises(errors.NotFound):
        evaluation.evaluate(other, "a", asked(school, subject="runs:/r1"))


def test_a_data_set_is_noted_as_used(school: School) -> None:
    report = school.evaluation.evaluate(school.id, "a", asked(school))
    assert school.sets.used_by == [f"reports:/{report.id}"]
