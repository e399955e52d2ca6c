"""The loop learns from those who agreed, asks the gate, serves what passes and keeps what does not."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text
from tests.learning.improvement.school import NIGHT, POINTS, School
from tests.science.tracing import school as simulated

from shuyuan.compose import Platform
from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit, clock, db, errors, ids
from shuyuan.learning.courses.interface import Worded
from shuyuan.learning.improvement import candidates, dataset, gate
from shuyuan.learning.improvement.interface import ExamFreeze, NotEnoughAnswers, NothingNew, Overtaken
from shuyuan.learning.improvement.service import ImprovementService
from shuyuan.science.tracing import online, serving
from shuyuan.science.tracing.serving import newitems

pytestmark = pytest.mark.timeout(300)  # many real fits
NOTHING_SAID = Worded(newitems.Worded([], [], np.zeros((0, 1))), by_meaning=False)
NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)  # a Friday, 12:00 in school time


def test_a_better_tracer_passes_the_gate_and_is_served_with_its_lineage(school: School) -> None:
    turned = school.loop().turn(school.id, by=school.admin.account_id)
    assert turned.state == "champion", turned
    assert turned.figures["log_loss"] < turned.figures["champion_log_loss"]
    assert abs(turned.figures["shuffled_auc"] - 0.5) < 0.06
    assert all(condition.passed for condition in turned.conditions)
    assert school.platform.get("tracing").version(school.id) == turned.version == "models:/tracer/1"
    found = school.platform.get("catalogue").resolve(school.id, "models:/tracer@champion")
    assert found.lineage["data_sha256"] == turned.data_sha256
    assert school.platform.get("storage").has(turned.data_sha256)


def test_the_new_tracer_s_states_are_those_of_a_replay(school: School) -> None:
    tracing = school.platform.get("tracing")
    learner = Principal(school.learners[3], school.id, "student")
    before = tracing.of_learner(learner, learner.account_id, POINTS)
    school.loop().turn(school.id, by=school.admin.account_id)
    after = tracing.of_learner(learner, learner.account_id, POINTS)
    assert {point: one.n for point, one in after.items()} == {point: one.n for point, one in before.items()}
    assert any(abs(after[point].p - before[point].p) > 1e-6 for point in POINTS)


def test_a_worse_tracer_is_refused_and_stays_visible(school: School) -> None:
    def inverted(table: online.Interactions, *, seed: int) -> online.Params:
        fitted = online.fit(table, seed=seed)
        return replace(fitted, items={item: -3 * value for item, value in fitted.items.items()})

    turned = school.loop(fit=inverted).turn(school.id, by=school.admin.account_id)
    assert turned.state == "refused"
    assert "log_loss" in turned.reason
    assert school.platform.get("tracing").version(school.id) == "prior-1"
    assert [one.state for one in school.loop().versions(school.teacher)] == ["refused"]
    assert not school.platform.get("storage").has(turned.data_sha256)  # no copy of every answer every night


def test_a_turn_on_the_same_answers_is_not_promoted_again(school: School) -> None:
    loop = school.loop()
    first = loop.turn(school.id, by=school.admin.account_id)
    with pytest.raises(NothingNew, match="version 1 again"):
        loop.turn(school.id, by=school.admin.account_id)
    assert loop.versions(school.admin) == [first]
    assert loop.status(school.admin).answers_since == 0
    school.answer(school.learners[0], 3, random.Random(1))
    assert loop.status(school.admin).answers_since == 3
    assert loop.status(school.admin).serving == first.version


def test_who_did_not_consent_is_never_in_a_data_set(school: School) -> None:
    turned = school.loop().turn(school.id, by=school.admin.account_id)
    raw = school.platform.get("storage").get(turned.data_sha256).decode()
    vault = school.platform.get("vault")
    assert (turned.learners, turned.left_out) == (23, 1)
    assert vault.keyed_hash("data set", school.learners[0])[:16] not in raw
    assert vault.keyed_hash("data set", school.learners[1])[:16] in raw
    assert not any(learner in raw for learner in school.learners)


def test_the_same_learners_are_held_out_in_every_turn(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    everyone = frozenset(school.learners)
    vault, records = school.platform.get("vault"), school.platform.get("records")
    first = dataset.build(vault, records.history(school.id, everyone))
    held = _held(first)
    school.answer(school.learners[1], 30, random.Random(9))
    again = dataset.build(vault, records.history(school.id, everyone))
    assert held == _held(again)
    assert 0 < len(held) < len(everyone)
    assert len(first.fit) + len(first.held_out) == first.answers
    monkeypatch.setattr(dataset, "MOST_ANSWERS", 50)
    newest = dataset.build(vault, records.history(school.id, everyone))
    assert _rows(newest.raw) == _rows(again.raw)[-50:]


def test_too_few_answers_say_how_many_there_are(platform: Platform) -> None:
    small = School(platform, learners=3, answers=5)
    with pytest.raises(NotEnoughAnswers, match="10 answers of 2 learners"):
        small.loop().turn(small.id, by=small.admin.account_id)


def test_the_loop_does_not_turn_by_itself_in_school_hours_nor_without_new_answers(school: School) -> None:
    assert school.loop(clock=lambda: NOON).turn_if_due(school.id) is None
    assert school.loop(clock=lambda: NIGHT).turn_if_due(school.id) is not None
    assert school.loop(clock=lambda: NIGHT).turn_if_due(school.id) is None


def test_a_missed_night_is_made_up_for_by_day_where_what_passes_goes_on_trial_only(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = ((datetime.now(UTC) + timedelta(days=ahead)).replace(hour=4) for ahead in range(3, 8))
    noon = next(day for day in days if day.weekday() < 5)
    loop = school.loop(clock=lambda: noon)
    assert loop.turn_if_due(school.id) is None, "the first of the school's own would serve at once"
    first = loop.turn(school.id, by=school.admin.account_id)
    for learner in school.learners[1:]:
        school.answer(learner, 9, random.Random(learner))
    with monkeypatch.context() as large:
        large.setattr(clock, "MOST_BY_DAY", 100)
        assert loop.turn_if_due(school.id) is None, "a large school would wait for it"
    turned = loop.turn_if_due(school.id)
    assert turned is not None
    assert turned.state in ("canary", "refused")
    assert loop.status(school.admin).serving == first.version


def test_no_version_changes_while_an_exam_runs(school: School) -> None:
    loop = school.loop()
    first = loop.turn(school.id, by=school.admin.account_id)
    (class_,) = school.platform.get("people").classes(school.admin)
    identity = school.platform.get("identity")
    identity.set_suspension(school.admin, class_.id, datetime.now(UTC) + timedelta(hours=2))
    with pytest.raises(errors.Conflict, match="an exam runs until"):
        loop.turn(school.id, by=school.admin.account_id)
    with pytest.raises(errors.Conflict, match="an exam runs until"):
        loop.roll_back(school.admin, first.id, "why not")
    assert loop.turn_if_due(school.id) is None
    identity.set_suspension(school.admin, class_.id, None)
    school.answer(school.learners[2], 5, random.Random(4))
    assert loop.turn(school.id, by=school.admin.account_id).number == 2


def test_what_was_fitted_while_another_was_chosen_or_an_exam_began_is_not_kept(school: School) -> None:
    plain = school.loop(fit=lambda table, *, seed: online.Params())
    refused = plain.turn(school.id, by=school.admin.account_id)
    assert refused.state == "refused"
    (class_,) = school.platform.get("people").classes(school.admin)

    def choosing(table: online.Interactions, *, seed: int) -> online.Params:
        plain.roll_back(school.admin, refused.id, "meanwhile")
        return online.Params(bias=0.06)

    def sitting(table: online.Interactions, *, seed: int) -> online.Params:
        until = datetime.now(UTC) + timedelta(hours=2)
        school.platform.get("identity").set_suspension(school.admin, class_.id, until)
        return online.Params()

    for fit, refusal in ((choosing, Overtaken), (sitting, ExamFreeze)):
        with pytest.raises(refusal):
            school.loop(fit=fit).turn(school.id, by=school.admin.account_id)
    assert [one.number for one in plain.versions(school.admin)] == [1]


def test_a_school_with_too_little_is_not_read_again_before_there_is_more(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = School(platform, learners=3, answers=70)
    loop, records, read = small.loop(clock=lambda: NIGHT), platform.get("records"), list[int]()
    history = records.history

    def counted(*asked: Any, **told: Any) -> Any:  # Any: of the verb
        read.append(1)
        return history(*asked, **told)

    monkeypatch.setattr(records, "history", counted)
    assert [loop.turn_if_due(small.id) for _ in range(3)] == [None] * 3
    assert len(read) == 1
    small.answer(small.learners[1], 1, random.Random(3))
    assert (loop.turn_if_due(small.id), len(read)) == (None, 2)


def test_an_evaluation_that_sees_the_answers_is_told_by_its_control(monkeypatch: pytest.MonkeyPatch) -> None:
    held, fit = (simulated.simulate(12, 25, points=3, items=12, seed=seed).table for seed in (3, 4))
    data = dataset.DataSet(fit, held, [], 24, 600, 12, b"")
    made = candidates.refitted(data, serving.PRIOR, NOTHING_SAID, online.fit)
    assert "shuffled_distance" not in made.refusal
    monkeypatch.setattr(serving, "replay", lambda tracer, table: np.where(table.correct, 0.8, 0.2))
    made = candidates.refitted(data, serving.PRIOR, NOTHING_SAID, online.fit)
    assert "shuffled_distance" in made.refusal
    assert made.figures["shuffled_auc"] == 1.0


def test_states_left_behind_by_a_crash_are_rebuilt_at_the_next_start(school: School) -> None:
    tracing = school.platform.get("tracing")
    school.loop().turn(school.id, by=school.admin.account_id)
    learner = Principal(school.learners[3], school.id, "student")
    right = tracing.of_learner(learner, learner.account_id, POINTS)
    raw = school.platform.get("storage").get(
        school.platform.get("catalogue").resolve(school.id, "models:/tracer@champion").artefact_sha256
    )
    assert tracing.finish_rebuild(school.id) is False

    def crash(uow: db.UnitOfWork) -> None:
        tracing.adopt(uow, school.id, "models:/tracer/1", raw)
        uow.conn.execute(text("UPDATE tracing_state SET mean = 9"))

    school.platform.get("db").write(crash)
    assert tracing.of_learner(learner, learner.account_id, POINTS) != right
    assert tracing.finish_rebuild(school.id) is True
    rebuilt = tracing.of_learner(learner, learner.account_id, POINTS)
    assert [one.p for one in rebuilt.values()] == pytest.approx([one.p for one in right.values()])


def test_going_back_takes_an_administrator_and_a_reason_and_is_audited(school: School) -> None:
    loop = school.loop()
    first = loop.turn(school.id, by=school.admin.account_id)
    school.answer(school.learners[5], 60, random.Random(77))
    second = loop.turn(school.id, by=school.admin.account_id)
    other = first if second.state == "champion" else second
    with pytest.raises(errors.Forbidden):
        loop.roll_back(school.teacher, other.id, "no")
    with pytest.raises(errors.BadInput, match="no reason"):
        loop.roll_back(school.admin, other.id, "  ")
    chosen = loop.roll_back(school.admin, other.id, "the class did better with it")
    assert chosen.state == "champion"
    assert school.platform.get("tracing").version(school.id) == other.version
    assert [one.state for one in loop.versions(school.admin)].count("champion") == 1
    with school.platform.get("db").read() as conn:
        actions = [row.action for row in audit.entries(conn, school.id, action="tracer.")]
        assert school.platform.get("audit").verify(conn).fault is None
    assert actions[:2].count("tracer.chosen") == 1
    with pytest.raises(errors.Conflict, match="in use already"):
        loop.roll_back(school.admin, other.id, "again")


def test_the_built_in_tracer_serves_again_with_a_reason_and_what_served_before_is_told(school: School) -> None:
    loop, tracing = school.loop(), school.platform.get("tracing")
    learner = Principal(school.learners[3], school.id, "student")
    at_first = tracing.of_learner(learner, learner.account_id, POINTS)
    first = loop.turn(school.id, by=school.admin.account_id)
    assert loop.served_before(school.teacher) == {first.version: "prior-1"}
    with pytest.raises(errors.Forbidden):
        loop.roll_back(school.teacher, "prior-1", "no")
    with pytest.raises(errors.BadInput, match="no reason"):
        loop.roll_back(school.admin, "prior-1", " ")
    chosen = loop.roll_back(school.admin, "prior-1", "pupils were sent back too often")
    assert (chosen.number, chosen.state, tracing.version(school.id)) == (0, "champion", "prior-1")
    assert [one.state for one in loop.versions(school.admin)] == ["retired"]
    again = tracing.of_learner(learner, learner.account_id, POINTS)
    assert [one.p for one in again.values()] == pytest.approx([one.p for one in at_first.values()])
    assert loop.served_before(school.admin) == {"prior-1": first.version, first.version: "prior-1"}
    with school.platform.get("db").read() as conn:
        told = next(row for row in audit.entries(conn, school.id, action="tracer.") if row.object_id == "prior-1")
    assert (told.action, told.detail["reason"]) == ("tracer.chosen", "pupils were sent back too often")
    with pytest.raises(errors.Conflict, match="in use already"):
        loop.roll_back(school.admin, "prior-1", "again")
    school.answer(school.learners[5], 60, random.Random(77))
    assert loop.turn(school.id, by=school.admin.account_id).state == "canary", "a person went back: it is tried first"
    assert loop.roll_back(school.admin, first.id, "it was not that").state == "champion"
    assert loop.served_before(school.admin) == {first.version: "prior-1"}


def test_few_held_out_learners_do_not_refuse_a_better_log_loss_for_an_auc_that_chance_explains() -> None:
    rng = np.random.default_rng(1)
    learner = np.repeat(np.arange(8), 60)
    correct = rng.random(480) < 0.8
    champion, candidate = (np.clip(p + 0.03 * correct + rng.normal(0, 0.1, 480), 0.01, 0.99) for p in (0.5, 0.78))
    found = gate.figures(correct, candidate, champion, learner, 7) | {"shuffled_auc": 0.5}
    assert found["auc_difference_low"] < found["auc_difference"] < found["auc_difference_high"]
    judged = {one.name: one for one in gate.conditions(found)}
    assert judged["log_loss"].passed
    assert found["auc_difference"] < -gate.MARGIN_AUC, found
    assert judged["auc"].passed, found
    sure = {"auc_difference_low": found["auc_difference"] - 0.004, "auc_difference_high": -0.021}
    assert not {one.name: one.passed for one in gate.conditions(found | sure)}["auc"], "of many it is no chance"


def test_another_school_sees_none_of_it(school: School) -> None:
    turned = school.loop().turn(school.id, by=school.admin.account_id)
    stranger = Principal(ids.new_id(), ids.new_id(), "admin")
    assert school.loop().versions(stranger) == []
    for ask in _asks(school.loop(), stranger, turned.id):
        with pytest.raises(errors.NotFound):
            ask()


def _asks(loop: ImprovementService, who: Principal, version_id: str) -> list[Callable[[], object]]:
    return [lambda: loop.version(who, version_id), lambda: loop.roll_back(who, version_id, "why not")]


def _rows(raw: bytes) -> list[online.Answer]:
    return [online.Answer(*json.loads(line)) for line in raw.decode().splitlines()]


def _held(data: dataset.DataSet) -> set[str]:
    names = sorted({str(row.learner) for row in _rows(data.raw)})
    return set(names[: data.held_out_learners])
