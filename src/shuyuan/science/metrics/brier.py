"""Mean squared error of a probability: punishes both being unsure and being surely wrong. Source: Brier (1950)."""

import numpy.typing as npt

from shuyuan.science.metrics import shapes


def brier(correct: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Mean of (p - what happened)²: 0 is perfect, 0.25 is always saying one half.

    >>> brier([1, 0], [0.5, 0.5])
    0.25
    """
    labels, scores = shapes.paired(correct, p)
    return float(((scores - labels) ** 2).mean())
