"""Confidence intervals that resample whole learners, because answers of one learner are not independent."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shuyuan.science.metrics import shapes


class Interval(NamedTuple):
    """A figure on all rows, and the percentile interval around it."""

    value: float
    low: float
    high: float


def bootstrap_by_group(
    metric: Callable[[shapes.Floats, shapes.Floats], float],
    correct: npt.ArrayLike,
    p: npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    draws: int = 200,
    share: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile interval of `metric`, drawing groups (learners) with replacement.

    Draws on which the metric is undefined (NaN) are left out; if all are, low and high are NaN.
    """
    labels, scores = shapes.paired(correct, p)
    members = _rows_by_group(np.asarray(group), len(labels))
    rng = np.random.default_rng(seed)
    figures = []
    for _ in range(draws):
        rows = np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
        figures.append(metric(labels[rows], scores[rows]))
    known = np.asarray(figures)[~np.isnan(figures)]
    tail = (1 - share) / 2
    low, high = np.quantile(known, (tail, 1 - tail)) if known.size else (np.nan, np.nan)
    return Interval(metric(labels, scores), float(low), float(high))


def _rows_by_group(group: npt.NDArray[np.generic], rows: int) -> list[npt.NDArray[np.int64]]:
    if group.shape != (rows,):
        raise ValueError(f"group must have one entry a row ({rows}), got shape {group.shape}")
    _, place = np.unique(group, return_inverse=True)
    order = np.argsort(place, kind="stable")
    return np.split(order, np.cumsum(np.bincount(place))[:-1])
