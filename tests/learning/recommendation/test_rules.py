"""Plans from a picture of one learner in one course."""

from datetime import UTC, datetime, timedelta

import pytest

from shuyuan.learning.courses.interface import Course, Point, Text
from shuyuan.learning.recommendation import rules
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
