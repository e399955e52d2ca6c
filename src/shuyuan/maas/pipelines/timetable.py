"""When a schedule starts: the last day it was due, and when it starts next. In the school's own time. Pure."""

from datetime import date, datetime, time, timedelta

from shuyuan.kernel import clock
from shuyuan.maas.pipelines import interface

_DAYS = {"daily": 1, "weekly": 7}


def last_day(local: datetime, every: interface.Every, hour: int, weekday: int) -> str:
    """The last day, not in the future, on which the hour had come; of the weekday, for `weekly`.

    >>> last_day(datetime(2026, 9, 7, 1), "daily", 2, 0), last_day(datetime(2026, 9, 7, 3), "weekly", 2, 0)
    ('2026-09-06', '2026-09-07')
    """
    ordinal = local.toordinal() - (local.hour < hour)
    if every == "weekly":
        ordinal -= (datetime.fromordinal(ordinal).weekday() - weekday) % 7
    return datetime.fromordinal(ordinal).date().isoformat()


def next_start(local: datetime, every: interface.Every, hour: int, weekday: int, last: str) -> datetime | None:
    """When it starts next, as far as the clock decides; None: with new data.

    What was missed (the server was off, school sat) starts once, as soon as school hours are over.

    >>> next_start(datetime(2026, 9, 7, 9), "daily", 2, 0, "2026-09-07")
    datetime.datetime(2026, 9, 8, 2, 0)
    >>> next_start(datetime(2026, 9, 7, 9), "daily", 2, 0, "2026-09-01")
    datetime.datetime(2026, 9, 7, 18, 0)
    """
    if every == "new_data":
        return None
    due = last_day(local, every, hour, weekday)
    if due != last:
        return clock.after_school(local)
    following = date.fromisoformat(due) + timedelta(days=_DAYS[every])
    return clock.after_school(datetime.combine(following, time(hour), tzinfo=local.tzinfo))


def is_in_school(every: interface.Every, hour: int, weekday: int) -> bool:
    """Whether it would be due while classes may sit.

    >>> is_in_school("daily", 8, 0), is_in_school("weekly", 8, 5), is_in_school("daily", 18, 0)
    (True, False, False)
    """
    day = weekday if every == "weekly" else 0  # Monday stands for every day of a week
    return every != "new_data" and clock.in_school_hours(datetime(2026, 9, 7 + day, hour))  # the 7th is one
