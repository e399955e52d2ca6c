"""An item bank: the numbers that say how each item answers to ability."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Bank:
    """J items under the three-parameter logistic model, P = c + (1 - c) / (1 + exp(-a (theta - b))); no 1.7 in it.

    a: discrimination, above 0.  b: difficulty, in standard deviations of ability.  c: chance of a lucky guess, in
    [0, 1).  content: the area an item belongs to, from 0.  Raises ValueError naming the first item that is no item.
    """

    a: Floats
    b: Floats
    c: Floats
    content: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __post_init__(self) -> None:
        if not len(self.content):
            object.__setattr__(self, "content", np.zeros(len(self.a), dtype=np.int64))
        if not len(self.a) == len(self.b) == len(self.c) == len(self.content):
            raise ValueError("a, b, c and content must have one entry an item")
        for name, values, fits in (
            ("a", self.a, self.a > 0),
            ("b", self.b, np.isfinite(self.b)),
            ("c", self.c, (self.c >= 0) & (self.c < 1)),
            ("content", self.content, self.content >= 0),
        ):
            if not (fits & np.isfinite(values)).all():
                place = int(np.argmin(fits & np.isfinite(values)))
                raise ValueError(f"item {place} has {name} = {values[place]}")

    def __len__(self) -> int:
        return len(self.a)

    @classmethod
    def of(cls, a: npt.ArrayLike, b: npt.ArrayLike, c: npt.ArrayLike = 0.0, content: npt.ArrayLike = 0) -> Self:
        """From lists or numbers; what is one number holds for every item.

        >>> len(Bank.of(1.0, [-1, 0, 1]))
        3
        """
        size = np.broadcast_shapes(np.shape(a), np.shape(b), np.shape(c), np.shape(content), (1,))
        numbers = [np.broadcast_to(np.asarray(one, dtype=np.float64), size).copy() for one in (a, b, c)]
        slope, difficulty, guess = numbers
        return cls(slope, difficulty, guess, np.broadcast_to(np.asarray(content, dtype=np.int64), size).copy())

    def chance(self, ability: npt.ArrayLike) -> Floats:
        """(..., J) P(right) at each ability (...,)."""
        distance = np.asarray(ability, dtype=np.float64)[..., None] - self.b
        return np.asarray(self.c + (1.0 - self.c) * logistic(self.a * distance))

    def information(self, ability: npt.ArrayLike) -> Floats:
        """(..., J) Fisher information about ability. Source: Lord (1980), Applications of IRT, equation 5-9."""
        p = self.chance(ability)
        lucky = (p - self.c) / (1.0 - self.c)
        return np.asarray(self.a**2 * lucky**2 * (1.0 - p) / np.maximum(p, 1e-300))


def logistic(x: Floats) -> Floats:
    """1 / (1 + exp(-x)) without overflow."""
    grown = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, grown) / (1.0 + grown)
