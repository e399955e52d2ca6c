"""What every family of figures gives: the figures, which of them can be computed from some of the rows, the loss."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.evaluation.work.predicted import Predicted

Rows = NDArray[np.int64]
Figure = Callable[[Rows], float]


@dataclass(frozen=True)
class Measures:
    """said: the rows that count (those with a known truth).  resampled: figures from some of the rows, by name.

    grouped: names of `resampled` that groups of people are compared by.  loss: (N,), larger is worse; None where a
    row alone cannot be wrong.  hits: right answers, where the main figure is a share.  curves: points of plots.
    """

    said: Predicted
    figures: Mapping[str, float]
    resampled: Mapping[str, Figure] = field(default_factory=dict)
    grouped: tuple[str, ...] = ()
    loss: NDArray[np.float64] | None = None
    hits: int | None = None
    missing: Mapping[str, str] = field(default_factory=dict)
    curves: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    confusion: tuple[tuple[str, ...], NDArray[np.int64]] | None = None
    truth: NDArray[np.int64] | NDArray[np.float64] | None = None  # classes or values
    p: NDArray[np.float64] | None = None  # (N, K), with a column for every class of the truth


def finite(figures: Mapping[str, float]) -> dict[str, float]:
    """Those that are numbers."""
    return {name: float(value) for name, value in figures.items() if math.isfinite(value)}
