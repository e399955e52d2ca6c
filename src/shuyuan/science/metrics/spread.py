"""The mean of a figure over folds, and where it lies. Pure: numbers in, numbers out."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import NamedTuple

# Student's t at 97.5 % for 1 … 19 degrees of freedom, as in every printed table
_T = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093),
)


class Spread(NamedTuple):
    """low, high: 95 % interval of the mean; None with fewer than two values."""

    mean: float
    low: float | None
    high: float | None


def over_folds(values: Sequence[float]) -> Spread:
    """Mean over k folds with a t-interval, widened for the rows that the folds share.

    Each of k folds is trained on k - 1 of k parts: the variance of the mean is s² (1/k + 1/(k - 1)), not s²/k.
    Source: Nadeau & Bengio (2003), Inference for the generalization error.

    >>> round(over_folds([0.8, 0.9, 0.85, 0.95, 0.9]).mean, 3)
    0.88
    >>> over_folds([0.5])
    Spread(mean=0.5, low=None, high=None)
    """
    mean, k = fmean(values), len(values)
    if k < 2:
        return Spread(mean, None, None)
    half = _T[min(k - 1, len(_T)) - 1] * stdev(values) * math.sqrt(1 / k + 1 / (k - 1))
    return Spread(mean, mean - half, mean + half)
