"""Performance factors analysis: easiness of each point, and earlier wins and losses on it.

Source: Pavlik, Cen & Koedinger (2009), AIED; counts as log(1 + n) after Gervet et al. (2020), JEDM 12(3).
"""

from shuyuan.science.tracing.classical.counting import Blocks, Counted
from shuyuan.science.tracing.family import Arrays
from shuyuan.science.tracing.interactions import Interactions

NAME = "pfa"
BLOCKS = Blocks(points=True, point_counts=True, losses=True)
RIDGE = 1.0


def fit(train: Interactions, *, validation: Interactions | None = None, seed: int = 0) -> Counted:
    """See `family.Algorithm`; nothing is selected and nothing is drawn."""
    return Counted.fitted(train, BLOCKS, ridge=RIDGE)


def load(arrays: Arrays) -> Counted:
    """See `family.Algorithm`."""
    return Counted.loaded(arrays, BLOCKS)
