"""Elo ratings: learner, learner on a point, and item meet at each answer, and all three move.

The steps shrink with the number of earlier answers, u(n) = a / (1 + b n). Item difficulties keep what the fit left;
they do not move while other learners are traced. Source: Pelánek (2016), Computers & Education 98, section 3.
"""

import itertools
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shuyuan.science import metrics
from shuyuan.science.tracing.family import Arrays
from shuyuan.science.tracing.interactions import Floats, Interactions
from shuyuan.science.tracing.online.step import sigmoid
from shuyuan.science.tracing.vocabulary import Vocabulary

NAME = "elo"
STARTS, DECAYS = (0.4, 0.8, 1.4), (0.02, 0.05, 0.15)  # a and b that are tried where there are learners to select by


@dataclass(frozen=True)
class Elo:
    """Item difficulties (the last stands for unknown items), how far an answer moves a rating, and how that falls."""

    vocabulary: Vocabulary
    items: Floats  # (items + 1,) logits
    start: float
    decay: float

    def predict(self, table: Interactions) -> Floats:
        """See `family.Fitted`."""
        return _walk(table, self.vocabulary.items(table), self.items.tolist(), self.start, self.decay, learn=False)[0]

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """See `family.Fitted`."""
        return {
            "items": self.items,
            "steps": np.asarray([self.start, self.decay]),
            **self.vocabulary.to_arrays(),
        }


def fit(train: Interactions, *, validation: Interactions | None = None, seed: int = 0) -> Elo:
    """See `family.Algorithm`; steps are selected by the log loss on `validation`, the middle ones without it."""
    tried = list(itertools.product(STARTS, DECAYS)) if validation is not None else [(STARTS[1], DECAYS[1])]
    fitted = [_fit(train, start, decay) for start, decay in tried]
    if validation is None:
        return fitted[0]
    return min(fitted, key=lambda one: metrics.log_loss(validation.correct, one.predict(validation)))


def load(arrays: Arrays) -> Elo:
    """See `family.Algorithm`."""
    start, decay = map(float, arrays["steps"])
    return Elo(Vocabulary.from_arrays(arrays), np.asarray(arrays["items"], dtype=np.float64), start, decay)


def _fit(train: Interactions, start: float, decay: float) -> Elo:
    vocabulary = Vocabulary.of(train)
    items = [0.0] * (len(vocabulary.item_ids) + 1)
    _, items = _walk(train, vocabulary.items(train), items, start, decay, learn=True)
    return Elo(vocabulary, np.asarray([*items[:-1], 0.0]), start, decay)


def _walk(
    table: Interactions, item: npt.NDArray[np.int64], items: list[float], start: float, decay: float, *, learn: bool
) -> tuple[Floats, list[float]]:
    """Every answer in the table's order: its prediction, then the ratings after it."""
    p = np.empty(len(table))
    general: defaultdict[int, list[float]] = defaultdict(lambda: [0.0, 0])
    special: defaultdict[tuple[int, int], list[float]] = defaultdict(lambda: [0.0, 0])
    met, bounds, points = [0] * len(items), table.starts.tolist(), table.point.tolist()
    for row, (who, what, right) in enumerate(
        zip(table.learner.tolist(), item.tolist(), table.correct.tolist(), strict=True)
    ):
        ratings = [special[who, point] for point in points[bounds[row] : bounds[row + 1]]]
        share = 1.0 / max(len(ratings), 1)
        own = general[who]
        p[row] = chance = sigmoid(own[0] + share * sum(rating[0] for rating in ratings) - items[what])
        surprise = right - chance
        for rating in (own, *ratings):
            rating[0] += start / (1.0 + decay * rating[1]) * surprise
            rating[1] += 1
        if learn:
            items[what] -= start / (1.0 + decay * met[what]) * surprise
            met[what] += 1
    return p, items
