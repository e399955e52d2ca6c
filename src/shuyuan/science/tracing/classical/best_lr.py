"""Best-LR: item and point difficulty, and log counts of answers and wins by point, by item and altogether.

Source: Gervet, Koedinger, Schneider & Mitchell (2020), JEDM 12(3), the best of their logistic regressions.
"""

from shuyuan.science.tracing.classical.counting import Blocks, Counted
from shuyuan.science.tracing.family import Arrays
from shuyuan.science.tracing.interactions import Interactions

NAME = "best_lr"
BLOCKS = Blocks(items=True, points=True, point_counts=True, totals=True, item_counts=True)
RIDGE = 1.0


def fit(train: Interactions, *, validation: Interactions | None = None, seed: int = 0) -> Counted:
    """See `family.Algorithm`; nothing is selected and nothing is drawn."""
    return Counted.fitted(train, BLOCKS, ridge=RIDGE)


def load(arrays: Arrays) -> Counted:
    """See `family.Algorithm`."""
    return Counted.loaded(arrays, BLOCKS)
