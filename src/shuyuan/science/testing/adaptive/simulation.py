"""Simulated examinees of known ability take a test: how sure, how true, how long, and what they saw of the bank."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shuyuan.science.testing.adaptive.sitting import Test
from shuyuan.science.testing.bank import Floats, Ints


@dataclass(frozen=True)
class Outcome:
    """(N,) each: true ability, estimate, its standard error, items asked. exposure: (J,) share who saw an item.

    error_after: (N, most + 1) standard error after so many items, from none on; who has ended stays at the last one.
    """

    ability: Floats
    estimate: Floats
    error: Floats
    length: Ints
    exposure: Floats
    error_after: Floats

    @property
    def bias(self) -> float:
        """Mean of estimate minus truth."""
        return float((self.estimate - self.ability).mean())

    @property
    def rmse(self) -> float:
        """Root mean squared distance of estimate and truth."""
        return float(np.sqrt(np.mean((self.estimate - self.ability) ** 2)))

    @property
    def bank_used(self) -> float:
        """Share of the bank that somebody saw."""
        return float((self.exposure > 0).mean())

    def by_ability(self, edges: npt.ArrayLike) -> list[tuple[float, float, int, float, float]]:
        """(from, to, people, bias, mean error) of each band of true ability: what a plot of the test shows."""
        bounds = np.asarray(edges, dtype=np.float64)
        lines = []
        for low, high in itertools.pairwise(bounds):
            rows = (self.ability >= low) & (self.ability < high)
            off = self.estimate[rows] - self.ability[rows]
            bias, error = (float(one.mean()) if rows.any() else float("nan") for one in (off, self.error[rows]))
            lines.append((float(low), float(high), int(rows.sum()), bias, error))
        return lines


def simulate(test: Test, ability: Floats, seed: int = 0, tell: Callable[[int], None] | None = None) -> Outcome:
    """Everybody of `ability` (N,) takes the test, one after the other. Raises ValueError for nobody.

    tell: called with how many are through, after each.
    """
    if not len(ability):
        raise ValueError("nobody to simulate: give at least one ability")
    rng, seen = np.random.default_rng(seed), np.zeros(len(test.bank))
    estimate, error, length = np.empty(len(ability)), np.empty(len(ability)), np.empty(len(ability), dtype=np.int64)
    after = np.empty((len(ability), test.rules.most + 1))
    for person, true in enumerate(ability):
        sitting = test.begin(rng)
        chance = test.bank.chance(float(true))
        after[person] = sitting.belief.deviation
        while (item := sitting.next()) is not None:
            sitting.answer(item, bool(rng.random() < chance[item]))
            after[person, len(sitting.given) :] = sitting.belief.deviation
        estimate[person], error[person] = sitting.belief.mean, sitting.belief.deviation
        length[person] = len(sitting.given)
        seen[sitting.given] += 1
        if tell is not None:
            tell(person + 1)
    return Outcome(np.asarray(ability, dtype=np.float64), estimate, error, length, seen / len(ability), after)
