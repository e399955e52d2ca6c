"""Item-kNN: an item is near another when the same learners took both (cosine). Order is not used.

Source: Sarwar et al. (2001), WWW 10.
"""

import numpy as np

from shuyuan.science.ranking import linear
from shuyuan.science.ranking.histories import Histories

NAME = "neighbours"


def fit(histories: Histories, *, neighbours: int | None = None, shrink: float = 0.0) -> linear.Linear:
    """neighbours: how many nearest items speak for an item, None: all. shrink: added to the norm, in learners."""
    if neighbours is not None and neighbours < 1:
        raise ValueError(f"neighbours must be >= 1 or None, got {neighbours}")
    taken = histories.weighted()
    together = taken.T @ taken
    norm = np.sqrt(np.diag(together))
    near = together / np.maximum(norm[:, None] * norm[None, :] + shrink, 1e-12)
    np.fill_diagonal(near, 0.0)
    if neighbours is not None and neighbours < histories.items:
        floor = np.sort(near, axis=0)[-neighbours]
        near = np.where(near >= floor[None, :], near, 0.0)
    return linear.Linear(near, linear.popularity(histories))
