"""Reports, gates, verdicts and readings of a school, on both databases."""

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("polars", reason="tables are read by polars, of the extra `data`")
pytest.importorskip("onnxruntime", reason="models are run by onnxruntime, of the extra `embed`")

from tests.maas.evaluation.conftest import COPY, MODEL, Once, School

from shuyuan.kernel import audit, errors
from shuyuan.maas.catalogue.interface import NewVersion, UnknownModel, Version
from shuyuan.maas.datasets import interface as datasets
from shuyuan.maas.evaluation import interface, jobs, store
from shuyuan.maas.evaluation.interface import Condition, NewGate, NewReport


def asked(school: School, part: datasets.Part = "validation", **more: object) -> NewReport:
    return NewReport.model_validate({"subject": school.version.uri, "data": school.data.uri, "part": part, **more})


def actions(school: School) -> list[str]:
    with school.platform.get("db").read() as conn:
        return [row.action for row in audit.entries(conn, school.id)]


@dataclass(frozen=True)
class File:
    """A file of a run."""

    sha256: str


@dataclass(frozen=True)
class Run:
    """A run as evaluation sees it."""

    id: str
    data: str
    task: str = "tabular_classification"
    state: str = "finished"
    artefacts: Mapping[str, File] = field(default_factory=dict)
    config: Mapping[str, object] = field(default_factory=dict)
    seed: int = 7
    figures: Mapping[str, float] = field(default_factory=dict)
    registered: tuple[str, ...] = ()
    error: Mapping[str, str] | None = None

    @property
    def uri(self) -> str:
        return f"runs:/{self.id}"


@dataclass(frozen=True)
class Runs:
    """Keeps one run's files, of one school."""

    school_id: str
    run: Run
    files: Mapping[str, Path] = field(default_factory=dict)

    def run_of(self, school_id: str, run_id: str) -> Run:
        if (school_id, run_id) != (self.school_id, self.run.id):
            raise errors.NotFound(f"no run {run_id!r}")
        return self.run

    def artefact_of(self, school_id: str, run_id: str, name: str) -> Path:
        if name not in self.files:
            raise errors.NotFound(f"no file {name!r}")
        return self.files[name]


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


def test_a_verdict_is_stored_and_audited_with_every_line(school: School) -> None:
    evaluation = school.evaluation
    serve(school, school.version.number)
    champion = evaluation.evaluate(school.id, "a", asked(school))
    second = another(school)
    candidate = evaluation.evaluate(school.id, "a", asked(school, subject=second.uri))
    verdict = evaluation.judge(school.id, "judge", "", candidate.id, champion.id)
    assert (verdict.gate, verdict.gate_number, verdict.judged_by) == ("classification", 0, "judge")
    assert (verdict.subject, verdict.champion_report_id) == (second.uri, champion.id)
    assert verdict == evaluation.verdict(school.id, verdict.id)
    assert evaluation.verdicts(school.id, candidate.id) == [verdict]
    compared = next(line for line in verdict.lines if line.said == "champion - 0.01" and line.figure == "accuracy")
    assert compared.passed
    assert compared.limit == pytest.approx(champion.figures["accuracy"] - 0.01)
    assert "gate.judged" in actions(school)


def another(school: School, model: str = MODEL) -> Version:
    """The next version, from the same file."""
    catalogue = school.platform.get("catalogue")
    path = catalogue.locate(school.version.uri, school.id).path
    spec = dict(school.version.spec)
    made: Version = catalogue.add_file(school.id, "system", model=model, source=path, runner="onnx", spec=spec)
    return made


def serve(school: School, number: int) -> None:
    school.platform.get("db").write(
        lambda uow: school.platform.get("catalogue").promote(
            uow, school_id=school.id, actor_id="a", model=MODEL, alias="champion", version=number, reason="tests"
        )
    )


COMPARED = NewGate(
    conditions=(Condition(figure="accuracy", comparison=">=", limit="champion - 0.01"),), reason="for the test"
)


