"""Which rows come when: from seed and epoch alone, so a resumed run needs only its position."""

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.training import task

_ORDER, _BATCH = 1, 2  # streams of random numbers that never meet


def order(rows: int, seed: int, epoch: int, weights: task.Array | None = None) -> NDArray[np.int64]:
    """The rows of an epoch in order: each once, or as many draws with these relative weights. Raises BadTraining."""
    rng = np.random.default_rng([_ORDER, seed, epoch])
    if weights is None:
        return rng.permutation(rows)
    if not weights.sum() > 0:
        raise task.BadTraining("no row may be drawn: every weight is zero", fix="turn resampling off")
    return rng.choice(rows, rows, p=weights / weights.sum()).astype(np.int64)


def of_batch(seed: int, epoch: int, at: int) -> np.random.Generator:
    """Random numbers of batch number `at` of an epoch (negatives, noise)."""
    return np.random.default_rng([_BATCH, seed, epoch, at])
