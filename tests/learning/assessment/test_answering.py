"""An answer: graded, stored once, acknowledged when durable."""

import threading
import time
from typing import Any

import pytest
from sqlalchemy import text
from tests.learning.assessment.world import SLIP, A, World
from tests.statements import noted

from shuyuan.kernel import db, errors
from shuyuan.learning.assessment import store


def test_a_right_answer_is_saved_with_its_verdict_and_what_comes_next(world: World) -> None:
    pupil = world.pupils[0]
    attempt = world.start(pupil)
    told = world.answer(pupil, attempt.id, f"{A}-00", right=True)
    assert (told.saved, told.duplicate, told.next_item_id) == (True, False, f"{A}-01")
    assert told.verdict is not None
    assert told.verdict.correct
    assert (told.explanation, told.explanation_html) == ("because", "<p>because</p>\n")
    assert told.after[A].p > told.before[A].p
    (response,) = world.records.of_attempt(pupil, attempt.id)
    assert (response.answer, response.correct, response.seconds, response.tries) == ("7", True, 12.5, 1)
    assert response.p_before is not None
    assert response.tracer_version == "prior-1"


def test_the_same_client_key_twice_gives_one_response_and_the_same_result(world: World) -> None:
    pupil = world.pupils[0]
    attempt = world.start(pupil)
    first = world.answer(pupil, attempt.id, f"{A}-00", right=False, key="k1")
    again = world.answer(pupil, attempt.id, f"{A}-00", right=False, key="k1")
    assert (again.duplicate, again.saved, again.verdict) == (True, True, first.verdict)
    assert (again.after[A].p, again.after[A].n) == (first.after[A].p, 1)
    assert len(world.records.of_attempt(pupil, attempt.id)) == 1
    assert world.assessment.attempt(pupil, attempt.id).slots[0].tries == 1


def test_another_answer_under_a_used_key_is_told_the_first_result(world: World) -> None:
    pupil = world.pupils[0]
    attempt = world.start(pupil)
    world.answer(pupil, attempt.id, f"{A}-00", right=False, key="k1")
    told = world.answer(pupil, attempt.id, f"{A}-00", right=True, key="k1")
    assert told.duplicate
    assert told.verdict is not None
    assert (told.verdict.correct, told.verdict.misconception) == (False, SLIP)


