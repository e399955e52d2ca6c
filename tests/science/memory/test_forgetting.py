"""Memory agrees with the library's own scheduler, never goes back in time, and falls with the days."""

from datetime import UTC, datetime, timedelta

import fsrs
import pytest

from shuyuan.science import memory

DAY_S = 86_400.0
BEGIN = datetime(2026, 3, 2, 8, tzinfo=UTC)


def after(marks: str, apart_days: float, helped: bool = False) -> memory.Trace:
    trace, at_s = None, BEGIN.timestamp()
    for mark in marks:
        trace = memory.answered(trace, right=mark == "+", helped=helped, at_s=at_s)
        at_s += apart_days * DAY_S
    assert trace is not None
    return trace


def test_states_are_those_of_the_scheduler_with_its_own_cards() -> None:
    scheduler = fsrs.Scheduler(learning_steps=(), relearning_steps=(), enable_fuzzing=False)
    card, trace, now = fsrs.Card(card_id=1), None, BEGIN
    for days, mark in [(0, "+"), (0, "-"), (2, "+"), (7, "+"), (30, "-"), (1, "+")]:
        now += timedelta(days=days, minutes=3)
        card, _ = scheduler.review_card(card, fsrs.Rating.Good if mark == "+" else fsrs.Rating.Again, now)
        trace = memory.answered(trace, right=mark == "+", at_s=now.timestamp())
        assert (trace.stability_days, trace.difficulty) == (card.stability, card.difficulty)
    assert trace is not None
    for days in (0, 1, 9):
        whole = now + timedelta(days=days)
        expected = scheduler.get_card_retrievability(card, whole)
        assert memory.retrievability(trace, whole.timestamp()) == pytest.approx(expected)


def test_the_chance_is_one_at_the_answer_and_the_wanted_retention_when_it_is_due() -> None:
    trace = after("+++", apart_days=3)
    assert memory.retrievability(trace, trace.last_at_s - DAY_S) == 1.0
    assert memory.retrievability(trace, memory.review_at_s(trace)) == pytest.approx(memory.RETENTION)
    later = [memory.retrievability(trace, trace.last_at_s + days * DAY_S) for days in (0, 1, 5, 50, 5000)]
    assert later == sorted(later, reverse=True)
    assert 0 < later[-1] < 1


def test_right_answers_days_apart_lengthen_the_wait_and_a_wrong_one_shortens_it() -> None:
    waits = [after("+" * n, apart_days=4).stability_days for n in (1, 2, 3)]
    assert waits == sorted(waits)
    assert after("+++-", apart_days=4).stability_days < waits[1]


def test_a_hard_evening_leaves_a_memory_no_weaker_than_one_just_met_and_failed() -> None:
    met = after("-", apart_days=0).stability_days
    assert after("-" * 8, apart_days=0).stability_days == met
    evening = after("----++++", apart_days=0)
    assert evening.stability_days > met
    assert memory.retrievability(evening, evening.last_at_s + DAY_S) > 0.75


def test_a_right_answer_with_a_hint_lasts_shorter_than_one_without() -> None:
    assert after("++", 3, helped=True).stability_days < after("++", 3).stability_days


def test_an_answer_out_of_order_counts_as_of_the_newest_time() -> None:
    trace = after("++", apart_days=5)
    stale = memory.answered(trace, right=True, at_s=trace.last_at_s - 3 * DAY_S)
    assert stale == memory.answered(trace, right=True, at_s=trace.last_at_s)


@pytest.mark.parametrize("marks", ["-" * 40, "+" * 40, "+-" * 20])
def test_whatever_the_marks_the_next_look_is_a_day_to_a_year_away(marks: str) -> None:
    trace = after(marks, apart_days=30)
    assert 1.0 <= (memory.review_at_s(trace) - trace.last_at_s) / DAY_S <= 365.0