def test_the_champion_is_found_and_without_its_report_nothing_passes(school: School) -> None:
    evaluation, second = school.evaluation, another(school)
    evaluation.put_gate(school.principal(), "classification", COMPARED)
    candidate = evaluation.evaluate(school.id, "a", asked(school, subject=second.uri))
    alone = evaluation.judge(school.id, "a", "", candidate.id)
    assert (alone.passed, alone.lines[0].note) == (True, "no_champion"), "nothing is served yet"
    serve(school, 1)
    evaluation.evaluate(school.id, "a", asked(school, "test"))
    made_now = evaluation.judge(school.id, "a", "", candidate.id)
    assert (made_now.passed, made_now.lines[0].used, made_now.lines[0].champion) == (True, "made", school.version.uri)
    of_champion = evaluation.reports(school.id, subject=school.version.uri)
    assert made_now.champion_report_id == of_champion[0].id
    assert [one.part for one in of_champion] == ["validation", "test"]
    newest = evaluation.evaluate(school.id, "a", asked(school))
    compared = evaluation.judge(school.id, "a", "", candidate.id)
    assert (compared.passed, compared.champion_report_id, compared.lines[0].used) == (True, newest.id, "report")
    assert compared.lines[0].limit is not None
    plain = NewGate(conditions=(Condition(figure="accuracy", comparison=">=", limit=0.1),))
    evaluation.put_gate(school.principal(), "plain", plain)
    other = evaluation.evaluate(school.id, "a", asked(school, "test", subject=second.uri))
    evaluation.judge(school.id, "a", "plain", other.id)
    assert len(evaluation.reports(school.id, subject=school.version.uri)) == 3, "nobody asked for the champion"


def test_a_champion_that_cannot_be_evaluated_fails_its_lines_and_says_why(school: School) -> None:
    evaluation, second = school.evaluation, another(school)
    evaluation.put_gate(school.principal(), "classification", COMPARED)
    candidate = evaluation.evaluate(school.id, "a", asked(school, subject=second.uri))
    serve(school, 1)
    dying = school.service(command=(sys.executable, "-c", "raise SystemExit(9)"))
    (line,) = dying.judge(school.id, "a", "", candidate.id).failed
    assert (line.note, line.limit, line.used) == ("champion_unreported", None, "")
    assert "code 9" in line.reason
    dying.close()


def test_the_report_of_the_run_that_the_champion_was_made_from_stands_in_for_its_own(
    school: School, once: Once
) -> None:
    of = school.version
    run = Run("r1", school.data.uri, artefacts={"model.onnx": File(of.artefact_sha256)})
    keeps = {"predictions.parquet": once.given / "out" / "predictions.parquet"}
    evaluation = school.service(training=Runs(school.id, run, keeps))
    new = NewVersion(
        model=MODEL,
        runner="onnx",
        artefact_sha256=of.artefact_sha256,
        size_bytes=of.size_bytes,
        card=of.card,
        lineage={"run": run.uri},
        spec=of.spec,
    )
    catalogue = school.platform.get("catalogue")
    champion = school.platform.get("db").write(
        lambda uow: catalogue.register_version(uow, school_id=school.id, actor_id="a", version=new)
    )
    serve(school, champion.number)
    evaluation.put_gate(school.principal(), "classification", COMPARED)
    candidate = evaluation.evaluate(school.id, "a", asked(school))
    of_run = evaluation.evaluate(school.id, "a", asked(school, subject=run.uri))
    said = evaluation.judge(school.id, "a", "", candidate.id)
    assert (said.passed, said.lines[0].used, said.champion_report_id) == (True, "run_report", of_run.id)
    assert evaluation.doubt(school.id, said, task="", champion=champion.uri) == ""
    given = evaluation.judge(school.id, "a", "", candidate.id, of_run.id)
    assert given.lines[0].used == "run_report"


