"""Attempts: starting, hints, tests, closing."""

import pytest
from tests.learning.assessment.world import COURSE, SLIP, A, B, World

from shuyuan.kernel import errors


def test_each_sitting_of_an_item_gets_another_seed(world: World) -> None:
    first, second = (world.start(world.pupils[0]).slots[0].seed for _ in range(2))
    assert first != second


@pytest.mark.parametrize("items", [[], [f"{A}-00", f"{A}-00"], [f"{A}-{n}" for n in range(201)]])
def test_an_attempt_needs_one_to_two_hundred_different_items(world: World, items: list[str]) -> None:
    with pytest.raises(errors.BadInput, match=f"{len(items)} items"):
        world.assessment.start(world.pupils[0], kind="practice", course_id=COURSE, item_ids=items)


def test_an_unknown_item_is_not_found(world: World) -> None:
    with pytest.raises(errors.NotFound):
        world.start(world.pupils[0], [f"{A}-99"])


def test_a_pupil_cannot_start_for_another_but_their_teacher_can(world: World) -> None:
    one, other = world.pupils[:2]
    ask = {"kind": "practice", "course_id": COURSE, "item_ids": [f"{A}-00"], "learner_id": other.account_id}
    with pytest.raises(errors.Forbidden):
        world.assessment.start(one, **ask)  # type: ignore[arg-type]
    with pytest.raises(errors.NotFound):
        world.assessment.start(world.other_teacher, **ask)  # type: ignore[arg-type]
    made = world.assessment.start(world.teacher, **ask)  # type: ignore[arg-type]
    assert made.learner_id == other.account_id


def test_hints_open_one_by_one_and_end(world: World) -> None:
    pupil = world.pupils[0]
    attempt = world.start(pupil)
    assert world.assessment.hint(pupil, attempt.id, f"{A}-00") == (1, {"zh": "提示一", "en": "first hint"})
    assert world.assessment.hint(pupil, attempt.id, f"{A}-00")[0] == 2
    with pytest.raises(errors.NotFound, match="no hint 3"):
        world.assessment.hint(pupil, attempt.id, f"{A}-00")
    world.answer(pupil, attempt.id, f"{A}-00", right=True)
    assert world.records.of_attempt(pupil, attempt.id)[0].hints_used == 2


def test_a_closed_attempt_gives_no_hint(world: World) -> None:
    pupil = world.pupils[0]
    attempt = world.start(pupil)
    world.assessment.close_attempt(pupil, attempt.id)
    with pytest.raises(errors.Conflict, match="closed"):
        world.assessment.hint(pupil, attempt.id, f"{A}-00")


def test_an_open_test_tells_nothing_of_right_or_wrong(world: World) -> None:
    pupil = world.pupils[0]
    attempt = world.start(pupil, kind="test")
    told = world.answer(pupil, attempt.id, f"{A}-00", right=False)
    assert (told.saved, told.verdict, told.explanation, dict(told.after)) == (True, None, None, {})
    with pytest.raises(errors.Conflict, match="no hints in a test"):
        world.assessment.hint(pupil, attempt.id, f"{A}-00")
    assert {slot.state for slot in world.assessment.attempt(pupil, attempt.id).slots} == {"open"}
    assert world.records.of_attempt(pupil, attempt.id) == []
    assert world.records.of_learner(pupil, pupil.account_id) == []
    assert world.recommendation.mistakes(pupil, pupil.account_id) == []
    assert world.tracing.of_learner(pupil, pupil.account_id, [A])[A].n == 0


def test_a_test_is_marked_by_the_last_answers_when_it_closes(world: World) -> None:
    pupil = world.pupils[0]
    attempt = world.start(pupil, kind="test")
    for right in (True, False):
        world.answer(pupil, attempt.id, f"{A}-00", right=right)
    closed = world.assessment.close_attempt(pupil, attempt.id)
    assert [slot.state for slot in closed.slots] == ["wrong", "open"]
    kept = world.records.of_attempt(pupil, attempt.id)
    assert [(one.correct, one.counts) for one in kept] == [(True, False), (False, True)]
    known = world.tracing.of_learner(pupil, pupil.account_id, [A])[A]
    assert (known.n, known.wins) == (1, 0)
    assert [one.misconception for one in world.recommendation.mistakes(pupil, pupil.account_id)] == [SLIP]


def test_closing_twice_counts_once(world: World) -> None:
    pupil = world.pupils[0]
    attempt = world.start(pupil, kind="test")
    world.answer(pupil, attempt.id, f"{A}-00", right=True)
    first, second = (world.assessment.close_attempt(pupil, attempt.id) for _ in range(2))
    assert first == second
    assert world.tracing.of_learner(pupil, pupil.account_id, [A])[A].n == 1


def test_a_test_ends_practice_and_nothing_else_begins_beside_it(world: World) -> None:
    pupil = world.pupils[0]
    practice = world.start(pupil)
    exam = world.start(pupil, [f"{B}-00"], kind="test")
    assert world.assessment.in_test(pupil.account_id)
    with pytest.raises(errors.Conflict, match="attempt closed"):
        world.answer(pupil, practice.id, f"{A}-00", right=True)
    with pytest.raises(errors.Conflict, match="a test is open"):
        world.start(pupil)
    world.assessment.close_attempt(pupil, exam.id)
    assert not world.assessment.in_test(pupil.account_id)
    assert world.assessment.open_attempt(pupil, pupil.account_id) is None


def test_the_newest_open_attempt_can_be_taken_up_again(world: World) -> None:
    pupil = world.pupils[0]
    world.start(pupil)
    newest = world.start(pupil)
    assert world.assessment.open_attempt(pupil, pupil.account_id) == newest
    with pytest.raises(errors.NotFound):
        world.assessment.open_attempt(world.pupils[1], pupil.account_id)


def test_what_is_kept_in_memory_is_not_there_for_another_school(world: World) -> None:
    attempt = world.start(world.pupils[0])
    sittings = world.assessment.answer.__self__._answering._sittings  # type: ignore[attr-defined]
    assert sittings.sitting(world.teacher, attempt.id).id == attempt.id
    with pytest.raises(errors.NotFound):
        sittings.sitting(world.stranger, attempt.id)


def test_an_attempt_is_read_from_the_database_by_another_process(world: World) -> None:
    pupil = world.pupils[0]
    attempt = world.start(pupil)
    world.assessment.answer.__self__._answering._sittings._kept.clear()  # type: ignore[attr-defined]
    assert world.answer(pupil, attempt.id, f"{A}-00", right=True).saved
