"""Does 0.7 mean seven in ten? Reliability bins and their mean gap."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shuyuan.science.metrics import shapes


class Bin(NamedTuple):
    """One equal-width slice of predicted probability: [low, high), the last one closed."""

    low: float
    high: float
    rows: int
    mean_p: float
    share_correct: float


def reliability_bins(correct: npt.ArrayLike, p: npt.ArrayLike, bins: int = 15) -> list[Bin]:
    """The non-empty bins, lowest first.

    >>> [b.rows for b in reliability_bins([1, 0, 1], [0.05, 0.95, 1.0], bins=10)]
    [1, 2]
    """
    if bins < 1:
        raise ValueError(f"bins must be >= 1, got {bins}")
    labels, scores = shapes.paired(correct, p)
    place = np.clip((scores * bins).astype(np.int64), 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    mean_p = np.bincount(place, scores, bins) / np.maximum(count, 1)
    share = np.bincount(place, labels, bins) / np.maximum(count, 1)
    return [
        Bin(i / bins, (i + 1) / bins, int(count[i]), float(mean_p[i]), float(share[i])) for i in range(bins) if count[i]
    ]


def expected_calibration_error(correct: npt.ArrayLike, p: npt.ArrayLike, bins: int = 15) -> float:
    """Mean |predicted - observed| over bins, weighted by their rows.

    >>> round(expected_calibration_error([1, 0], [0.8, 0.8], bins=10), 6)
    0.3
    """
    slices = reliability_bins(correct, p, bins)
    rows = sum(piece.rows for piece in slices)
    return sum(piece.rows * abs(piece.mean_p - piece.share_correct) for piece in slices) / rows
