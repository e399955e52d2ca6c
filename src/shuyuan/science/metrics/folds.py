"""Plans of a cross-validation: which rows to train on and which to hold out, k times. Pure: numbers in, numbers out.

Every row is held out exactly once (by time: at most once, and always after what was trained on).
"""

import itertools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]


class Fold(NamedTuple):
    """Row numbers, ascending."""

    train: Rows
    held_out: Rows


def k_fold(rows: int, k: int = 5, *, seed: int = 7) -> list[Fold]:
    """Rows dealt at random.

    >>> sorted(int(row) for fold in k_fold(7, 3) for row in fold.held_out)
    [0, 1, 2, 3, 4, 5, 6]
    """
    _check(k, rows, "rows")
    return _folds(np.random.default_rng(seed).permutation(np.arange(rows) % k), k)


def by_person(person: npt.ArrayLike, k: int = 5, *, seed: int = 7) -> list[Fold]:
    """No person on both sides; folds of nearly equal rows (the largest persons are dealt first).

    >>> [len(set(f.train) & set(f.held_out)) for f in by_person(["a", "a", "b", "c"], 2)]
    [0, 0]
    """
    _, place, sizes = np.unique(np.asarray(person), return_inverse=True, return_counts=True)
    _check(k, len(sizes), "persons")
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    filled, fold_of = np.zeros(k, dtype=np.int64), np.zeros(len(sizes), dtype=np.int64)
    for one in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        fold_of[one] = filled.argmin()
        filled[fold_of[one]] += sizes[one]
    return _folds(fold_of[place], k)


def stratified(label: npt.ArrayLike, k: int = 5, *, seed: int = 7) -> list[Fold]:
    """Every class in every fold in its share, give or take one row. Raises ValueError for a class of fewer than k."""
    names, place, sizes = np.unique(np.asarray(label), return_inverse=True, return_counts=True)
    _check(k, len(place), "rows")
    if sizes.min() < k:
        raise ValueError(f"class {str(names[sizes.argmin()])!r} has {sizes.min()} rows, fewer than k = {k}")
    rng, fold_of, begin = np.random.default_rng(seed), np.zeros(len(place), dtype=np.int64), 0
    for one in range(len(names)):
        mine = np.flatnonzero(place == one)
        fold_of[mine] = rng.permutation((np.arange(len(mine)) + begin) % k)
        begin += len(mine)  # go on where the last class ended, so that folds are equally large
    return _folds(fold_of, k)


def by_time(time: npt.ArrayLike, k: int = 5) -> list[Fold]:
    """k stretches held out in turn, each after everything it was trained on.

    Equal times stay on one side, which may leave fewer than k.

    >>> [(f.train.tolist(), f.held_out.tolist()) for f in by_time([3, 1, 2], 2)]
    [([1], [2]), ([1, 2], [0])]
    """
    values = np.asarray(time)
    _, moment = np.unique(values, return_inverse=True)
    _check(k, int(moment.max()) + 1 if len(moment) else 0, "different times", spare=1)
    last = np.ceil(len(moment) * np.arange(1, k + 2) / (k + 1)).astype(np.int64) - 1
    ends = np.sort(moment)[last]
    folds = []
    for before, end in itertools.pairwise(ends):
        held = (moment > before) & (moment <= end)
        if held.any():
            folds.append(Fold(np.flatnonzero(moment <= before), np.flatnonzero(held)))
    return folds


def _folds(fold_of: Rows, k: int) -> list[Fold]:
    return [Fold(np.flatnonzero(fold_of != one), np.flatnonzero(fold_of == one)) for one in range(k)]


def _check(k: int, have: int, what: str, spare: int = 0) -> None:
    if not 2 <= k <= have - spare:
        raise ValueError(f"k must be in 2..{have - spare} for {have} {what}, got {k}")
