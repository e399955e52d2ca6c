"""RP3beta: three random steps learner → item → learner → item, popular items made dearer. Order is not used.

Source: Paudel et al. (2017), ACM TiiS 7(1).
"""

import numpy as np

from shuyuan.science.ranking import linear
from shuyuan.science.ranking.histories import Histories

NAME = "walks"


def fit(histories: Histories, *, alpha: float = 1.0, beta: float = 0.5) -> linear.Linear:
    """alpha: power of the chances of a step. beta: how much popularity of the target is divided out."""
    taken = histories.weighted()
    learners = taken / np.maximum(taken.sum(1, keepdims=True), 1)
    popular = np.maximum(taken.sum(0), 1)
    weights = (taken / popular).T ** alpha @ learners**alpha / popular[None, :] ** beta
    np.fill_diagonal(weights, 0.0)
    return linear.Linear(weights, linear.popularity(histories))
