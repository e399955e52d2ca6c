"""Responses are kept once, in order, sealed, and shown only to whom they may be."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from tests.learning.assessment.world import World

from shuyuan.kernel import crypto, outbox
from shuyuan.learning.records.interface import ANSWER_RECORDED, Response

AT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def response(world: World, number: int, **changes: object) -> Response:
    made = Response(
        id=f"r{number:025d}",
        school_id=world.school,
        learner_id=world.pupils[0].account_id,
        attempt_id="t1",
        item_id=f"c.item-{number}",
        points=("c.p", "c.q"),
        seed=number,
        answer="x + 1",
        correct=number % 2 == 0,
        misconception=None,
        hints_used=0,
        seconds=None,
        p_before=0.5,
        tracer_version="prior-1",
        client_key=f"k{number}",
        at=AT + timedelta(minutes=number),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def append(world: World, *responses: Response) -> list[bool]:
    return world.database.write(lambda uow: [world.records.append(uow, one) for one in responses])


def test_a_response_comes_back_as_it_was_given(world: World) -> None:
    given = response(world, 1, seconds=3.5, misconception="c.slip", hints_used=2, tries=3)
    append(world, given)
    (found,) = world.records.of_learner(world.pupils[0], given.learner_id)
    assert found == replace(given, counted_at=given.at)


def test_a_taken_key_changes_nothing_and_tells_nobody(world: World) -> None:
    first = response(world, 1)
    again = replace(first, id="r" * 26, answer="other", correct=True)
    assert append(world, first, again) == [True, False]
    assert [one.answer for one in world.records.of_learner(world.teacher, first.learner_id)] == ["x + 1"]
    assert world.outbox.backlog() == 1


def test_an_answer_is_told_to_subscribers_with_its_points(world: World) -> None:
    heard: list[outbox.Event] = []
    world.outbox.subscribe(ANSWER_RECORDED, heard.append)
    append(world, response(world, 2))
    world.outbox.drain()
    (told,) = heard
    assert told.subject_id == world.pupils[0].account_id
    assert dict(told.payload) == {
        "response_id": response(world, 2).id,
        "item_id": "c.item-2",
        "correct": True,
        "points": ["c.p", "c.q"],
    }


def test_answers_of_a_point_are_found_by_its_whole_name(world: World) -> None:
    append(world, response(world, 1), response(world, 2, points=("c.p-more",)), response(world, 3, points=("c_p",)))
    found = world.records.of_learner(world.teacher, world.pupils[0].account_id, point_id="c.p")
    assert [one.item_id for one in found] == ["c.item-1"]


def test_the_newest_come_first_and_the_limit_holds(world: World) -> None:
    append(world, *(response(world, number) for number in range(5)))
    found = world.records.of_learner(world.teacher, world.pupils[0].account_id, limit=2)
    assert [one.seed for one in found] == [4, 3]
    late = world.records.of_learners(world.teacher, [world.pupils[0].account_id], since=AT + timedelta(minutes=3))
    assert [one.seed for one in late] == [4, 3]


def test_neither_another_learner_nor_another_school_sees_them(world: World) -> None:
    append(world, response(world, 1))
    learner_id = world.pupils[0].account_id
    for who in (world.pupils[1], world.stranger):
        assert world.records.of_learner(who, learner_id) == []
        assert world.records.of_attempt(who, "t1") == []
        assert world.records.latest_per_item(who, learner_id) == []
        assert world.records.times_wrong(who, learner_id) == {}
    assert world.records.count(world.other_school) == 0
    assert list(world.records.history(world.other_school, frozenset({learner_id}))) == []


def test_what_a_test_withholds_is_seen_by_the_teacher_only_until_released(world: World) -> None:
    pupil = world.pupils[0]
    append(world, response(world, 1, withheld=True, counts=False))
    assert world.records.of_attempt(pupil, "t1") == []
    assert len(world.records.of_attempt(world.teacher, "t1")) == 1
    world.database.write(lambda uow: world.records.release(uow, "t1"))
    assert len(world.records.of_attempt(pupil, "t1")) == 1


def test_the_latest_counting_response_of_each_item_is_the_notebook(world: World) -> None:
    append(
        world,
        response(world, 1),
        response(world, 2, item_id="c.item-1", correct=True),
        response(world, 3, item_id="c.item-1", correct=False, counts=False),
        response(world, 4),
    )
    latest = world.records.latest_per_item(world.pupils[0], world.pupils[0].account_id)
    assert [(one.item_id, one.correct, one.seed) for one in latest] == [("c.item-1", True, 2), ("c.item-4", True, 4)]
    assert world.records.times_wrong(world.pupils[0], world.pupils[0].account_id) == {"c.item-1": 1}


def test_history_holds_what_counts_in_the_order_it_counted_without_answers(world: World) -> None:
    append(
        world,
        response(world, 1),
        response(world, 2, counts=False),
        response(world, 3, counts=False),
        response(world, 4, learner_id=world.pupils[1].account_id),
        response(world, 5),
    )
    later = AT + timedelta(days=1)
    world.database.write(
        lambda uow: world.records.count_as_evidence(
            uow, response(world, 3).id, p_before=0.25, tracer_version="v2", at=later
        )
    )
    everyone = frozenset(pupil.account_id for pupil in world.pupils)
    told = list(world.records.history(world.school, everyone))
    assert [one.seed for one in told] == [1, 4, 5, 3]
    assert (told[-1].p_before, told[-1].tracer_version, told[-1].counted_at) == (0.25, "v2", later)
    assert {one.answer for one in told} == {""}
    mine = frozenset({world.pupils[1].account_id})
    assert [one.seed for one in world.records.history(world.school, mine)] == [4]


def test_history_goes_on_page_after_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shuyuan.learning.records.store._PAGE", 2)
    append(world, *(response(world, number, at=AT) for number in range(5)))
    assert [one.seed for one in world.records.history(world.school, frozenset({world.pupils[0].account_id}))] == [
        0,
        1,
        2,
        3,
        4,
    ]


def test_erasing_the_person_leaves_the_response_without_its_words(world: World, vault: crypto.Vault) -> None:
    append(world, response(world, 1))
    learner_id = world.pupils[0].account_id
    world.database.write(lambda uow: world.records._vault.erase(uow, learner_id))
    (found,) = world.records.of_learner(world.teacher, learner_id)
    assert (found.answer, found.correct) == (crypto.ERASED, False)
    with world.database.read() as conn:
        assert conn.execute(select(crypto.person_key)).all() == []


def test_counting_sees_what_reading_sees_and_opens_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    append(world, response(world, 1), response(world, 2), response(world, 3, withheld=True))
    pupil = world.pupils[0]
    monkeypatch.setattr(crypto.Vault, "open", None)
    assert world.records.count_of(pupil, pupil.account_id) == 2
    assert world.records.count_of(world.teacher, pupil.account_id) == 3
    assert world.records.count_of(world.pupils[1], pupil.account_id) == 0
