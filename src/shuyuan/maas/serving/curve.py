"""What a pass costs, by length and rows, and which waiting items should share the next one.

Knows numbers only. On a CPU a bigger batch is not always cheaper: filling short rows up to a long one costs
more than it saves, so every choice is weighed against running each item alone.
"""

import bisect
from collections.abc import Mapping, Sequence
from typing import Protocol

Cell = tuple[int, int]  # length, rows

_WORTH = 1.01  # a larger pass must be this much better than a smaller one
_HOPELESS = 0.9  # stop looking further once this much below the best


class Sized(Protocol):
    """What waits: how long it is, and how many rows it takes."""

    @property
    def length(self) -> int: ...
    @property
    def rows(self) -> int: ...


class Curve:
    """Seconds of a pass, measured at some cells and drawn straight in between.

    >>> curve = Curve({(16, 1): 1.0, (16, 8): 4.0})
    >>> curve.cost_s(16, 8), curve.cost_s(32, 1), curve.cost_s(16, 16)
    (4.0, 2.0, 8.0)
    """

    def __init__(self, cells: Mapping[Cell, float]) -> None:
        self.cells = dict(cells)
        self._lengths = sorted({length for length, _ in cells})
        self._rows = {at: sorted(rows for length, rows in cells if length == at) for at in self._lengths}
        self._known: dict[Cell, float] = {}

    def cost_s(self, length: int, rows: int) -> float:
        """Seconds of one pass. Without any measurement every row costs the same: nothing is gained by sharing."""
        cost = self._known.get((length, rows))
        if cost is None:
            cost = self._known[length, rows] = self._between_lengths(length, rows)
        return cost

    def most_rows(self, length: int) -> int:
        """The largest pass measured at about this length; beyond it nothing is known to be gained."""
        if not self._lengths:
            return 1
        at = min(bisect.bisect_left(self._lengths, length), len(self._lengths) - 1)
        return self._rows[self._lengths[at]][-1]

    def _between_lengths(self, length: int, rows: int) -> float:
        if not self._lengths:
            return float(rows * length)
        at = bisect.bisect_left(self._lengths, length)
        if at == 0:
            return self._at_length(self._lengths[0], rows)
        if at == len(self._lengths):
            longest = self._lengths[-1]
            return self._at_length(longest, rows) * length / longest
        below, above = self._lengths[at - 1], self._lengths[at]
        share = (length - below) / (above - below)
        return (1 - share) * self._at_length(below, rows) + share * self._at_length(above, rows)

    def _at_length(self, length: int, rows: int) -> float:
        counts = self._rows[length]
        at = bisect.bisect_left(counts, rows)
        if at == len(counts):
            return self.cells[length, counts[-1]] * rows / counts[-1]
        if counts[at] == rows or at == 0:
            return self.cells[length, counts[at]]
        below, above = counts[at - 1], counts[at]
        share = (rows - below) / (above - below)
        return (1 - share) * self.cells[length, below] + share * self.cells[length, above]


def companions(curve: Curve, waiting: Sequence[Sized], head: int) -> range:
    """Which of `waiting` (sorted by length) run with the one at `head`: the run of neighbours that saves most.

    Grown one by one towards the nearer length; the answer is the size with the best gain over running alone.
    """
    low = high = best_low = best_high = head
    rows = waiting[head].rows
    alone = curve.cost_s(waiting[head].length, rows)
    most = curve.most_rows(waiting[head].length)
    best = 1.0
    while low > 0 or high < len(waiting) - 1:
        if _nearer_below(waiting, low, high, head):
            low -= 1
            added = waiting[low]
        else:
            high += 1
            added = waiting[high]
        rows += added.rows
        if rows > most:
            break
        alone += curve.cost_s(added.length, added.rows)
        gain = alone / curve.cost_s(waiting[high].length, rows)
        if gain > best * _WORTH:
            best, best_low, best_high = gain, low, high
        elif gain < best * _HOPELESS:
            break
    return range(best_low, best_high + 1)


def _nearer_below(waiting: Sequence[Sized], low: int, high: int, head: int) -> bool:
    if low == 0:
        return False
    if high == len(waiting) - 1:
        return True
    length = waiting[head].length
    return length - waiting[low - 1].length <= waiting[high + 1].length - length
