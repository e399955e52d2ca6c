"""Sequences: items by index, padded with 0 on the right, and a mask that tells padding from what is unknown."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from shuyuan.science.features import base, categories

MOST_AT_FIRST = 512


@dataclass(frozen=True)
class Sequence:
    """Kind sequence: lists of words or whole numbers; a text is split at its spaces."""

    name: str
    known: tuple[str, ...]
    length: int
    keep: str
    dense = False
    names: tuple[str, ...] = ()

    @classmethod
    def fit(cls, name: str, kind: str, values: base.Values, options: base.Options) -> Self:
        """The items of train, and its longest sequence."""
        found = [items(name, value) for value in values]
        longest = max((len(one) for one in found), default=1)
        length = options.sequence_length or min(max(longest, 1), MOST_AT_FIRST)
        known = categories.known_words([one for listed in found for one in listed], options.max_identifiers)
        return cls(name, known, length, options.sequence_keep)

    @property
    def size(self) -> int:
        """How many indices there are, 0 among them: rows of an embedding."""
        return len(self.known) + 1

    @property
    def inputs(self) -> tuple[base.Input, ...]:
        """Items and mask."""
        return (
            base.Input(self.name, "int64", (self.length,)),
            base.Input(f"{self.name}_mask", "bool", (self.length,)),
        )

    def transform(self, values: base.Values) -> base.Arrays:
        """(n, length) int64 and (n, length) bool."""
        padded = np.zeros((len(values), self.length), np.int64)
        mask = np.zeros((len(values), self.length), bool)
        for row, value in enumerate(values):
            found = items(self.name, value)
            kept = found[: self.length] if self.keep == "first" else found[-self.length :]
            padded[row, : len(kept)] = categories.indices(kept, self._index)
            mask[row, : len(kept)] = True
        return {self.name: padded, f"{self.name}_mask": mask}

    def state(self) -> base.State:
        """As JSON."""
        return {"known": list(self.known), "length": self.length, "keep": self.keep}

    @classmethod
    def from_state(cls, name: str, state: base.State) -> Self:
        """From JSON."""
        return cls(name, tuple(state["known"]), state["length"], state["keep"])

    @cached_property
    def _index(self) -> dict[str, int]:
        return {one: at for at, one in enumerate(self.known, start=1)}


def items(name: str, value: object) -> list[str | None]:
    """The items of one row as words; none of a missing row. Raises BadColumn."""
    if base.is_missing(value) if not isinstance(value, list | tuple | np.ndarray) else len(value) == 0:
        return []
    if isinstance(value, str):
        return list(value.split())
    if isinstance(value, list | tuple | np.ndarray):
        return base.words(value)
    raise base.BadColumn(f"column {name!r} holds {str(value)[:60]!r}, not a sequence; give a list")
