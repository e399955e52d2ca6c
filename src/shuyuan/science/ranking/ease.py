"""EASE: the best linear item-to-item table with an empty diagonal, in closed form. Order is not used.

Source: Steck (2019), WWW 28. `by_learner` divides each row by a power of its size, so that a learner with a hundred
courses does not outvote twenty with five.
"""

import numpy as np

from shuyuan.science.ranking import linear
from shuyuan.science.ranking.histories import Histories

NAME = "ease"


def fit(histories: Histories, *, penalty: float = 100.0, by_learner: float = 0.0, decay: float = 1.0) -> linear.Linear:
    """penalty: ridge, in learners. decay: how fast older items lose weight, 1 keeps all equal."""
    if not penalty > 0:
        raise ValueError(f"penalty must be > 0, got {penalty}")
    rows = histories.weighted(decay) / np.maximum(histories.sizes, 1)[:, None] ** by_learner
    gram = rows.T @ rows
    gram[np.diag_indices(histories.items)] += penalty
    inverse = np.linalg.inv(gram)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return linear.Linear(weights, linear.popularity(histories), decay)
