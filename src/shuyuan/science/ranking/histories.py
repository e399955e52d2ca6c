"""What each learner took, oldest first: the one table every ranker reads.

Items are numbers 0..items-1. A learner may have taken nothing yet; rankers then answer with what is popular.
Refuses: item numbers outside the range.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Histories:
    """Learner u took item[starts[u]:starts[u + 1]], in this order."""

    item: Ints  # (enrolments,)
    starts: Ints  # (learners + 1,)
    items: int

    @staticmethod
    def of(taken: Iterable[Sequence[int] | Ints], items: int) -> "Histories":
        """From one sequence a learner.

        >>> Histories.of([[2, 0], []], items=3).starts.tolist()
        [0, 2, 2]
        """
        lists = [np.asarray(one, dtype=np.int64).reshape(-1) for one in taken]
        item = np.concatenate([*lists, np.empty(0, dtype=np.int64)])
        if item.size and not 0 <= item.min() <= item.max() < items:
            raise ValueError(f"items are numbers 0..{items - 1}, got {item.min()}..{item.max()}")
        return Histories(item, np.cumsum([0, *map(len, lists)], dtype=np.int64), items)

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def sizes(self) -> Ints:
        """(learners,) how many items each took."""
        return np.diff(self.starts)

    @property
    def learner(self) -> Ints:
        """(enrolments,) whose each row is."""
        return np.repeat(np.arange(len(self)), self.sizes)

    @property
    def age(self) -> Ints:
        """(enrolments,) how many items the learner took after it; 0 is the newest."""
        return np.asarray(self.starts[1:][self.learner] - 1 - np.arange(len(self.item)), dtype=np.int64)

    def weighted(self, decay: float = 1.0) -> Floats:
        """(learners, items): decay ** age where taken, 0 elsewhere. decay 1 forgets the order."""
        dense = np.zeros((len(self), self.items))
        dense[self.learner, self.item] = decay ** self.age.astype(np.float64)
        return dense

    def taken(self) -> npt.NDArray[np.bool_]:
        """(learners, items)."""
        return self.weighted() > 0

    def cut(self, share: float) -> tuple["Histories", "Histories"]:
        """(earlier, later): the last `share` of each learner, rounded, at least one where two were taken."""
        later = np.where(self.sizes > 1, np.maximum(1, np.rint(share * self.sizes)), 0).astype(np.int64)
        newest = self.age < later[self.learner]
        return self._only(~newest, self.sizes - later), self._only(newest, later)

    def prefixes(self) -> tuple["Histories", "Histories"]:
        """(before, after): one row for each way to cut a history in two parts that are not empty."""
        before, after = [], []
        for start, end in zip(self.starts, self.starts[1:], strict=False):
            mine = self.item[start:end]
            before += [mine[:n] for n in range(1, len(mine))]
            after += [mine[n:] for n in range(1, len(mine))]
        return Histories.of(before, self.items), Histories.of(after, self.items)

    def _only(self, rows: npt.NDArray[np.bool_], sizes: Ints) -> "Histories":
        return Histories(self.item[rows], np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), self.items)
