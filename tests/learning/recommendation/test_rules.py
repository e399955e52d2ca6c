"""Plans from a picture of one learner in one course."""

from datetime import UTC, datetime, timedelta

import pytest

from shuyuan.learning.courses.interface import Course, Point, Text
from shuyuan.learning.recommendation import rules, runs
from shuyuan.learning.recommendation.interface import Mistake
from shuyuan.learning.tracing.interface import Mastery

NOW = datetime(2026, 9, 7, 10, tzinfo=UTC)
POINTS = tuple(
    Point(id=name, name=Text(zh=name, en=name), requires=requires)
    for name, requires in (("first", ()), ("second", ("first",)))
)
COURSE = Course(id="c", version=1, title=Text(zh="c", en="c"), subject="any", licence="none", points=POINTS)


def offered(answers: int, ago: timedelta) -> tuple[str | None, int]:
    """The point and urgency of the first plan for somebody at level 2 of the first point, who began nothing else."""
    mastery = {
        "first": Mastery("first", 0.45, 0.1, answers, answers // 3, 2, NOW - ago),
        "second": Mastery("second", 0.4, 0.3, 0, 0, None, None),
    }
    plan = next(rules.plans(rules.Picture(COURSE, POINTS, mastery, (), (), NOW)))
    return plan.point_id, plan.urgency


@pytest.mark.parametrize(
    ("answers", "ago", "point"),
    [
        (rules.PATIENCE - 1, timedelta(hours=1), "first"),
        (rules.PATIENCE, timedelta(hours=1), "second"),
        (144, timedelta(minutes=2), "second"),
        (144, rules.RESTS + timedelta(hours=1), "first"),
    ],
)
def test_who_is_stuck_is_not_kept_there_for_ever(answers: int, ago: timedelta, point: str) -> None:
    assert offered(answers, ago)[0] == point


def first(run: float, *, days: float = 0.0, wrong_days: float | None = None) -> tuple[str, str | None]:
    """Kind and point of the first plan for somebody who is good at the first point by mastery, with this run there."""
    at = NOW - timedelta(days=days)
    mastery = {
        "first": Mastery("first", 0.8, 0.1, 12, 10, 4, at, due=days > 1),
        "second": Mastery("second", 0.6, 0.3, 0, 0, None, None),
    }
    wrong: tuple[Mistake, ...] = ()
    if wrong_days is not None:
        wrong = (Mistake("c.i", "first", 0, "", None, NOW - timedelta(days=wrong_days), 1, due=True),)
    plan = next(rules.plans(rules.Picture(COURSE, POINTS, mastery, (), wrong, NOW, {"first": run})))
    return plan.kind, plan.point_id


def run_of(marks: str) -> float:
    """The run after these answers."""
    run = runs.UNTRIED
    for mark in marks:
        run = runs.after(run, mark == "+")
    return run


@pytest.mark.parametrize(
    ("marks", "point"),
    [("+++", "first"), ("++++", "first"), ("+++++", "second"), ("-----++++++++", "second"), ("+++++-", "first")],
)
def test_the_next_point_begins_by_the_answers_on_the_one_before_it_and_not_by_mastery(marks: str, point: str) -> None:
    assert first(run_of(marks)) == ("practice", point)


def test_a_review_and_mistakes_wait_behind_what_is_new_but_not_for_ever() -> None:
    assert first(0.9, days=3) == ("practice", "second")
    assert first(0.9, days=7) == ("review", "first")
    assert first(0.9, wrong_days=3) == ("practice", "second")
    assert first(0.9, wrong_days=14) == ("mistakes", None)
    assert first(0.5, days=7, wrong_days=14) == ("practice", "first")  # not firm: practised, which comes to the same


def test_what_waits_is_offered_right_behind_what_is_new() -> None:
    mastery = {
        "first": Mastery("first", 0.8, 0.1, 12, 10, 4, NOW - timedelta(days=3), due=True),
        "second": Mastery("second", 0.6, 0.3, 0, 0, None, None),
    }
    wrong = Mistake("c.i", "first", 0, "", None, NOW - timedelta(days=2), 1, due=True)
    found = list(rules.plans(rules.Picture(COURSE, POINTS, mastery, (), (wrong,), NOW, {"first": 0.9})))
    assert [one.kind for one in found] == ["practice", "review", "mistakes"]
    assert [one.urgency for one in found] == sorted(one.urgency for one in found)
