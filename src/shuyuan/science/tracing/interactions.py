"""A table of answers in time order, as arrays: who, which item, which points, right or wrong, when.

Points are ragged (compressed rows): those of row r are `point[starts[r]:starts[r + 1]]`. Ids are kept
once each, in `item_ids` and `point_ids`; the columns hold their places. Rows of one learner must stand in
time order; learners may be interleaved.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
NO_ITEM = -1


class Answer(NamedTuple):
    """One row before it becomes arrays. `item_id` None means an item that should not be learnt."""

    learner: Hashable
    item_id: str | None
    point_ids: Sequence[str]
    correct: bool
    at_s: float = 0.0


@dataclass(frozen=True)
class Interactions:
    """N answers with E point entries. Raises ValueError when the columns do not fit together."""

    learner: Ints  # (N,) any whole numbers
    item: Ints  # (N,) place in item_ids, or NO_ITEM
    starts: Ints  # (N + 1,)
    point: Ints  # (E,) place in point_ids
    correct: Bools  # (N,)
    at_s: Floats  # (N,)
    item_ids: tuple[str, ...]
    point_ids: tuple[str, ...]

    def __post_init__(self) -> None:
        rows = len(self.learner)
        if not len(self.item) == len(self.correct) == len(self.at_s) == len(self.starts) - 1 == rows:
            raise ValueError(f"columns must hold {rows} rows and starts {rows + 1}")
        if self.starts[0] != 0 or self.starts[-1] != len(self.point) or (np.diff(self.starts) < 0).any():
            raise ValueError("starts must rise from 0 to the number of point entries")
        _check_places("item", self.item, NO_ITEM, len(self.item_ids))
        _check_places("point", self.point, 0, len(self.point_ids))
        if len(np.unique(self.row * max(len(self.point_ids), 1) + self.point)) != len(self.point):
            raise ValueError("a row names the same point twice; give each point once")

    def __len__(self) -> int:
        return len(self.learner)

    @classmethod
    def of(cls, answers: Iterable[Answer]) -> "Interactions":
        """From rows, in time order.

        >>> table = Interactions.of([Answer("ann", "q1", ["add"], True), Answer("bo", None, [], False)])
        >>> len(table), table.item.tolist(), table.starts.tolist()
        (2, [0, -1], [0, 1, 1])
        """
        rows = list(answers)
        learners, items, points = _Places(), _Places(), _Places()
        item = [NO_ITEM if row.item_id is None else items.place(row.item_id) for row in rows]
        point = [points.place(key) for row in rows for key in row.point_ids]
        return cls(
            learner=np.asarray([learners.place(row.learner) for row in rows], dtype=np.int64),
            item=np.asarray(item, dtype=np.int64),
            starts=np.cumsum([0] + [len(row.point_ids) for row in rows], dtype=np.int64),
            point=np.asarray(point, dtype=np.int64),
            correct=np.asarray([row.correct for row in rows], dtype=np.bool_),
            at_s=np.asarray([row.at_s for row in rows], dtype=np.float64),
            item_ids=tuple(map(str, items)),
            point_ids=tuple(map(str, points)),
        )

    @cached_property
    def row(self) -> Ints:
        """(E,) the row each point entry belongs to."""
        return np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.starts))

    @cached_property
    def share(self) -> Floats:
        """(E,) one over the number of points of its row."""
        return 1.0 / np.diff(self.starts)[self.row]

    def take(self, rows: Ints) -> "Interactions":
        """These rows in this order, with the same ids."""
        sizes = np.diff(self.starts)[rows]
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        entries = np.arange(starts[-1]) + np.repeat(self.starts[:-1][rows] - starts[:-1], sizes)
        return Interactions(
            self.learner[rows],
            self.item[rows],
            starts,
            self.point[entries],
            self.correct[rows],
            self.at_s[rows],
            self.item_ids,
            self.point_ids,
        )

    def with_correct(self, correct: Bools) -> "Interactions":
        """The same answers with other marks."""
        return replace(self, correct=correct)

    def split(self, held_out: float, seed: int) -> tuple["Interactions", "Interactions"]:
        """Two tables that share no learner: the rest, and about `held_out` of the learners."""
        if not 0 < held_out < 1:
            raise ValueError(f"held_out must be between 0 and 1, got {held_out}")
        learners = np.random.default_rng(seed).permutation(np.unique(self.learner))
        chosen = np.isin(self.learner, learners[: round(held_out * len(learners))])
        return self.take(np.flatnonzero(~chosen)), self.take(np.flatnonzero(chosen))


class _Places(dict[Hashable, int]):
    def place(self, key: Hashable) -> int:
        return self.setdefault(key, len(self))


def _check_places(name: str, places: Ints, lowest: int, count: int) -> None:
    if places.size and (places.min() < lowest or places.max() >= count):
        raise ValueError(f"{name} must lie in [{lowest}, {count}), got {places.min()}..{places.max()}")
