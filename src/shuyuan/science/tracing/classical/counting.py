"""The features that the logistic tracers count: which item and points, and how often they went right before.

Counts enter as log(1 + n). Source: Gervet, Koedinger, Schneider & Mitchell (2020), JEDM 12(3), section 3.2.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from shuyuan.science.tracing import history, logistic
from shuyuan.science.tracing.interactions import Floats, Interactions, Ints
from shuyuan.science.tracing.vocabulary import Vocabulary


@dataclass(frozen=True)
class Blocks:
    """Which groups of columns a model has."""

    items: bool = False  # one an item
    points: bool = False  # one a knowledge point
    point_counts: bool = False  # earlier wins and losses (or answers) on each point, a weight a point
    totals: bool = False  # earlier answers and wins altogether
    item_counts: bool = False  # earlier answers and wins on this very item
    losses: bool = False  # counts are wins and losses, as in PFA; otherwise answers and wins


def rows(table: Interactions, vocabulary: Vocabulary, blocks: Blocks) -> logistic.SparseRows:
    """The table as sparse rows. Unknown ids have columns of their own, which no fit has moved from zero."""
    n, every = len(table), np.arange(len(table), dtype=np.int64)
    items, points = vocabulary.items(table), vocabulary.points(table)
    item_columns, point_columns = len(vocabulary.item_ids) + 1, len(vocabulary.point_ids) + 1
    parts = []
    if blocks.items:
        parts.append(logistic.SparseRows(n, item_columns, every, items, np.ones(n)))
    if blocks.points:
        parts.append(logistic.SparseRows(n, point_columns, table.row, points, np.ones(len(points))))
    if blocks.point_counts:
        pair = _pair(table.learner[table.row], table.point, len(table.point_ids))
        for counted in _counts(pair, table.correct[table.row], losses=blocks.losses):
            parts.append(logistic.SparseRows(n, point_columns, table.row, points, counted))
    if blocks.item_counts:
        pair = _pair(table.learner, table.item + 1, len(table.item_ids) + 1)
        for counted in _counts(pair, table.correct, losses=blocks.losses):
            parts.append(logistic.SparseRows(n, 1, every, np.zeros(n, np.int64), counted))
    if blocks.totals:
        for counted in _counts(table.learner, table.correct, losses=blocks.losses):
            parts.append(logistic.SparseRows(n, 1, every, np.zeros(n, np.int64), counted))
    return logistic.SparseRows.join(parts)


def _pair(learner: Ints, thing: Ints, things: int) -> Ints:
    _, who = np.unique(learner, return_inverse=True)
    return np.asarray(who * max(things, 1) + thing)


def _counts(key: Ints, correct: npt.NDArray[np.bool_], *, losses: bool) -> tuple[Floats, Floats]:
    """log(1 + earlier wins) and log(1 + earlier losses), or of all earlier answers."""
    wins, answers = history.earlier(key, correct.astype(np.float64)), history.earlier(key, np.ones(len(key)))
    return np.log1p(wins), np.log1p(answers - wins if losses else answers)


@dataclass(frozen=True)
class Counted:
    """A fitted logistic tracer over counted features."""

    vocabulary: Vocabulary
    blocks: Blocks
    model: logistic.Logistic

    @classmethod
    def fitted(cls, train: Interactions, blocks: Blocks, *, ridge: float) -> Self:
        """Fit on every row."""
        vocabulary = Vocabulary.of(train)
        return cls(vocabulary, blocks, logistic.fit(rows(train, vocabulary, blocks), train.correct, ridge=ridge))

    def predict(self, table: Interactions) -> Floats:
        """See `family.Fitted`."""
        return self.model.predict(rows(table, self.vocabulary, self.blocks))

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """See `family.Fitted`."""
        flat = np.append(self.model.bias, self.model.weights)
        return {"weights": flat, **self.vocabulary.to_arrays()}

    @classmethod
    def loaded(cls, arrays: Any, blocks: Blocks) -> Self:  # Any: as safetensors reads them
        """The reverse of `to_arrays`, for a model of these blocks."""
        flat = np.asarray(arrays["weights"], dtype=np.float64)
        return cls(Vocabulary.from_arrays(arrays), blocks, logistic.Logistic(float(flat[0]), flat[1:]))