def test_nobody_but_the_champion_stands_in_for_the_champion(school: School) -> None:
    evaluation, second, other = school.evaluation, another(school), another(school, "others")
    serve(school, 1)
    candidate = evaluation.evaluate(school.id, "a", asked(school, subject=second.uri))
    for subject in (second.uri, other.uri):
        wrong = evaluation.evaluate(school.id, "a", asked(school, subject=subject))
        with pytest.raises(errors.BadInput, match=f"and {school.version.uri} is served"):
            evaluation.judge(school.id, "a", "", candidate.id, wrong.id)


def test_a_verdict_is_doubted_once_gate_or_champion_changed_or_if_another_gate_gave_it(school: School) -> None:
    evaluation, second = school.evaluation, another(school)
    admin = school.principal()
    for name in ("classification", "lax"):
        evaluation.put_gate(admin, name, COMPARED)
    report = evaluation.evaluate(school.id, "a", asked(school, subject=second.uri))
    alone, lax = (evaluation.judge(school.id, "a", gate, report.id) for gate in ("", "lax"))

    def doubt(verdict: interface.Verdict, champion: str | None = None, task: str = "") -> str:
        return evaluation.doubt(school.id, verdict, task=task, champion=champion)

    assert (doubt(alone), doubt(lax)) == ("", "other_gate")
    assert doubt(alone, task="tabular_regression") == doubt(alone, task="no_such_task") == "other_gate"
    assert doubt(alone, school.version.uri) == "other_champion", "it was compared with nobody"
    serve(school, 1)
    evaluation.evaluate(school.id, "a", asked(school))
    compared = evaluation.judge(school.id, "a", "", report.id)
    assert (doubt(compared, school.version.uri), doubt(compared, "models:/passes/9")) == ("", "other_champion")
    evaluation.put_gate(admin, "classification", COMPARED.model_copy(update={"reason": "a look at it"}))
    assert doubt(compared, school.version.uri) == "gate_changed"
    evaluation.remove_gate(admin, "lax", "nobody needs it")
    assert doubt(lax) == "gate_changed", "it is gone"


def test_a_gate_is_set_changed_and_keeps_its_past(school: School) -> None:
    evaluation, admin = school.evaluation, school.principal()
    shipped = evaluation.gate(school.id, "classification")
    assert shipped.number == 0
    low, high = (NewGate(conditions=(Condition(figure="accuracy", comparison=">=", limit=x),)) for x in (0.1, 0.999))
    with pytest.raises(interface.ReasonMissing):
        evaluation.put_gate(admin, "classification", low)
    low = low.model_copy(update={"reason": "a shipped gate is in force, too", "expected": 0})
    evaluation.put_gate(admin, "classification", low)
    with pytest.raises(interface.GateChanged, match="change 1 by now, not 0"):
        evaluation.put_gate(admin, "classification", low)
    assert [one.name for one in evaluation.gates(school.id)].count("classification") == 1
    report = evaluation.evaluate(school.id, "a", asked(school))
    passed = evaluation.judge(school.id, "a", "", report.id)
    with pytest.raises(interface.ReasonMissing):
        evaluation.put_gate(admin, "classification", high)
    changed = evaluation.put_gate(admin, "classification", high.model_copy(update={"reason": "too many passed"}))
    refused = evaluation.judge(school.id, "a", "", report.id)
    assert (passed.passed, passed.gate_number) == (True, 1)
    assert (refused.passed, refused.gate_number, changed.number) == (False, 2, 2)
    assert refused.failed[0].value == report.figures["accuracy"]
    assert (actions(school).count("gate.set"), changed.reason) == (2, "too many passed")


def test_a_gate_of_a_tasks_name_goes_before_its_familys_and_needs_a_reason(school: School) -> None:
    trains = SimpleNamespace(tasks=lambda: [SimpleNamespace(name="tabular_classification")])
    evaluation, admin = school.service(training=trains), school.principal()
    new = NewGate(conditions=(Condition(figure="accuracy", comparison=">=", limit=0),))
    with pytest.raises(interface.ReasonMissing, match="'classification' is in force and cannot be replaced for"):
        evaluation.put_gate(admin, "tabular_classification", new)
    evaluation.put_gate(admin, "tabular_classification", new.model_copy(update={"reason": "a lenient pilot"}))
    evaluation.put_gate(admin, "classification_by_hand", new)
    assert evaluation.gate_in_force(school.id, "tabular_classification").reason == "a lenient pilot"


