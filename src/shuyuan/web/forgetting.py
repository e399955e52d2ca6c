"""Geometry of a forgetting curve: the chance of knowing a topic (mastery × retrievability), from its last answer to
after its review.

Numbers only; the template draws them. What is not solid has no curve: there is nothing yet that could be forgotten. The
axis begins low, as nothing that is solid falls below it soon.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from shuyuan.learning.tracing.interface import Mastery
from shuyuan.science import memory

WIDTH, HEIGHT = 240, 72  # SVG units
LEAST, SAMPLES, BEYOND = 0.3, 40, 1.25
DAY_S = 86_400.0
SHOWN = 5


@dataclass(frozen=True)
class Curve:
    """points: of a polyline.  now_x, now_y: today.  review_x: the day of review.  keep_y: the chance then."""

    points: str
    now_x: float
    now_y: float
    review_x: float
    keep_y: float


@dataclass(frozen=True)
class Fading:
    """A topic on its way to its review."""

    topic: object
    mastery: Mastery
    curve: Curve


def curve(mastery: Mastery, now: datetime) -> Curve | None:
    """None where nothing is solid yet."""
    if mastery.last_at is None or mastery.stability_days is None or mastery.review_at is None:
        return None
    last_s, now_s = mastery.last_at.timestamp(), now.timestamp()
    trace = memory.Trace(mastery.stability_days, 0.0, last_s)
    review_s = mastery.review_at.timestamp()
    span_s = max(BEYOND * (max(now_s, review_s) - last_s), DAY_S)

    def x(at_s: float) -> float:
        return round(WIDTH * min(max(at_s - last_s, 0.0) / span_s, 1.0), 1)

    def y(remembered: float) -> float:
        chance = memory.knows_now(mastery.p, remembered)
        return round(HEIGHT * (1.0 - max(chance - LEAST, 0.0) / (1.0 - LEAST)), 1)

    times = [last_s + span_s * n / SAMPLES for n in range(SAMPLES + 1)]
    points = " ".join(f"{x(at):g},{y(memory.retrievability(trace, at)):g}" for at in times)
    now_y = y(memory.retrievability(trace, now_s))
    return Curve(points, x(now_s), now_y, x(review_s), y(memory.RETENTION))


def fading(topics: Iterable[tuple[object, Mastery]], now: datetime) -> list[Fading]:
    """What is solid, the soonest review first: all that is due, and some more where there is room."""
    found = []
    for topic, mastery in topics:
        drawn = curve(mastery, now)
        if drawn is not None and mastery.review_at is not None:
            found.append((mastery.review_at, Fading(topic, mastery, drawn)))
    ordered = [one for _, one in sorted(found, key=lambda pair: pair[0])]
    return ordered[: max(SHOWN, sum(one.mastery.due for one in ordered))]
