"""Mean negative log-likelihood, the proper score that fitting minimises."""

import numpy as np
import numpy.typing as npt

from shuyuan.science.metrics import shapes

SMALLEST_P = 1e-12  # keeps one certain mistake from making the mean infinite


def log_loss(correct: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Mean of -log P(what happened), in nats.

    >>> round(log_loss([1, 0], [0.5, 0.5]), 6)
    0.693147
    """
    labels, scores = shapes.paired(correct, p)
    likely = np.clip(np.where(labels == 1, scores, 1 - scores), SMALLEST_P, 1.0)
    return float(-np.log(likely).mean())
