"""Mastery moves with the answers, is shown only on enough of them, and can be rebuilt from the records."""

import json
import struct
from typing import Any

import pytest
from sqlalchemy import select, update
from tests.learning.assessment.world import A, B, C, World

from shuyuan.kernel import errors
from shuyuan.learning.tracing.champion import PRIOR_VERSION
from shuyuan.learning.tracing.interface import MINIMUM_EVIDENCE, Mastery
from shuyuan.learning.tracing.tables import state
from shuyuan.science.tracing import online


def mastery(world: World, number: int = 0, point: str = A) -> Mastery:
    pupil = world.pupils[number]
    return world.tracing.of_learner(pupil, pupil.account_id, [point])[point]


def test_right_answers_raise_mastery_and_wrong_ones_lower_it(world: World) -> None:
    for told in world.practise(world.pupils[0], A, "+++"):
        assert told.after[A].p > told.before[A].p
    for told in world.practise(world.pupils[1], A, "---"):
        assert told.after[A].p < told.before[A].p
    assert mastery(world, 0).p > mastery(world, 2).p > mastery(world, 1).p


def test_a_point_nobody_answered_has_no_evidence_and_no_level(world: World) -> None:
    known = mastery(world, point=C)
    assert (known.n, known.wins, known.level, known.last_at, known.due) == (0, 0, None, None, False)


@pytest.mark.parametrize(("marks", "level"), [("+++++++++++", {4, 5}), ("-----------", {1})])
def test_no_level_is_shown_below_five_answers(world: World, marks: str, level: set[int]) -> None:
    shown = [told.after[A].level for told in world.practise(world.pupils[0], A, marks)]
    assert shown[: MINIMUM_EVIDENCE - 1] == [None] * (MINIMUM_EVIDENCE - 1)
    assert shown[-1] in level


def test_stuck_and_solid_are_the_two_ends(world: World) -> None:
    world.practise(world.pupils[0], A, "+" * 12)
    world.practise(world.pupils[1], A, "-" * 12)
    assert (mastery(world, 0).solid, mastery(world, 0).stuck) == (True, False)
    assert (mastery(world, 1).solid, mastery(world, 1).stuck) == (False, True)
    assert (mastery(world, 2).solid, mastery(world, 2).stuck) == (False, False)


def test_a_solid_point_is_due_when_it_has_faded_and_each_review_keeps_it_longer(world: World) -> None:
    waits = []
    for marks in ("+" * 8, "+" * 5, "+" * 5):
        world.practise(world.pupils[0], A, marks)
        known = mastery(world)
        assert known.review_at is not None
        assert not known.due
        assert known.retrievability == pytest.approx(1.0, abs=1e-3)
        waits.append(known.review_at - world.now)
        world.now = known.review_at
        world.later(minutes=1)
        assert mastery(world).due
        assert mastery(world).p_now == pytest.approx(0.9 * known.p, rel=0.02)
    assert waits == sorted(waits)
    assert waits[-1] > 4 * waits[0]


def test_what_is_not_solid_is_remembered_but_never_due_for_review(world: World) -> None:
    world.practise(world.pupils[0], A, "-" * 8)
    world.later(days=40)
    known = mastery(world)
    assert (known.due, known.review_at) == (False, None)
    assert known.retrievability is not None
    assert known.p_now < known.p


def test_an_answer_after_a_hint_fades_sooner(world: World) -> None:
    for pupil in world.pupils[:2]:
        attempt = world.start(pupil)
        if pupil is world.pupils[0]:
            world.assessment.hint(pupil, attempt.id, f"{A}-00")
        world.answer(pupil, attempt.id, f"{A}-00", right=True)
    helped, alone = mastery(world, 0).stability_days, mastery(world, 1).stability_days
    assert helped is not None
    assert alone is not None
    assert helped < alone


def test_states_from_before_memory_are_rebuilt_when_the_platform_starts(world: World) -> None:
    world.practise(world.pupils[0], A, "+-+")
    kept = states(world)
    world.database.write(lambda uow: uow.conn.execute(update(state).values(stability_days=None, difficulty=None)))
    assert world.tracing.finish_rebuild(world.school)
    assert states(world) == kept
    assert not world.tracing.finish_rebuild(world.school)


def test_a_sitting_has_a_before_and_an_after_from_its_first_tries(world: World) -> None:
    pupil = world.pupils[0]
    world.practise(pupil, A, "+-")
    told = world.practise(pupil, A, "+++")
    before, after = told[0].before[A], told[-1].after[A]
    world.later(days=1)
    world.practise(pupil, A, "----")
    around = world.tracing.around(pupil, pupil.account_id, told[0].attempt_id, [A, B])
    assert (around[A][0].n, around[A][1].n) == (2, 5)
    assert (around[A][0].p, around[A][1].p) == pytest.approx((before.p, after.p))
    assert (around[A][0].level, around[A][1].level is None) == (None, False)  # no level below the minimum evidence
    assert (around[B][0].n, around[B][1].n) == (0, 0)


def test_a_later_try_moves_nothing_between_before_and_after(world: World) -> None:
    pupil, item = world.pupils[0], f"{A}-00"
    attempt = world.start(pupil, [item])
    assert world.tracing.around(pupil, pupil.account_id, attempt.id, [A]) == {}
    world.answer(pupil, attempt.id, item, right=False)
    once = world.tracing.around(pupil, pupil.account_id, attempt.id, [A])
    world.answer(pupil, attempt.id, item, right=True)
    assert world.tracing.around(pupil, pupil.account_id, attempt.id, [A]) == once
    assert once[A][1].p < once[A][0].p


