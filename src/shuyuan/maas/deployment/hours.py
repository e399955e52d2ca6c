"""The hours in which nothing changes by itself."""

from datetime import datetime

OPENS_HOUR, CLOSES_HOUR, SCHOOL_DAYS = 7, 18, 5


def in_school_hours(local: datetime) -> bool:
    """Weekdays from 7 to 18, in the school's own time.

    >>> in_school_hours(datetime(2026, 9, 7, 9)), in_school_hours(datetime(2026, 9, 6, 9))
    (True, False)
    """
    return local.weekday() < SCHOOL_DAYS and OPENS_HOUR <= local.hour < CLOSES_HOUR
