"""The time, in UTC. Services take a `Clock` so that tests and the demo can live three weeks in a second."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """The current time, timezone-aware UTC."""
    return datetime.now(UTC)
