"""The served tracer as one of the family: an extended Kalman step with item difficulty and uncertainty.

Source: see `online.step`.
"""

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from shuyuan.science.tracing import online
from shuyuan.science.tracing.family import Arrays
from shuyuan.science.tracing.interactions import Floats, Interactions

NAME = "kalman"


@dataclass(frozen=True)
class Kalman:
    """`online.Params`, replayed over whole tables."""

    params: online.Params

    def predict(self, table: Interactions) -> Floats:
        """See `family.Fitted`."""
        return online.replay(self.params, table)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """See `family.Fitted`."""
        return self.params.to_arrays()


def fit(train: Interactions, *, validation: Interactions | None = None, seed: int = 0) -> Kalman:
    """See `family.Algorithm`; settings are selected on learners held out of `train` when no others are given."""
    if validation is None:
        return Kalman(online.select_and_fit(train, seed=seed).params)
    return Kalman(online.select_and_fit(train, seed=seed, validation=validation).params)


def load(arrays: Arrays) -> Kalman:
    """See `family.Algorithm`."""
    return Kalman(online.Params.from_arrays(arrays))
