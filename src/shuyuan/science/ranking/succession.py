"""Succession: what others took AFTER what this learner took, the newest first. Needs histories in order.

A table of ordered pairs counts how often j came later than i in the same history. It says two things at once: what
belongs together, and what is still to come; a course that is over never comes after a new one.
"""

import numpy as np

from shuyuan.science.ranking import linear
from shuyuan.science.ranking.histories import Floats, Histories

NAME = "succession"


def fit(
    histories: Histories, *, decay: float = 0.7, distance: float = 1.0, even: float = 0.3, prior: float = 5.0
) -> linear.Linear:
    """decay: weight of a learner's older items. distance: weight lost with each item between the two of a pair.
    even: power of the popularity divided out. prior: pairs added to every item, so that rare ones speak softly."""
    pairs = ordered_pairs(histories, distance)
    popular = np.bincount(histories.item, minlength=histories.items)
    weights = pairs / (pairs.sum(1, keepdims=True) + prior) / (popular[None, :] + prior) ** even
    np.fill_diagonal(weights, 0.0)
    return linear.Linear(weights, linear.popularity(histories), decay)


def ordered_pairs(histories: Histories, distance: float = 1.0) -> Floats:
    """(items, items): how often the second was taken after the first; distance ** items in between each time."""
    pairs = np.zeros((histories.items, histories.items))
    learner = histories.learner
    longest = int(histories.sizes.max(initial=0))
    for apart in range(1, longest):
        same = learner[apart:] == learner[:-apart]
        np.add.at(pairs, (histories.item[:-apart][same], histories.item[apart:][same]), distance ** (apart - 1))
    return pairs
