"""Which row goes to which part: exact shares, the same for the same seed, whatever pool did the work before.

Child processes only.
"""

import math
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from shuyuan.maas.datasets import interface

Parts = NDArray[np.int8]  # 0 train, 1 validation, 2 test


def sizes(rows: int, shares: tuple[float, ...]) -> list[int]:
    """Whole numbers that add up to `rows`, by largest remainder.

    >>> sizes(10, (0.7, 0.15, 0.15)), sizes(1, (0.7, 0.15, 0.15))
    ([7, 2, 1], [1, 0, 0])
    """
    exact = [rows * share for share in shares]
    found = [int(one + 1e-9) for one in exact]
    order = sorted(range(len(shares)), key=lambda at: (found[at] - exact[at], at))
    for at in order[: rows - sum(found)]:
        found[at] += 1
    return found


def dealt(
    frame: pl.DataFrame,
    kept: NDArray[np.bool_],
    split: interface.Split,
    columns: Sequence[interface.Column],
) -> Parts:
    """The part of every kept row of a table. Raises WrongColumns, BadInput."""
    rows = int(kept.sum())
    if split.by == "random":
        return at_random(rows, split)
    role: interface.Role = {"person": "person", "time": "time", "stratified": "label"}[split.by]  # type: ignore[assignment]
    name = split.column or next(one.name for one in columns if one.role == role)
    series = frame[name].filter(pl.Series(kept))
    if split.by == "time":
        if not isinstance(series.dtype, pl.Datetime) and not series.dtype.is_numeric():
            raise interface.WrongColumns(f"column {name!r} holds no times", fix="give it the kind time")
        times = series.cast(pl.Int64) if isinstance(series.dtype, pl.Datetime) else series
        return by_time(times.cast(pl.Float64).fill_null(math.nan).to_numpy(), split)
    codes = series.rank("dense").cast(pl.Int64).fill_null(-1).to_numpy()
    return by_person(codes, split) if split.by == "person" else stratified(codes, split)


def at_random(rows: int, split: interface.Split) -> Parts:
    """Every row for itself."""
    return _dealt(np.random.default_rng(split.seed).permutation(rows), split)


def stratified(classes: NDArray[np.int64], split: interface.Split) -> Parts:
    """Each class in the same shares, to one row; the whole exactly. Parts are interleaved evenly along the classes."""
    random = np.random.default_rng(split.seed)
    order = np.lexsort((random.random(len(classes)), classes))
    wanted = sizes(len(classes), split.shares)
    places = np.concatenate([(np.arange(count) + 0.5) / max(count, 1) for count in wanted])
    dealt = np.repeat(np.arange(3, dtype=np.int8), wanted)[np.argsort(places, kind="stable")]
    found = np.empty(len(classes), np.int8)
    found[order] = dealt
    return found


def by_person(persons: NDArray[np.int64], split: interface.Split) -> Parts:
    """No person in two parts: in random order, each to the part that is most behind. Code -1 (nobody) is train."""
    known, rows_of = np.unique(persons, return_counts=True)
    behind = np.array(split.shares) * len(persons)
    part_of = np.zeros(len(known), np.int8)
    order = np.random.default_rng(split.seed).permutation(len(known))
    nobody = int(np.searchsorted(known, -1)) if len(known) and known[0] == -1 else -1
    for at in ([nobody] if nobody >= 0 else []) + [int(one) for one in order if one != nobody]:
        part = 0 if at == nobody else int(np.argmax(behind))
        part_of[at] = part
        behind[part] -= rows_of[at]
    return part_of[np.searchsorted(known, persons)]


def by_time(times: NDArray[np.float64], split: interface.Split) -> Parts:
    """The first rows train, the last test. Rows without time come first."""
    return _dealt(np.argsort(np.where(np.isnan(times), -np.inf, times), kind="stable"), split)


def _dealt(order: NDArray[np.int64], split: interface.Split) -> Parts:
    found = np.empty(len(order), np.int8)
    found[order] = np.repeat(np.arange(3, dtype=np.int8), sizes(len(order), split.shares))
    return found
