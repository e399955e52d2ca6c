"""What an activity brings per minute, learnt from what earlier ones brought. Pure.

A try is one sitting on one point: its kind as the history shows it, the chance of a right answer then, and the gain
per minute: the straight line through the chances before each of its answers. The level is taken in the middle of the
sitting and not at its beginning, where a hard first question would look like room to grow. The table that comes of it
is pooled over learners who agreed, and is used only when at least `PEERS` of them stand behind it; nobody can be read
out of it. A learner's own tries are added when ranking for that learner.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple

import numpy as np

from shuyuan.learning.records.interface import Response
from shuyuan.science.ranking import Bandit

PEERS = 5  # k of k-anonymity
KINDS = ("new", "practice", "review", "mistakes", "lesson")
PRIOR = (0.0, 0.010, 0.012, 0.008, 0.015, 0.006, 0.010)  # gain per minute; the last for each unit of head-room
PRIOR_WORTH, SPREAD = 4.0, 0.02  # tries the prior is worth; how far one try is off, gain per minute
REVIEW_AFTER = timedelta(days=7)
LEAST_MINUTES, LARGEST_GAIN = 0.5, 0.2


class Try(NamedTuple):
    """What was done, and what it brought. gain: change of the chance of a right answer, per minute."""

    kind: str
    p: float
    gain: float


def context(kind: str, p: float) -> list[float]:
    """The numbers a guess is made from. Raises ValueError for an unknown kind."""
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    return [1.0, *(float(kind == one) for one in KINDS), 1.0 - p]


def new() -> Bandit:
    """What is believed before anything was seen."""
    return Bandit.new(len(PRIOR), prior=PRIOR, ridge=PRIOR_WORTH)


def learnt(bandit: Bandit, tries: Iterable[Try]) -> Bandit:
    """After these tries."""
    for one in tries:
        bandit = bandit.learnt(context(one.kind, one.p), one.gain)
    return bandit


def tries(answers: Sequence[Response]) -> list[Try]:
    """Of one learner, from answers that count, in the order they counted. Needs two answers to a point in a sitting."""
    met: dict[str, tuple[datetime, dict[str, bool]]] = {}  # point → (last time, item → right last)
    found: list[Try] = []
    known = [one for one in answers if one.p_before is not None and one.points]
    for _, sitting in groupby(known, key=lambda one: one.attempt_id):
        by_point: dict[str, list[Response]] = {}
        for one in sitting:
            by_point.setdefault(one.points[0], []).append(one)
        for point, rows in by_point.items():
            if len(rows) > 1:
                found.append(_try(rows, met.get(point)))
            items = met.get(point, (rows[-1].at, {}))[1]
            met[point] = (rows[-1].at, items | {one.item_id: one.correct for one in rows})
    return found


def _try(rows: Sequence[Response], before: tuple[datetime, Mapping[str, bool]] | None) -> Try:
    p = np.array([one.p_before for one in rows], dtype=np.float64)
    place = np.arange(len(p)) - (len(p) - 1) / 2
    risen = (place @ p) / (place @ place) * (len(p) - 1)
    minutes = max(LEAST_MINUTES, sum(one.seconds or 30.0 for one in rows) / 60)
    gain = float(np.clip(risen / minutes, -LARGEST_GAIN, LARGEST_GAIN))
    return Try(_kind(rows, before), float(p.mean()), gain)


def _kind(rows: Sequence[Response], before: tuple[datetime, Mapping[str, bool]] | None) -> str:
    if before is None:
        return "new"
    last_at, items = before
    if all(items.get(one.item_id) is False for one in rows):
        return "mistakes"
    return "review" if rows[0].at - last_at >= REVIEW_AFTER else "practice"
