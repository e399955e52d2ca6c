"""Negative log-likelihood, the proper score that fitting minimises."""

import numpy as np
import numpy.typing as npt

from shuyuan.science.metrics import shapes

SMALLEST_P = 1e-12  # keeps one certain mistake from making the mean infinite
SMALLEST_OF_ROW = 1e-6  # where rows are compared one by one, none decides alone


def log_loss(correct: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Mean of -log P(what happened), in nats.

    >>> round(log_loss([1, 0], [0.5, 0.5]), 6)
    0.693147
    """
    return float(log_losses(correct, p, smallest_p=SMALLEST_P).mean())


def log_losses(correct: npt.ArrayLike, p: npt.ArrayLike, *, smallest_p: float = SMALLEST_OF_ROW) -> shapes.Floats:
    """(N,) -log P(what happened) of each row, in nats. smallest_p: no chance counts as less, so no row for more."""
    labels, scores = shapes.paired(correct, p)
    return np.asarray(-np.log(np.clip(np.where(labels == 1, scores, 1 - scores), smallest_p, 1.0)))
