"""Ability integrated out: nodes and weights of a normal population, and the posterior of each pattern over them."""

from typing import NamedTuple

import numpy as np

from shuyuan.science.testing.bank import Bank, Floats
from shuyuan.science.testing.irt.answers import Answers

NODES, REACH = 61, 6.0


class Grid(NamedTuple):
    """(Q,) abilities and how much of the population lies at each; the weights sum to one."""

    ability: Floats
    weight: Floats

    @classmethod
    def normal(cls, nodes: int = NODES, reach: float = REACH) -> "Grid":
        """Normal(0, 1) at equal distances up to `reach` standard deviations."""
        ability = np.linspace(-reach, reach, nodes)
        density = np.exp(-0.5 * ability**2)
        return cls(ability, density / density.sum())


class Posterior(NamedTuple):
    """(R, Q) share of each node given each pattern, and (R,) the log of each pattern's probability."""

    share: Floats
    log_probability: Floats

    def mean(self, grid: Grid) -> Floats:
        """(R,) expected a posteriori."""
        return np.asarray(self.share @ grid.ability)

    def deviation(self, grid: Grid) -> Floats:
        """(R,) posterior standard deviation."""
        return np.asarray(np.sqrt(np.maximum(self.share @ grid.ability**2 - self.mean(grid) ** 2, 0.0)))


def posterior(answers: Answers, bank: Bank, grid: Grid) -> Posterior:
    """Bayes over the grid; two matrix products."""
    p = np.clip(bank.chance(grid.ability), 1e-12, 1 - 1e-12)  # (Q, J)
    wrong = np.log1p(-p)
    log_share = answers.right @ (np.log(p) - wrong).T + answers.asked @ wrong.T + np.log(grid.weight)
    most = log_share.max(1, keepdims=True)
    share = np.exp(log_share - most, out=log_share)
    total = share.sum(1, keepdims=True)
    share /= total
    return Posterior(share, (most + np.log(total)).ravel())
