"""Share of answers called right at one threshold."""

import numpy.typing as npt

from shuyuan.science.metrics import shapes


def accuracy(correct: npt.ArrayLike, p: npt.ArrayLike, threshold: float = 0.5) -> float:
    """Share of rows where `p >= threshold` agrees with what happened.

    >>> accuracy([1, 0, 1, 0], [0.9, 0.2, 0.4, 0.1])
    0.75
    """
    labels, scores = shapes.paired(correct, p)
    return float(((scores >= threshold) == (labels == 1)).mean())
