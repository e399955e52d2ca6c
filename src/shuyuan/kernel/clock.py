"""The time, in UTC, and the hours of school. Services take a `Clock`: a test lives three weeks in a second."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

Clock = Callable[[], datetime]
OVERDUE = timedelta(days=1)  # so late after its night, work is done by day: nobody had the machine on in that night
MOST_BY_DAY = 20_000  # answers of a school: what is fitted on them costs a few seconds
OPENS_HOUR, CLOSES_HOUR, SCHOOL_DAYS = 7, 18, 5  # between these, Monday to Friday, nothing changes by itself


def now() -> datetime:
    """The current time, timezone-aware UTC."""
    return datetime.now(UTC)


def in_school_hours(local: datetime) -> bool:
    """Whether a class may be sitting before what a change would surprise. local: in the school's own time.

    >>> in_school_hours(datetime(2026, 9, 7, 9)), in_school_hours(datetime(2026, 9, 6, 9))
    (True, False)
    """
    return local.weekday() < SCHOOL_DAYS and OPENS_HOUR <= local.hour < CLOSES_HOUR


def may_change(now: datetime, school_time: tzinfo, exam_until: datetime | None, *, overdue: bool = False) -> bool:
    """Whether what changes by itself may do so: outside school hours, or overdue, and while no exam runs.

    >>> monday, sunday = datetime(2026, 9, 7, 9, tzinfo=UTC), datetime(2026, 9, 6, 9, tzinfo=UTC)
    >>> may_change(monday, UTC, None), may_change(sunday, UTC, None), may_change(sunday, UTC, monday)
    (False, True, False)
    >>> may_change(sunday, UTC, None, overdue=True), may_change(sunday, UTC, monday, overdue=True)
    (True, False)
    >>> may_change(monday, UTC, None, overdue=True)
    True
    """
    free = overdue or not in_school_hours(now.astimezone(school_time))
    return free and (exam_until is None or exam_until <= now)


def after_school(local: datetime) -> datetime:
    """The moment itself outside school hours, else the end of them.

    >>> after_school(datetime(2026, 9, 7, 9)).hour, after_school(datetime(2026, 9, 6, 9)).hour
    (18, 9)
    """
    return local.replace(hour=CLOSES_HOUR, minute=0, second=0, microsecond=0) if in_school_hours(local) else local