def test_a_gate_is_removed_for_a_reason_and_never_while_something_names_it(school: School) -> None:
    evaluation, admin = school.evaluation, school.principal()
    new = NewGate(conditions=(Condition(figure="accuracy", comparison=">", limit=0),), reason="ours")
    for name in ("classification", "ours"):
        evaluation.put_gate(admin, name, new)
    with pytest.raises(interface.ReasonMissing):
        evaluation.remove_gate(admin, "ours", "  ")
    with pytest.raises(errors.Forbidden):
        evaluation.remove_gate(school.principal("developer"), "ours", "why not")
    jobs.know_gates(evaluation, Named("ours"))
    with pytest.raises(interface.GateInUse, match=r"pipeline 7, schedule 'weekly'"):
        evaluation.remove_gate(admin, "ours", "tired of it")
    jobs.know_gates(evaluation, Named(""))
    with pytest.raises(interface.GateInUse, match=r"'classification' is named by pipeline 7, schedule 'weekly'"):
        evaluation.remove_gate(admin, "classification", "it is that of their task")
    jobs.know_gates(evaluation, Named("another"))
    for name in ("classification", "ours"):
        evaluation.remove_gate(admin, name, "tired of it")
    assert evaluation.gate(school.id, "classification").number == 0, "the shipped one is in force again"
    with pytest.raises(interface.UnknownGate):
        evaluation.gate(school.id, "ours")
    with pytest.raises(interface.UnknownGate, match="a shipped gate stays"):
        evaluation.remove_gate(admin, "classification", "twice")
    assert actions(school).count("gate.removed") == 2
    assert evaluation.put_gate(admin, "ours", new).number == 3, "its past is on record"


@dataclass(frozen=True)
class Named:
    """A pipeline under way and a schedule, which both name a gate."""

    gate: str

    def under_way(self, school_id: str) -> list[Any]:  # Any: pipelines
        return [SimpleNamespace(number=7, spec=self._spec)]

    def schedules(self, school_id: str) -> list[Any]:  # Any: schedules
        return [SimpleNamespace(spec=self._spec)]

    @property
    def _spec(self) -> SimpleNamespace:
        task = SimpleNamespace(task="tabular_classification")
        return SimpleNamespace(name="weekly", gate=SimpleNamespace(name=self.gate), train=task)


def test_a_condition_on_what_no_report_holds_is_refused_with_what_was_meant(school: School) -> None:
    admin = school.principal()
    for figure, limit, meant in (("acuracy", 0.9, "accuracy"), ("rmse", "baseline_rsme * 0.9", "baseline_rmse")):
        new = NewGate(conditions=(Condition(figure=figure, comparison=">=", limit=limit),))
        with pytest.raises(interface.UnknownFigure) as told:
            school.evaluation.put_gate(admin, "ours", new)
        assert meant in (told.value.fix or "")
    fine = ("subgroup_gap:gender", "cv_mean:accuracy", "mean_return")
    new = NewGate(conditions=tuple(Condition(figure=one, comparison="<=", limit="champion + 0.1") for one in fine))
    assert len(school.evaluation.put_gate(admin, "ours", new).conditions) == 3


def test_a_gate_of_the_tasks_name_goes_before_that_of_its_family(school: School) -> None:
    evaluation = school.evaluation
    report = evaluation.evaluate(school.id, "a", asked(school))
    new = NewGate(conditions=(Condition(figure="accuracy", comparison=">", limit=0),))
    evaluation.put_gate(school.principal(), "tabular_classification", new)
    assert evaluation.judge(school.id, "a", "", report.id).gate == "tabular_classification"


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


