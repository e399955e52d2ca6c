"""SLIM: a sparse, non-negative item-to-item table by coordinate descent on the Gram matrix. Order is not used.

Source: Ning & Karypis (2011), ICDM 11.
"""

import numpy as np

from shuyuan.science.ranking import linear
from shuyuan.science.ranking.histories import Histories

NAME = "slim"


def fit(histories: Histories, *, ridge: float = 100.0, lasso: float = 5.0, rounds: int = 20) -> linear.Linear:
    """ridge, lasso: penalties on squares and on sizes of the weights, in learners."""
    if ridge < 0 or lasso < 0:
        raise ValueError(f"ridge and lasso must be >= 0, got {ridge} and {lasso}")
    taken = histories.weighted()
    gram = taken.T @ taken
    weights = np.zeros_like(gram)
    scale = np.diag(gram) + ridge + 1e-12
    for _ in range(rounds):
        for i in range(histories.items):  # one row of every column at once
            rest = gram[i] - gram[i] @ weights + gram[i, i] * weights[i]
            weights[i] = np.maximum(rest - lasso, 0.0) / scale[i]
            weights[i, i] = 0.0
    return linear.Linear(weights, linear.popularity(histories))
