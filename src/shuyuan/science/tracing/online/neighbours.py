"""How hard items are beside what their own answers say, told by the items whose ids stand next to theirs.

Whoever writes exercises numbers them one after another: items with neighbouring ids (in natural order, `q9` before
`q10`) were written together and are alike. An item with few answers, or none, borrows from them. Pure NumPy.
"""

import bisect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from shuyuan.science.tracing.interactions import Floats, Ints

REACHES = (3.0, 10.0, 30.0)  # items; the weight of a neighbour falls by e over a reach
RIDGE = 3.0  # imaginary evenly surprising answers, in units of p (1 - p)
_CUT = 3  # reaches
NOWHERE = -9.0  # no place
NEAR, FAR = 30.0, 5000.0  # items
COLUMNS = len(REACHES) + 1


def natural(item_id: str) -> tuple[tuple[int, int, str], ...]:
    """What an id is sorted by: its numbers as numbers.

    >>> sorted(["q10", "q9", "a1"], key=natural)
    ['a1', 'q9', 'q10']
    """
    parts = re.findall(r"\d+|\D+", item_id)
    return tuple((0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts)


@dataclass(frozen=True)
class Neighbours:
    """Numbers of items, in natural order of their ids: one a reach, then log(1 + answers) / 2."""

    places: Mapping[str, int]  # item id -> row
    keys: Sequence[tuple[tuple[int, int, str], ...]]
    numbers: npt.NDArray[np.float64]  # (items, COLUMNS)

    @classmethod
    def of(cls, item_ids: Sequence[str], item: Ints, surprise: Floats, information: Floats) -> "Neighbours":
        """From answers: their items, right minus predicted, and p (1 - p)."""
        order = ordered(item_ids)
        return cls.over([item_ids[place] for place in order], smoothed(order, item, surprise, information))

    @classmethod
    def over(cls, sorted_ids: Sequence[str], numbers: npt.NDArray[Any]) -> "Neighbours":  # Any: of any width
        """From ids in natural order and their numbers."""
        places = {key: place for place, key in enumerate(sorted_ids)}
        return cls(places, [natural(key) for key in sorted_ids], np.asarray(numbers, np.float64))

    def place(self, item_id: str | None) -> float:
        """Where an id stands among all; one not known between two, NOWHERE for no item."""
        if item_id is None:
            return NOWHERE
        known = self.places.get(item_id)
        return bisect.bisect(self.keys, natural(item_id)) - 0.5 if known is None else float(known)

    def about(self, item_id: str | None) -> Floats:
        """(COLUMNS,) of an item; of one not known, what stands left and right of its place, with no answers."""
        if item_id is None or not self.keys:
            return np.zeros(COLUMNS)
        if (place := self.places.get(item_id)) is not None:
            return np.asarray(self.numbers[place])
        place = bisect.bisect(self.keys, natural(item_id))
        around = self.numbers[max(place - 1, 0) : place + 1].mean(0)
        return np.append(around[:-1], 0.0)

    def table(self, item_ids: Sequence[str]) -> Floats:
        """(items + 1, COLUMNS) of all these, and of no item."""
        return np.stack([*map(self.about, item_ids), np.zeros(COLUMNS)])


def between(place: Floats, last: Floats) -> tuple[Floats, Floats]:
    """(n,) log(1 + items between two places), FAR where one is NOWHERE; and 1 or -1 for onward or back, 0 if not NEAR.

    >>> between(np.array([7.0, 7.0]), np.array([6.0, NOWHERE]))[1].tolist()
    [1.0, 0.0]
    """
    apart = np.where((place == NOWHERE) | (last == NOWHERE), FAR, np.abs(place - last))
    return np.log1p(apart), np.sign(place - last) * (apart < NEAR)


def ordered(item_ids: Sequence[str]) -> Ints:
    """Places of ids in natural order."""
    keys = list(map(natural, item_ids))
    return np.asarray(sorted(range(len(item_ids)), key=keys.__getitem__), np.int64)


def smoothed(order: Ints, item: Ints, surprise: Floats, information: Floats) -> Floats:
    """(items, COLUMNS) in the given order; an item's own answers are left out of what its neighbours say."""
    items = len(order)
    if not items:
        return np.zeros((0, COLUMNS))
    ones = np.ones(len(item))
    pulls, weights, counts = (
        np.asarray(np.bincount(item, of_row, items)[order], np.float64) for of_row in (surprise, information, ones)
    )
    columns = [_around(pulls, reach) / (_around(weights, reach) + RIDGE) for reach in REACHES]
    return np.column_stack([*columns, np.log1p(counts) / 2.0])


def _around(values: Floats, reach: float) -> Floats:
    wide = round(_CUT * reach)
    kernel = np.exp(-np.abs(np.arange(-wide, wide + 1)) / reach)
    kernel[wide] = 0.0
    return np.asarray(np.convolve(values, kernel)[wide : wide + len(values)])
