"""When something was, as a command prints it: local time, with its distance from UTC."""

from datetime import datetime


def told(moment: datetime | str) -> str:
    """To the minute; a text is ISO 8601.

    >>> told("2026-03-01T12:30:00+00:00")[-6] in "+-"
    True
    """
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return at.astimezone().isoformat(sep=" ", timespec="minutes")
