"""Even warnings: those who later failed should have been warned equally often, whatever group they belong to.

A chance that is right for every group can still warn almost all of one group and few of another. `fit` looks at
training learners for whom it did NOT happen, and finds by ridge regression how far each group's log-odds lie from
those of all; taking that away gives a score for warnings. The chance that is shown stays as it is.
Source of the aim: Hardt, Price & Srebro (2016), equal opportunity.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shuyuan.science.ranking.recalibration import Floats, log_odds


@dataclass(frozen=True)
class Evening:
    """shifts: log-odds to take away, one array a grouping."""

    shifts: tuple[Floats, ...]

    def __call__(self, p: npt.ArrayLike, groupings: npt.ArrayLike) -> Floats:
        """p: (N,), groupings: (N, G); (N,) chances to warn by. Unseen groups (or negative) stay."""
        z, numbers = log_odds(p), np.asarray(groupings, dtype=np.int64)
        for column, shift in zip(numbers.T, self.shifts, strict=True):
            known = (column >= 0) & (column < len(shift))
            z[known] -= shift[column[known]]
        return np.asarray(1 / (1 + np.exp(-z)))


def fit(p: npt.ArrayLike, happened: npt.ArrayLike, groupings: npt.ArrayLike, *, ridge: float = 20.0) -> Evening:
    """happened: (N,) 0 or 1; only rows with 0 are looked at. ridge: rows it takes to move a group half the way."""
    failed = np.asarray(happened) == 0
    if not failed.any():
        raise ValueError("happened must hold at least one 0: nobody was to be warned")
    numbers = np.asarray(groupings, dtype=np.int64)[failed]
    z = log_odds(p)[failed]
    counts = [int(column.max()) + 1 for column in numbers.T]
    x = np.concatenate([np.eye(count)[column] for column, count in zip(numbers.T, counts, strict=True)], axis=1)
    weights = np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ (z - z.mean()))
    return Evening(tuple(np.split(weights, np.cumsum(counts)[:-1])))