def test_the_same_answer_sent_by_many_threads_is_stored_once(world: World) -> None:
    pupil = world.pupils[0]
    attempt = world.start(pupil)
    told: list[Any] = []
    threads = [
        threading.Thread(target=lambda: told.append(world.answer(pupil, attempt.id, f"{A}-00", True, key="k")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.duplicate for one in told) == [False] + [True] * 7
    assert world.tracing.of_learner(pupil, pupil.account_id, [A])[A].n == 1


def test_an_answer_after_the_attempt_closed_is_refused_and_says_it_was_not_counted(world: World) -> None:
    pupil = world.pupils[0]
    attempt = world.start(pupil)
    world.answer(pupil, attempt.id, f"{A}-00", right=True, key="k1")
    world.assessment.close_attempt(pupil, attempt.id)
    with pytest.raises(errors.Conflict, match="attempt closed: this answer was not counted"):
        world.answer(pupil, attempt.id, f"{A}-01", right=True)
    with pytest.raises(errors.Conflict, match="attempt closed"):
        world.answer(pupil, attempt.id, f"{A}-00", right=True)
    with pytest.raises(errors.Conflict, match="attempt closed"):
        world.assessment.answer(pupil, attempt.id, f"{A}-00", "?", client_key="k2")
    assert len(world.records.of_attempt(pupil, attempt.id)) == 1


def test_a_repeated_send_is_acknowledged_even_after_closing(world: World) -> None:
    pupil = world.pupils[0]
    attempt = world.start(pupil)
    world.answer(pupil, attempt.id, f"{A}-00", right=True, key="k1")
    world.assessment.close_attempt(pupil, attempt.id)
    assert world.answer(pupil, attempt.id, f"{A}-00", right=True, key="k1").duplicate


def test_an_unreadable_answer_is_asked_again_and_nothing_is_stored(world: World) -> None:
    pupil = world.pupils[0]
    attempt = world.start(pupil)
    told = world.assessment.answer(pupil, attempt.id, f"{A}-00", "?", client_key="k1")
    assert told.verdict is not None
    assert (told.saved, told.verdict.malformed) == (False, True)
    assert world.records.of_attempt(pupil, attempt.id) == []
    assert world.assessment.attempt(pupil, attempt.id).slots[0].tries == 0


def test_later_tries_are_stored_but_do_not_move_mastery(world: World) -> None:
    pupil = world.pupils[0]
    attempt = world.start(pupil)
    first = world.answer(pupil, attempt.id, f"{A}-00", right=False)
    second = world.answer(pupil, attempt.id, f"{A}-00", right=True)
    assert second.after == second.before
    assert second.after[A].n == first.after[A].n == 1
    kept = world.records.of_attempt(pupil, attempt.id)
    assert [(one.tries, one.counts, one.correct) for one in kept] == [(1, True, False), (2, False, True)]
    slot = world.assessment.attempt(pupil, attempt.id).slots[0]
    assert (slot.state, slot.tries) == ("right", 2)


def test_the_explanation_waits_for_a_right_answer_or_the_third_try(world: World) -> None:
    pupil = world.pupils[0]
    attempt = world.start(pupil)
    told = [world.answer(pupil, attempt.id, f"{A}-00", right=False).explanation for _ in range(3)]
    assert told == [None, None, "because"]


def test_what_the_learner_wrote_is_sealed_in_the_database(world: World) -> None:
    pupil = world.pupils[0]
    attempt = world.start(pupil)
    world.assessment.answer(pupil, attempt.id, f"{A}-00", "my very own words", client_key="k1")
    with world.database.read() as conn:
        (raw,) = conn.exec_driver_sql("SELECT answer FROM records_response").one()
    assert b"very own" not in bytes(raw)
    assert world.records.of_attempt(pupil, attempt.id)[0].answer == "my very own words"


@pytest.mark.parametrize(("key", "seconds"), [("", None), ("k" * 65, None), ("k", -1.0), ("k", float("nan"))])
def test_a_bad_key_or_time_is_named(world: World, key: str, seconds: float | None) -> None:
    pupil = world.pupils[0]
    attempt = world.start(pupil)
    with pytest.raises(errors.BadInput):
        world.assessment.answer(pupil, attempt.id, f"{A}-00", "7", client_key=key, seconds=seconds)


def test_nobody_else_can_answer_or_even_see_the_attempt(world: World) -> None:
    attempt = world.start(world.pupils[0])
    for other in (world.pupils[1], world.stranger, world.other_teacher):
        with pytest.raises(errors.NotFound):
            world.answer(other, attempt.id, f"{A}-00", right=True)
        with pytest.raises(errors.NotFound):
            world.assessment.attempt(other, attempt.id)
        with pytest.raises(errors.NotFound):
            world.assessment.question(other, attempt.id, f"{A}-00")
    assert world.assessment.attempt(world.teacher, attempt.id).id == attempt.id
    with pytest.raises(errors.NotFound):
        world.answer(world.teacher, attempt.id, f"{A}-00", right=True)


def test_an_item_outside_the_attempt_cannot_be_answered(world: World) -> None:
    attempt = world.start(world.pupils[0])
    with pytest.raises(errors.NotFound, match=f"{A}-05"):
        world.answer(world.pupils[0], attempt.id, f"{A}-05", right=True)


def test_an_answer_costs_the_same_statements_after_ten_and_after_a_thousand(world: World) -> None:
    pupil = world.pupils[0]
    world.practise(pupil, A, "+" * 10)
    few = statements_of_one_answer(world)
    world.practise(pupil, A, "+-" * 500)
    assert statements_of_one_answer(world) == few
    assert 4 <= few <= (7 if world.database.dialect == "postgresql" else 6)  # there the lock is one of its own


def statements_of_one_answer(world: World) -> int:
    attempt = world.start(world.pupils[0])
    with noted(world.database) as seen:
        world.answer(world.pupils[0], attempt.id, f"{A}-00", right=True)
    return len(seen)


def test_of_two_processes_at_one_question_the_second_reads_what_the_first_wrote(world: World) -> None:
    attempt = world.start(world.pupils[0])
    item = attempt.slots[0].item_id
    first_has_it, go = threading.Event(), threading.Event()

    def first(uow: db.UnitOfWork) -> None:
        store.standing(uow.conn, world.school, attempt.id)
        store.tried(uow.conn, attempt.id, item, "right")
        first_has_it.set()
        go.wait(10)

    other = db.open_database(world.database.engine.url.render_as_string(hide_password=False))
    try:
        one = world.database.submit(first)
        assert first_has_it.wait(10)
        two = other.submit(lambda uow: store.standing(uow.conn, world.school, attempt.id))
        for _ in range(1000 if other.dialect == "postgresql" else 0):  # SQLite lets nobody begin meanwhile
            if _somebody_waits(other):
                break
            time.sleep(0.005)
        go.set()
        one.result()
        assert two.result().slots[item].tries == 1
    finally:
        go.set()
        other.close()


def _somebody_waits(database: db.Database) -> bool:
    mine = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with database.read() as conn:
        return conn.execute(text(mine)).first() is not None
