"""Chances made honest, over all and for every group of people: log-odds stretched, shifted, and shifted by group.

Each group's own shift is drawn towards none by a ridge, so that a small group moves only as far as its numbers carry.
Fit on held-out rows of the TRAINING learners, never on those reported on.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
ROUNDS, EDGE = 50, 1e-6


@dataclass(frozen=True)
class Recalibration:
    """weights: offset, slope, then one shift for every group of every grouping, in order."""

    weights: Floats
    groups: tuple[int, ...]  # how many groups each grouping has

    def __call__(self, p: npt.ArrayLike, groupings: npt.ArrayLike | None = None) -> Floats:
        """p: (N,). groupings: (N, G) group numbers, negative or unseen: no shift."""
        z = _design(log_odds(p), groupings, self.groups) @ self.weights
        return np.asarray(1 / (1 + np.exp(-z)))


def fit(
    p: npt.ArrayLike, happened: npt.ArrayLike, groupings: npt.ArrayLike | None = None, *, ridge: float = 10.0
) -> Recalibration:
    """happened: (N,) 0 or 1. ridge: in rows; how many rows of a group it takes to move it half the way."""
    z, y = log_odds(p), np.asarray(happened, dtype=np.float64)
    numbers = np.asarray(groupings, dtype=np.int64).reshape(len(y), -1) if groupings is not None else None
    groups = () if numbers is None else tuple(int(one) + 1 for one in numbers.max(axis=0))
    x = _design(z, numbers, groups)
    penalty = np.concatenate([[1e-6, 1e-6], np.full(x.shape[1] - 2, ridge * max(EDGE, float(y.var())))])
    weights = np.zeros(x.shape[1])
    weights[1] = 1.0
    for _ in range(ROUNDS):  # Newton
        chance = 1 / (1 + np.exp(-(x @ weights)))
        slope = x.T @ (y - chance) - penalty * (weights - np.eye(1, len(weights), 1)[0])
        curve = (x * (chance * (1 - chance))[:, None]).T @ x + np.diag(penalty)
        step = np.linalg.solve(curve, slope)
        weights += step
        if np.abs(step).max() < 1e-9:
            break
    return Recalibration(weights, groups)


def log_odds(p: npt.ArrayLike) -> Floats:
    """(N,) of chances, which may be 0 or 1."""
    inside = np.clip(np.asarray(p, dtype=np.float64), EDGE, 1 - EDGE)
    return np.asarray(np.log(inside / (1 - inside)))


def _design(z: Floats, groupings: npt.ArrayLike | None, groups: tuple[int, ...]) -> Floats:
    x = np.zeros((len(z), 2 + sum(groups)))
    x[:, 0], x[:, 1] = 1.0, z
    if groupings is not None and groups:
        numbers = np.asarray(groupings, dtype=np.int64).reshape(len(z), -1)
        first = 2
        for column, count in zip(numbers.T, groups, strict=True):
            known = (column >= 0) & (column < count)
            x[np.flatnonzero(known), first + column[known]] = 1.0
            first += count
    return x
