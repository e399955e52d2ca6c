"""Logistic regression over sparse rows: a row is a handful of (column, value) entries.

L2 penalty on every weight but the bias; searched by limited-memory BFGS.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from shuyuan.science.tracing import descent
from shuyuan.science.tracing.interactions import Bools, Floats, Ints


@dataclass(frozen=True)
class SparseRows:
    """N rows over C columns with E entries. Raises ValueError for entries outside."""

    rows: int
    columns: int
    row: Ints  # (E,)
    column: Ints  # (E,)
    value: Floats  # (E,)

    def __post_init__(self) -> None:
        if not len(self.row) == len(self.column) == len(self.value):
            raise ValueError("row, column and value must be of one length")
        for name, places, bound in (("row", self.row, self.rows), ("column", self.column, self.columns)):
            if places.size and (places.min() < 0 or places.max() >= bound):
                raise ValueError(f"{name} must lie in [0, {bound}), got {places.min()}..{places.max()}")

    @classmethod
    def join(cls, blocks: "list[SparseRows]") -> "SparseRows":
        """Side by side: the columns of each block after those of the one before it."""
        offsets = np.cumsum([0, *(block.columns for block in blocks)])
        return cls(
            blocks[0].rows,
            int(offsets[-1]),
            np.concatenate([block.row for block in blocks]),
            np.concatenate([block.column + offset for block, offset in zip(blocks, offsets, strict=False)]),
            np.concatenate([block.value for block in blocks]),
        )

    def times(self, weights: Floats) -> Floats:
        """(N,) from (C,)."""
        return np.asarray(np.bincount(self.row, self.value * weights[self.column], self.rows))

    def gathered(self, of_rows: Floats) -> Floats:
        """(C,) from (N,): the transposed product."""
        return np.asarray(np.bincount(self.column, self.value * of_rows[self.row], self.columns))

    @cached_property
    def scale(self) -> Floats:
        """(C,) the sum of squares of each column."""
        return np.asarray(np.bincount(self.column, self.value * self.value, self.columns))


@dataclass(frozen=True)
class Logistic:
    """Fitted weights: `bias` and one a column."""

    bias: float
    weights: Floats

    def predict(self, rows: SparseRows) -> Floats:
        """(N,) probabilities. Raises ValueError when the columns are not those of the fit."""
        if rows.columns != len(self.weights):
            raise ValueError(f"fitted on {len(self.weights)} columns, got {rows.columns}")
        return expit(self.bias + rows.times(self.weights))


def fit(rows: SparseRows, correct: Bools, *, ridge: float = 1.0, steps: int = 200) -> Logistic:
    """Minimise the negative log likelihood plus half of `ridge` times the squared weights (bias free)."""
    if ridge <= 0:
        raise ValueError(f"ridge must be above 0, got {ridge}")
    target = correct.astype(np.float64)
    scale = 1.0 / np.sqrt(np.append(len(target), rows.scale) * 0.2 + ridge)  # 0.2: p (1 - p) of an average answer

    def objective(scaled: Floats) -> tuple[float, Floats]:
        flat = scaled * scale
        logit, weights = flat[0] + rows.times(flat[1:]), flat[1:]
        value = float(np.logaddexp(0.0, logit).sum() - target @ logit + 0.5 * ridge * weights @ weights)
        error = expit(logit) - target
        gradient = np.append(error.sum(), rows.gathered(error) + ridge * weights)
        return value, gradient * scale

    best = descent.minimise(objective, np.zeros(1 + rows.columns), steps=steps, tolerance=1e-8) * scale
    return Logistic(float(best[0]), best[1:])


def expit(x: Floats) -> Floats:
    """The logistic function over an array, without overflow.

    >>> expit(np.array([-1000.0, 0.0, 1000.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    grown = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, grown) / (1.0 + grown)
