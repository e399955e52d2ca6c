"""Item difficulty alone: what is left of the Rasch model for learners nobody has seen (their ability is zero).

Source: Rasch (1960); published as "IRT" by Gervet et al. (2020), JEDM 12(3), where test learners are new.
"""

from shuyuan.science.tracing.classical.counting import Blocks, Counted
from shuyuan.science.tracing.family import Arrays
from shuyuan.science.tracing.interactions import Interactions

NAME = "rasch"
BLOCKS = Blocks(items=True)
RIDGE = 1.0


def fit(train: Interactions, *, validation: Interactions | None = None, seed: int = 0) -> Counted:
    """See `family.Algorithm`; nothing is selected and nothing is drawn."""
    return Counted.fitted(train, BLOCKS, ridge=RIDGE)


def load(arrays: Arrays) -> Counted:
    """See `family.Algorithm`."""
    return Counted.loaded(arrays, BLOCKS)
