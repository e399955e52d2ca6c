"""Area under the ROC curve by mid-ranks, so tied scores count half."""

import numpy as np
import numpy.typing as npt

from shuyuan.science.metrics import shapes


def auc(correct: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Chance that a right answer was given a higher p than a wrong one; ties count half.

    NaN when only one class is present, because no pair exists to compare.

    >>> auc([0, 1, 1], [0.1, 0.8, 0.6])
    1.0
    >>> auc([0, 1], [0.5, 0.5])
    0.5
    """
    labels, scores = shapes.paired(correct, p)
    rights = float(labels.sum())
    wrongs = len(labels) - rights
    if not rights or not wrongs:
        return float("nan")
    rank_sum = float(_mid_ranks(scores)[labels == 1].sum())
    return (rank_sum - rights * (rights + 1) / 2) / (rights * wrongs)


def _mid_ranks(scores: shapes.Floats) -> shapes.Floats:
    _, group, size = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(size)
    return np.asarray((last - (size - 1) / 2)[group], dtype=np.float64)