def test_a_child_that_dies_is_started_once_more_and_then_told_as_lost(school: School) -> None:
    dying = school.service(
        command=(sys.executable, "-c", "import sys; print('out of memory', file=sys.stderr); sys.exit(9)")
    )
    with pytest.raises(interface.EvaluationLost, match="code 9: out of memory"):
        dying.evaluate(school.id, "a", asked(school))
    (kept,) = dying.reports(school.id)
    assert kept.state == "failed"
    dying.close()


def test_a_report_ordered_in_the_background_is_made(school: School) -> None:
    evaluation = school.evaluation
    ordered = evaluation.start(school.principal("developer"), asked(school))
    assert ordered.state == "running"
    evaluation._pool.submit(int).result()  # the one thread has come past it
    assert evaluation.report(school.id, ordered.id).state == "finished"


def test_a_report_that_is_being_made_is_cancelled_and_nothing_of_it_stays(school: School) -> None:
    sleeping = school.service(command=(sys.executable, "-c", "import time; time.sleep(60)"))
    first, waiting = (sleeping.start(school.principal("developer"), asked(school)) for _ in range(2))
    for one in (first, waiting):
        assert sleeping.cancel_report(school.principal("developer"), one.id).state == "cancelled"
    sleeping._pool.submit(int).result()  # the one thread has come past both: no child was waited for
    assert [one.state for one in sleeping.reports(school.id)] == ["cancelled"] * 2
    assert not list((school.platform.settings.home / "evaluations").iterdir())
    assert (actions(school).count("report.cancelled"), actions(school).count("report.made")) == (2, 0)
    with pytest.raises(interface.ReportEnded, match="is cancelled"):
        sleeping.cancel_report(school.principal(), first.id)
    with pytest.raises(errors.Forbidden):
        sleeping.cancel_report(school.principal("teacher"), first.id)
    sleeping.close()


def test_what_a_server_finds_of_a_report_that_another_one_cancelled_is_not_kept(school: School) -> None:
    making, other = school.service(), school.service()
    job = making._maker.begin(school.id, "a", asked(school), None)
    other.cancel_report(school.principal(), job.head.id)
    with pytest.raises(interface.ReportCancelled):
        making._maker.make(job, None)
    assert making.report(school.id, job.head.id).report_sha256 == ""


def test_what_a_server_had_begun_the_next_one_finishes(school: School) -> None:
    first = school.service(command=(sys.executable, "-c", "import time; time.sleep(60)"))
    ordered = first.start(school.principal(), asked(school, "test"))
    first.close()  # the child is ended, the report stays as it was
    assert first.report(school.id, ordered.id).state == "running"
    second = school.service()
    assert second.resume() == 1
    second._pool.submit(int).result()
    made_now = second.report(school.id, ordered.id)
    assert made_now.state == "finished"
    assert made_now.test_readings == 1
    assert len(second.readings(school.id)) == 1
    assert second.resume() == 0
    second.close()


def test_a_finished_report_is_not_written_over(school: School) -> None:
    report = school.evaluation.evaluate(school.id, "a", asked(school))
    with pytest.raises(AssertionError):
        school.platform.get("db").write(lambda uow: _overwritten(uow, school.id, report.id))
    assert school.evaluation.report(school.id, report.id).state == "finished"


def _overwritten(uow: object, school_id: str, report_id: str) -> None:
    assert store.finish_report(uow, school_id, report_id, state="failed")  # type: ignore[arg-type]  # a unit of work


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


def test_files_that_are_not_what_the_child_said_are_refused(school: School, once: Once, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(once.given, changed)
    (changed / "out" / "report.en.html").write_text("something else")
    copying = (sys.executable, "-I", "-S", "-c", COPY.format(source=str(changed)))
    with pytest.raises(interface.EvaluationLost, match="not the file"):
        school.service(command=copying).evaluate(school.id, "a", asked(school))
    assert school.evaluation.reports(school.id)[0].state == "failed"


def test_a_data_set_is_noted_as_used(school: School) -> None:
    report = school.evaluation.evaluate(school.id, "a", asked(school))
    assert school.sets.used_by == [f"reports:/{report.id}"]