def test_nobody_reads_before_and_after_of_somebody_else(world: World) -> None:
    told = world.practise(world.pupils[0], A, "+")
    with pytest.raises(errors.NotFound):
        world.tracing.around(world.pupils[1], world.pupils[0].account_id, told[0].attempt_id, [A])
    assert world.tracing.around(world.stranger, world.pupils[0].account_id, told[0].attempt_id, [A]) == {}


def test_a_class_is_read_at_once_and_only_by_its_own_school(world: World) -> None:
    world.practise(world.pupils[0], A, "+++")
    everyone = [pupil.account_id for pupil in world.pupils]
    seen = world.tracing.of_learners(world.teacher, everyone, [A, B])
    assert seen[world.pupils[0].account_id][A].n == 3
    assert {row[B].n for row in seen.values()} == {0}
    outside = world.tracing.of_learners(world.stranger, everyone, [A])
    assert {row[A].n for row in outside.values()} == {0}
    with pytest.raises(errors.NotFound):
        world.tracing.of_learner(world.pupils[1], world.pupils[0].account_id, [A])


def test_a_prediction_is_what_the_next_answer_will_be_measured_against(world: World) -> None:
    pupil = world.pupils[0]
    world.practise(pupil, A, "+-+")
    expected = world.tracing.predict(pupil, pupil.account_id, f"{A}-05", [A])
    attempt = world.start(pupil, [f"{A}-05"])
    world.answer(pupil, attempt.id, f"{A}-05", right=True)
    assert world.records.of_attempt(pupil, attempt.id)[0].p_before == expected


def test_rebuilt_states_equal_those_kept_answer_by_answer(world: World) -> None:
    exam = world.start(world.pupils[0], [f"{A}-{n:02d}" for n in range(6)], kind="test")
    for number in (3, 1, 2, 3):
        world.answer(world.pupils[0], exam.id, f"{A}-{number:02d}", right=number != 2)
    world.assessment.close_attempt(world.pupils[0], exam.id)
    for pupil, marks in zip(world.pupils, ("+-+-++", "--+", "+++++++"), strict=False):
        world.practise(pupil, A, marks)
        world.later(days=3)
        world.practise(pupil, B, marks[::-1])
    retried = world.start(world.pupils[0])
    for right in (False, True, True):
        world.answer(world.pupils[0], retried.id, f"{A}-00", right=right)
    online_states = states(world)
    world.database.write(lambda uow: uow.conn.execute(update(state).values(mean=9.0, stability_days=99.0)))
    assert world.tracing.rebuild(world.school) == 3 + 2 * (6 + 3 + 7) + 1
    assert states(world) == online_states


def test_a_rebuild_of_one_school_leaves_the_others_alone(world: World) -> None:
    world.practise(world.pupils[0], A, "+++")
    before = states(world)
    assert world.tracing.rebuild(world.other_school) == 0
    assert states(world) == before


def test_an_adopted_version_serves_the_next_answer_and_every_replay(world: World) -> None:
    pupil = world.pupils[0]
    world.practise(pupil, A, "++")
    assert world.tracing.version(world.school) == PRIOR_VERSION
    hard = online.Params(items={f"{A}-00": 3.0})
    world.database.write(lambda uow: world.tracing.adopt(uow, world.school, "v7", safetensors(hard)))
    assert world.tracing.version(world.school) == "v7"
    assert world.tracing.version(world.other_school) == PRIOR_VERSION
    before = mastery(world).p
    world.tracing.rebuild(world.school)
    assert mastery(world).p > before  # the first answer was right on what is now known to be a hard item
    attempt = world.start(pupil)
    world.answer(pupil, attempt.id, f"{A}-00", right=True)
    assert world.records.of_attempt(pupil, attempt.id)[0].tracer_version == "v7"


def test_another_process_finds_the_adopted_version(world: World) -> None:
    numbers = online.Params(bias=0.25)
    world.database.write(lambda uow: world.tracing.adopt(uow, world.school, "v7", safetensors(numbers)))
    fresh = World(world.database, world.records._vault)
    with world.database.read() as conn:
        found = fresh.tracing._champions.of(conn, world.school)
    assert (found.version, found.params) == ("v7", numbers)


@pytest.mark.parametrize("raw", [b"", b"\x00" * 8, b"\x02\x00\x00\x00\x00\x00\x00\x00{}", b"pickle" * 9])
def test_what_is_no_tracer_is_refused_and_the_old_one_goes_on(world: World, raw: bytes) -> None:
    with pytest.raises(errors.BadInput, match=f"{len(raw)} bytes"):
        world.database.write(lambda uow: world.tracing.adopt(uow, world.school, "bad", raw))
    assert world.tracing.version(world.school) == PRIOR_VERSION


def states(world: World) -> list[tuple[Any, ...]]:
    with world.database.read() as conn:
        rows = conn.execute(select(state).order_by(state.c.learner_id, state.c.point_id))
        return [tuple(row) for row in rows]


def safetensors(params: online.Params) -> bytes:
    header: dict[str, Any] = {}
    body = b""
    names = {"float64": "F64", "int64": "I64", "uint8": "U8"}
    for name, array in params.to_arrays().items():
        raw = array.tobytes()
        header[name] = {
            "dtype": names[str(array.dtype)],
            "shape": list(array.shape),
            "data_offsets": [len(body), len(body) + len(raw)],
        }
        body += raw
    told = json.dumps(header).encode()
    return struct.pack("<Q", len(told)) + told + body
