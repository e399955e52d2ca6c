"""A class whose weeks are known: answers written straight down, without a platform."""

import random
from datetime import UTC, datetime, timedelta

from shuyuan.learning.insight import warning, weeks
from shuyuan.learning.records.interface import Response

BEGAN = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def answer(
    who: str, at: datetime, right: bool, *, item: str = "algebra.a-00", p: float = 0.5, hints: int = 0
) -> Response:
    """One answer that counts."""
    return Response(
        id=f"{who}{at:%m%d%H%M}", school_id="s", learner_id=who, attempt_id="t", item_id=item, points=("algebra.a",),
        seed=0, answer="", correct=right, misconception=None, hints_used=hints, seconds=30.0, p_before=p,
        tracer_version="v", client_key="k", at=at,
    )  # fmt: skip


def worked(who: str, week: int, marks: str, **told: float) -> list[Response]:
    """A week's answers, an hour apart; "+" is right."""
    start = BEGAN + week * weeks.WEEK
    return [answer(who, start + timedelta(hours=at), mark == "+", **told) for at, mark in enumerate(marks)]  # type: ignore[arg-type]  # p, hints


def book(*rows: Response) -> weeks.ClassBook:
    """Of everybody who answered."""
    return weeks.ClassBook.of(rows, sorted({one.learner_id for one in rows}), [])


def past(learners: int, known: int, *, tells: bool, seed: int = 1) -> list[warning.Row]:
    """A row a learner and week. tells: the first fact raises the chance, as strongly as is known; else nothing does."""
    rng = random.Random(seed)
    found = []
    for who in range(learners):
        for week in range(known):
            values = tuple(rng.gauss(0, 1) for _ in weeks.FACTS)
            chance = 1 / (1 + 2.718281828 ** (1.0 + 2.0 * values[0])) if tells else 0.3
            found.append(warning.Row(f"l{who:02d}", week, values, rng.random() < chance))
    return found
