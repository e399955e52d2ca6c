"""Practice set by a teacher, and personal papers."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from tests.learning.assessment.world import COURSE, SLIP, A, B, World

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit, errors
from shuyuan.learning.assessment.interface import Assignment


def ask(world: World, *pupils: Principal, count: int = 4, point: str = A) -> dict[str, object]:
    return {
        "class_id": world.class_id,
        "learner_ids": [one.account_id for one in pupils or world.pupils[:2]],
        "course_id": COURSE,
        "point_id": point,
        "count": count,
    }


def assign(world: World, *pupils: Principal, **more: object) -> Assignment:
    return world.assessment.assign(world.teacher, **ask(world, *pupils), **more)  # type: ignore[arg-type]


def test_the_preview_is_what_is_sent(world: World) -> None:
    world.practise(world.pupils[0], A, "--+")
    shown = world.assessment.preview(world.teacher, **ask(world))  # type: ignore[arg-type]
    made = assign(world)
    for preview, pupil in zip(shown, world.pupils, strict=False):
        attempt = world.assessment.start_assignment(pupil, made.id)
        assert (preview.learner_id, preview.minutes) == (pupil.account_id, 8)
        assert tuple(slot.item_id for slot in attempt.slots) == preview.item_ids


def test_a_second_press_of_the_button_does_not_set_the_practice_twice(world: World) -> None:
    first = assign(world)
    with pytest.raises(errors.Conflict, match="a moment ago"):
        assign(world)
    other = assign(world, world.pupils[0])
    world.assessment.undo(world.teacher, first.id)
    assert {first.id, other.id, assign(world).id} == {one.id for one in world.assessment.assignments(world.teacher)}


def test_the_reason_states_the_evidence_and_aims_at_the_misconception(world: World) -> None:
    world.practise(world.pupils[0], A, "--+")
    first, second = world.assessment.preview(world.teacher, **ask(world))  # type: ignore[arg-type]
    assert first.reason["zh"].startswith("「甲」最近 3 题答对 1 题，错的多是「漏变号」，选了")
    assert "1 of the last 3 answers" in first.reason["en"]
    assert "No answers" in second.reason["en"]
    slips = [
        world.courses.grade("", one, 0, "-7" if int(one[-2:]) % 2 == 0 else "w").misconception == SLIP
        for one in first.item_ids
    ]
    assert all(slips)


def test_a_busy_learner_does_not_hide_the_answers_of_a_quiet_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shuyuan.learning.assessment.choosing.RECENT", 4)
    world.practise(world.pupils[0], A, "+-")
    world.practise(world.pupils[1], A, "-" * 12)
    quiet, _ = world.assessment.preview(world.teacher, **ask(world))  # type: ignore[arg-type]
    assert "1 of the last 2 answers" in quiet.reason["en"]


def test_the_items_just_answered_come_last(world: World) -> None:
    world.practise(world.pupils[0], A, "++++")
    shown = world.assessment.preview(world.teacher, **ask(world, world.pupils[0]))  # type: ignore[arg-type]
    assert not set(shown[0].item_ids) & {f"{A}-{n:02d}" for n in range(4)}


def test_a_point_with_too_few_items_takes_those_before_it(world: World) -> None:
    for name in [one for one in world.courses.items if one.startswith(B)][2:]:
        del world.courses.items[name]
    shown = world.assessment.preview(world.teacher, **ask(world, point=B))  # type: ignore[arg-type]
    assert [one.rsplit("-", 1)[0] for one in shown[0].item_ids] == [B, B, A, A]


def test_only_a_teacher_of_the_class_assigns_and_only_to_its_learners(world: World) -> None:
    for who in (world.other_teacher, world.stranger):
        with pytest.raises(errors.NotFound):
            world.assessment.assign(who, **ask(world))  # type: ignore[arg-type]
    with pytest.raises(errors.Forbidden):
        world.assessment.assign(world.pupils[0], **ask(world))  # type: ignore[arg-type]
    with pytest.raises(errors.NotFound, match="not in this class"):
        assign(world, world.teacher)


@pytest.mark.parametrize("count", [0, 31])
def test_the_count_is_bounded(world: World, count: int) -> None:
    with pytest.raises(errors.BadInput, match=f"count is {count}"):
        world.assessment.preview(world.teacher, **ask(world, count=count))  # type: ignore[arg-type]


def test_a_due_time_lies_ahead(world: World) -> None:
    with pytest.raises(errors.BadInput, match="due_at"):
        assign(world, due_at=world.now - timedelta(hours=1))


def test_an_assignment_is_done_when_every_item_was_tried_or_it_was_handed_in(world: World) -> None:
    made = assign(world)
    one, other = world.pupils[:2]
    attempt = world.assessment.start_assignment(one, made.id)
    assert world.assessment.start_assignment(one, made.id).id == attempt.id
    (listed,) = world.assessment.assignments(world.teacher)
    assert (listed.started_by, listed.done_by) == ((one.account_id,), ())
    for slot in attempt.slots:
        world.answer(one, attempt.id, slot.item_id, right=True)
    world.assessment.close_attempt(other, world.assessment.start_assignment(other, made.id).id)
    (listed,) = world.assessment.assignments(world.teacher, class_id=world.class_id)
    assert set(listed.done_by) == {one.account_id, other.account_id}


def test_a_pupil_sees_their_assignments_without_their_classmates(world: World) -> None:
    made = assign(world)
    (seen,) = world.assessment.assigned_to(world.pupils[0], world.pupils[0].account_id)
    assert (seen.id, seen.learner_ids) == (made.id, (world.pupils[0].account_id,))
    assert world.assessment.assigned_to(world.pupils[3], world.pupils[3].account_id) == []
    with pytest.raises(errors.NotFound):
        world.assessment.assigned_to(world.pupils[3], world.pupils[0].account_id)
    with pytest.raises(errors.NotFound):
        world.assessment.start_assignment(world.pupils[3], made.id)


def test_taking_back_keeps_what_was_started_and_stops_the_rest(world: World) -> None:
    made = assign(world)
    one, other = world.pupils[:2]
    attempt = world.assessment.start_assignment(one, made.id)
    undone = world.assessment.undo(world.teacher, made.id)
    assert undone.undone_at is not None
    assert undone.started_by == (one.account_id,)
    assert world.answer(one, attempt.id, attempt.slots[0].item_id, right=True).saved
    with pytest.raises(errors.Conflict, match="taken this assignment back"):
        world.assessment.start_assignment(other, made.id)
    assert world.assessment.assigned_to(other, other.account_id) == []
    with pytest.raises(errors.Conflict, match="already"):
        world.assessment.undo(world.teacher, made.id)


def test_only_the_class_own_teacher_takes_back_and_only_before_it_is_due(world: World) -> None:
    made = assign(world, due_at=world.now + timedelta(days=1))
    for who in (world.other_teacher, world.stranger):
        with pytest.raises(errors.NotFound):
            world.assessment.undo(who, made.id)
    world.later(days=2)
    with pytest.raises(errors.Conflict, match="past its due time"):
        world.assessment.undo(world.teacher, made.id)


def test_setting_and_taking_back_are_audited(world: World) -> None:
    made = assign(world)
    world.assessment.undo(world.teacher, made.id)
    with world.database.read() as conn:
        rows = conn.execute(select(audit.entry.c.action, audit.entry.c.object_id).order_by(audit.entry.c.seq)).all()
    assert [tuple(row) for row in rows] == [("practice.set", made.id), ("practice.taken_back", made.id)]


def test_no_two_papers_share_a_seed_and_each_has_its_key(world: World) -> None:
    papers = world.assessment.papers(world.teacher, **ask(world, *world.pupils))  # type: ignore[arg-type]
    seeds = [question.seed for paper in papers for question in paper.questions]
    assert len(set(seeds)) == len(seeds) == 6 * 4
    assert len({paper.code for paper in papers}) == 6
    assert {paper.learner_id for paper in papers} == {one.account_id for one in world.pupils}
    assert all(question.key.answer in ("r", "7") for paper in papers for question in paper.questions)
    with pytest.raises(errors.NotFound):
        world.assessment.papers(world.other_teacher, **ask(world))  # type: ignore[arg-type]


def test_of_two_presses_at_once_one_sets_the_practice(world: World) -> None:
    asked: Any = {
        "class_id": world.class_id,
        "learner_ids": [world.pupils[0].account_id],
        "course_id": COURSE,
        "point_id": A,
    }
    held, go = threading.Event(), threading.Event()

    def hold(uow: object) -> None:
        held.set()
        go.wait(10)

    world.database.submit(hold)  # nobody writes before both have asked
    assert held.wait(10)
    with ThreadPoolExecutor(2) as both:
        presses = [both.submit(world.assessment.assign, world.teacher, **asked) for _ in range(2)]
        while world.database._writer._jobs.qsize() < 2:
            time.sleep(0.005)
        go.set()
        refused = [one.exception() for one in presses]
    assert sorted(isinstance(one, errors.Conflict) for one in refused) == [False, True]
    assert len(world.assessment.assignments(world.teacher)) == 1
