"""Intervals and chance levels of any figure that can be computed from some of the rows.

A figure is a function from row numbers to a number. With `person` whole persons are drawn, because rows of one person
are not independent.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shuyuan.science.metrics import shapes

Rows = npt.NDArray[np.int64]


class Bounds(NamedTuple):
    """A percentile interval; NaN where no draw was defined."""

    low: float
    high: float


def bounds(
    figure: Callable[[Rows], float],
    rows: int,
    *,
    person: npt.ArrayLike | None = None,
    draws: int = 200,
    share: float = 0.95,
    seed: int = 0,
) -> Bounds:
    """Percentile bootstrap of `figure`. person: (rows,), anything that can be sorted; None: rows are independent.

    >>> bounds(lambda rows: float(len(rows)), 5, draws=3)
    Bounds(low=5.0, high=5.0)
    """
    rng = np.random.default_rng(seed)
    members = None if person is None else _members(np.asarray(person), rows)
    found = np.array([figure(_draw(rng, rows, members)) for _ in range(draws)])
    return quantiles(found, (1 - share) / 2)


def quantiles(found: shapes.Floats, tail: float) -> Bounds:
    """The two tails of what was drawn, undefined draws left out."""
    known = found[np.isfinite(found)]
    if not known.size:
        return Bounds(float("nan"), float("nan"))
    low, high = np.quantile(known, (tail, 1 - tail))
    return Bounds(float(low), float(high))


class _Members(NamedTuple):
    """Rows ordered by person; where each person's begin, and how many they are."""

    order: Rows
    starts: Rows
    sizes: Rows


def _members(person: npt.NDArray[np.generic], rows: int) -> _Members:
    if person.shape != (rows,):
        raise ValueError(f"person must have one entry a row ({rows}), got shape {person.shape}")
    _, place = np.unique(person, return_inverse=True)
    sizes = np.bincount(place)
    return _Members(np.argsort(place, kind="stable"), np.cumsum(sizes) - sizes, sizes)


def _draw(rng: np.random.Generator, rows: int, members: _Members | None) -> Rows:
    if members is None:
        return rng.integers(0, rows, rows)
    drawn = rng.integers(0, len(members.sizes), len(members.sizes))
    sizes = members.sizes[drawn]
    ends = np.cumsum(sizes)
    shift = members.starts[drawn] - (ends - sizes)  # from a place in the draw to the place in `order`
    rows_drawn: Rows = members.order[np.arange(ends[-1]) + np.repeat(shift, sizes)]
    return rows_drawn
