"""Verdicts on record: what a report was compared with, and when a verdict is doubted."""

import sys

import pytest

pytest.importorskip("polars", reason="tables are read by polars, of the extra `data`")
pytest.importorskip("onnxruntime", reason="models are run by onnxruntime, of the extra `embed`")

from tests.maas.evaluation.asking import File, Run, Runs, actions, another, asked, serve
from tests.maas.evaluation.conftest import MODEL, Once, School

from shuyuan.kernel import errors
from shuyuan.maas.catalogue.interface import NewVersion
from shuyuan.maas.evaluation import interface
from shuyuan.maas.evaluation.interface import Condition, NewGate

COMPARED = NewGate(
    conditions=(Condition(figure="accuracy", comparison=">=", limit="champion - 0.01"),), reason="for the test"
)


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
