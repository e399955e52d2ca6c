"""A matrix of answers in which anything may be missing, kept once per distinct pattern."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from shuyuan.science.testing.bank import Floats, Ints

FEWEST_PERSONS = 2


class Unfit(ValueError):
    """These answers cannot say what was asked of them."""


@dataclass(frozen=True)
class Answers:
    """Distinct patterns (R, J) with how many persons (R,) gave each, and each person's pattern (N,)."""

    right: Floats  # (R, J) 1.0 right, 0.0 wrong or not asked
    asked: Floats  # (R, J) 1.0 asked
    weight: Floats  # (R,) persons
    pattern: Ints  # (N,) row of each person

    @classmethod
    def of(cls, matrix: npt.ArrayLike) -> Self:
        """From persons × items: 1 right, 0 wrong, negative or NaN not asked.

        Raises Unfit for another number, fewer than two persons, no items, or an item that nobody was asked.
        """
        found = np.asarray(matrix, dtype=np.float64)
        if found.ndim != 2 or found.shape[0] < FEWEST_PERSONS or not found.shape[1]:
            raise Unfit(f"need a matrix of at least {FEWEST_PERSONS} persons and one item, got shape {found.shape}")
        asked = np.nan_to_num(found, nan=-1.0) >= 0
        if wrong := set(np.unique(found[asked])) - {0.0, 1.0}:
            raise Unfit(f"answers must be 0, 1 or missing, got {sorted(wrong)[0]:g}")
        if (silent := np.flatnonzero(~asked.any(0))).size:
            raise Unfit(f"nobody was asked item {silent[0]}: leave it out")
        codes = np.where(asked, found, -1).astype(np.int8)
        _, first, pattern, counts = np.unique(
            np.ascontiguousarray(codes).view(f"V{codes.shape[1]}").ravel(),
            return_index=True,
            return_inverse=True,
            return_counts=True,
        )
        kept = codes[first]
        right, asked = (kept == 1).astype(np.float64), (kept >= 0).astype(np.float64)
        return cls(right, np.asarray(asked, dtype=np.float64), counts.astype(np.float64), pattern.astype(np.int64))

    @property
    def persons(self) -> int:
        """N."""
        return len(self.pattern)

    @property
    def items(self) -> int:
        """J."""
        return int(self.right.shape[1])

    @property
    def share_right(self) -> Floats:
        """(J,) among those asked."""
        return np.asarray(self.weight @ self.right / (self.weight @ self.asked))

    def one_sided(self) -> Ints:
        """Items that all who were asked got right, or all wrong: their difficulty has no finite estimate."""
        share = self.share_right
        return np.flatnonzero((share == 0) | (share == 1))
