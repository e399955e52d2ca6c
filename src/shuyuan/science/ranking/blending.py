"""Several reasons to put something first, weighed into one order, each kept apart so that it can be told. Pure.

For catalogues too small to learn an order from: the weights are chosen, not fitted. A number that is unknown of one
thing counts as the mean of what is known of the others, so that not being known neither helps nor harms.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Blend(NamedTuple):
    """order: places, best first; ties keep their order. parts: name → what it adds to each score, against the mean."""

    order: tuple[int, ...]
    scores: Floats
    parts: Mapping[str, Floats]


def blend(features: Mapping[str, Sequence[float]], weights: Mapping[str, float], count: int) -> Blend:
    """features: name → (count,) numbers, NaN where unknown. weights: of every name.

    >>> blend({"near": [0.1, 0.9], "gain": [float("nan"), 0.2]}, {"near": 1.0, "gain": 1.0}, 2).order
    (1, 0)
    """
    parts = {name: weights[name] * _centred(np.asarray(values, dtype=np.float64)) for name, values in features.items()}
    scores = np.sum(list(parts.values()), axis=0) if parts else np.zeros(count)
    if scores.shape != (count,):
        raise ValueError(f"features must hold {count} numbers each, got {scores.shape}")
    return Blend(tuple(np.argsort(-scores, kind="stable").tolist()), scores, parts)


def without(blended: Blend, *names: str) -> tuple[int, ...]:
    """The order if these had not counted."""
    left = blended.scores - sum(blended.parts[name] for name in names)
    return tuple(np.argsort(-left, kind="stable").tolist())


def _centred(values: Floats) -> Floats:
    known = np.isfinite(values)
    return np.where(known, values - values[known].mean(), 0.0) if known.any() else np.zeros(len(values))
