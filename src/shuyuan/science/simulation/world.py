"""A course and those who learn it: what they know, how they answer, what an answer teaches, what a night takes away."""

from dataclasses import dataclass

import numpy as np

from shuyuan.science.testing.bank import Floats, Ints, logistic

GUESS, SLIP = 0.1, 0.08
FORGOTTEN_A_DAY = 0.12  # share of what was learnt and hardly practised
_STEADIED_BY = 6.0  # answers on a point after which a night takes half as much
_READY_AT, _READY_SLOPE = 0.0, 3.0  # strength of what a point builds on at which half of the learning happens
_KNOWN_AT, _KNOWN_SPREAD = 1.5, 0.4  # strength of what was known before


@dataclass(frozen=True)
class World:
    """K points, each built on earlier ones, and J items.

    requires: for each point the earlier points it builds on.  point: (J,) of each item.  difficulty: (J,) logits.
    ahead: a learner knows 0 to so many of the first points before they begin, each number as likely.
    """

    requires: tuple[tuple[int, ...], ...]
    point: Ints
    difficulty: Floats
    ahead: int = 0

    def __post_init__(self) -> None:
        for place, below in enumerate(self.requires):
            if any(not 0 <= one < place for one in below):
                raise ValueError(f"point {place} builds on {below}: only earlier points can be built on")
        if len(self.point) != len(self.difficulty):
            raise ValueError(f"{len(self.point)} items have a point, {len(self.difficulty)} a difficulty")
        if set(self.point.tolist()) != set(range(len(self.requires))):
            raise ValueError("every point needs an item, and every item one of the points")
        if not 0 <= self.ahead <= len(self.requires):
            raise ValueError(f"ahead must lie in 0 to {len(self.requires)} points, got {self.ahead}")

    @classmethod
    def chain(cls, points: int = 10, items_each: int = 12, seed: int = 0, ahead: int = 0) -> "World":
        """Each point builds on the one before it, every third on the one before that too; items differ."""
        rng = np.random.default_rng(seed)
        requires = [
            tuple(k - back for back in (1, 2) if k >= back and (back == 1 or k % 3 == 0)) for k in range(points)
        ]
        point = np.repeat(np.arange(points), items_each)
        return cls(tuple(requires), point, rng.normal(0.0, 0.9, len(point)), ahead)

    def items_of(self, point: int) -> Ints:
        """Those of one point."""
        return np.flatnonzero(self.point == point)


class Learner:
    """Mutable truth about one learner. strength: (K,) logits; 0 answers an average item half the time."""

    def __init__(self, world: World, rng: np.random.Generator) -> None:
        size = len(world.requires)
        self._world, self._rng = world, rng
        self._start = rng.normal(-1.6, 0.5) + rng.normal(0.0, 0.5, size)
        self._rate = float(np.exp(rng.normal(-0.75, 0.35)))
        if world.ahead:
            known = int(rng.integers(world.ahead + 1))
            self._start[:known] = rng.normal(_KNOWN_AT, _KNOWN_SPREAD, known)
        self.strength: Floats = self._start.copy()
        self._practice = np.zeros(size)

    def chance(self, item: int) -> float:
        """P(right) now."""
        reached = float(logistic(self.strength[self._world.point[item]] - self._world.difficulty[item]))
        return GUESS + (1.0 - GUESS - SLIP) * reached

    @property
    def knows(self) -> Floats:
        """(K,) chance of knowing an average item of each point, slips and guesses aside."""
        return logistic(self.strength)

    def answer(self, item: int) -> bool:
        """Answer, then learn from it: most from what was neither sure nor hopeless."""
        right = bool(self._rng.random() < self.chance(item))
        point = int(self._world.point[item])
        reached = float(logistic(self.strength[point] - self._world.difficulty[item]))
        self.strength[point] += self._rate * self._ready(point) * 4.0 * reached * (1.0 - reached)
        self._practice[point] += 1.0
        return right

    def sleep(self) -> None:
        """A night: what was learnt fades, the less the more it was practised."""
        lost = FORGOTTEN_A_DAY / (1.0 + self._practice / _STEADIED_BY)
        self.strength -= np.maximum(self.strength - self._start, 0.0) * lost

    def _ready(self, point: int) -> float:
        below = self._world.requires[point]
        if not below:
            return 1.0
        weakest = min(self.strength[one] for one in below)
        return float(logistic(np.asarray(_READY_SLOPE * (weakest - _READY_AT))))
