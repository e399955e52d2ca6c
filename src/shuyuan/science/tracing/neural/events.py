"""Answers as events in pieces of time: one event an answer, whatever the number of its points.

A learner's answers are cut into pieces of at most `longest` events. Each piece but the first begins with `context`
events of the one before it, which are read again and not predicted again: so every answer is predicted exactly once,
and all but a learner's first ones with at least `context` before them. Pieces of like length share a batch, so that
little of a batch is padding. Knows arrays and tensors; refuses to expand an item of several points.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from shuyuan.science.tracing.interactions import Floats, Interactions, Ints
from shuyuan.science.tracing.vocabulary import Vocabulary

NOTHING = -1


@dataclass(frozen=True)
class Pieces:
    """Where pieces lie in a table. Entries of `rows` are rows of the table."""

    rows: Sequence[Ints]  # one array a piece, in time order
    context: Sequence[int]  # how many leading events of each piece are only read

    @property
    def events(self) -> int:
        """How many events are predicted."""
        return sum(map(len, self.rows)) - sum(self.context)


@dataclass(frozen=True)
class Events:
    """A batch of B pieces, padded to T events. Padding has item and group 0, `there` and `asked` false."""

    item: Tensor  # (B, T) int64 place in the vocabulary
    group: Tensor  # (B, T) int64 row of `members`
    right: Tensor  # (B, T) float32
    target: Tensor  # (B, T) float32 what a net is to say: `right`, or what a teacher said
    there: Tensor  # (B, T) bool: an event, not padding
    asked: Tensor  # (B, T) bool: to be predicted
    row: Tensor  # (B, T) int64 row of the table, NOTHING for padding
    members: Tensor  # (G, points + 1) float32, one over the number of points where a group has the point
    extra: Tensor  # (B, T, F) float32 what is known beside

    def to(self, device: torch.device) -> "Events":
        """The same on another device."""
        return Events(*(getattr(self, field.name).to(device) for field in fields(self)))


class Packed:
    """A table made ready: the columns nets read, and the pieces they come in."""

    def __init__(
        self,
        table: Interactions,
        vocabulary: Vocabulary,
        *,
        longest: int = 200,
        context: int = 0,
        extra: Floats | None = None,
        target: Floats | None = None,
    ) -> None:
        self.item = vocabulary.items(table)
        self.group, self.members = groups(table, vocabulary)
        self.right = table.correct.astype(np.float32)
        self.target = self.right if target is None else target.astype(np.float32)
        self.extra = np.zeros((len(table), 0), np.float32) if extra is None else extra.astype(np.float32)
        self.pieces = cut(table.learner, longest, context)

    def batches(self, positions: int, seed: int | None = None) -> Iterator[Events]:
        """Batches of at most `positions` places, padding included; in random order with a seed."""
        rows, context = self.pieces.rows, self.pieces.context
        rng = None if seed is None else np.random.default_rng(seed)
        for batch in _batched([len(piece) for piece in rows], positions, rng):
            yield self._events([rows[place] for place in batch], [context[place] for place in batch])

    def _events(self, rows: Sequence[Ints], context: Sequence[int]) -> Events:
        sizes = np.asarray([len(piece) for piece in rows])
        time = np.arange(int(sizes.max()))[None, :]
        there = time < sizes[:, None]
        row = np.full(there.shape, NOTHING, np.int64)
        row[there] = np.concatenate(rows)
        asked = there & (time >= np.asarray(context)[:, None])
        known = (self.item, self.group, self.right, self.target)
        item, group, right, target = (
            torch.from_numpy(np.where(there, column[row], column.dtype.type(0))) for column in known
        )
        extra = torch.from_numpy(self.extra[row] * there[:, :, None])
        members = torch.from_numpy(self.members)
        flags = torch.from_numpy(there), torch.from_numpy(asked)
        return Events(item, group, right, target, *flags, torch.from_numpy(row), members, extra)


def groups(table: Interactions, vocabulary: Vocabulary) -> tuple[Ints, np.ndarray]:
    """(N,) which set of points each row has, and (G, points + 1) the sets; the last column is any unknown point.

    Row 0 of the sets is that of no point at all.
    """
    sets: dict[tuple[int, ...], int] = {(): 0}
    points, bounds = vocabulary.points(table).tolist(), table.starts.tolist()
    place = np.asarray(
        [sets.setdefault(tuple(points[bounds[row] : bounds[row + 1]]), len(sets)) for row in range(len(table))],
        np.int64,
    )
    members = np.zeros((len(sets), len(vocabulary.point_ids) + 1), np.float32)
    for keys, number in sets.items():
        for key in keys:
            members[number, key] += 1.0 / len(keys)
    return place, members


def cut(learner: Ints, longest: int, context: int) -> Pieces:
    """Pieces of every learner's rows."""
    if not 0 <= context < longest:
        raise ValueError(f"context must lie in [0, {longest}), the longest piece, got {context}")
    rows: list[Ints] = []
    heads: list[int] = []
    order = np.argsort(learner, kind="stable")
    bounds = np.flatnonzero(np.diff(learner[order])) + 1
    for own in np.split(order, bounds) if len(order) else []:
        for first in range(0, max(len(own) - context, 1), longest - context):
            rows.append(own[first : first + longest])
            heads.append(context if first else 0)
    return Pieces(rows, heads)


def _batched(sizes: Sequence[int], positions: int, rng: np.random.Generator | None) -> list[list[int]]:
    """Places of pieces, neighbours in length together. A piece longer than `positions` is a batch of its own."""
    jitter = np.zeros(len(sizes)) if rng is None else rng.random(len(sizes)) * 0.1 * np.asarray(sizes)
    batches: list[list[int]] = []
    current: list[int] = []
    longest = 0
    for place in np.argsort(np.asarray(sizes) + jitter, kind="stable").tolist():
        longest = max(longest, sizes[place])
        if current and longest * (len(current) + 1) > positions:
            batches.append(current)
            current, longest = [], sizes[place]
        current.append(place)
    batches += [current] if current else []
    return batches if rng is None else [batches[place] for place in rng.permutation(len(batches))]
