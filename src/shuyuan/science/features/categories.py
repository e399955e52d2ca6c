"""Categories and identifiers: words that stand for themselves. Index 0 is every word that train did not have."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from shuyuan.science.features import base

UNKNOWN = 0


def known_words(found: Sequence[str | None], most: int) -> tuple[str, ...]:
    """The most frequent words, in order (numbers by size): the same whatever order the rows came in."""
    counts = Counter(one for one in found if one is not None)
    kept = sorted(counts, key=lambda one: (-counts[one], in_order(one)))[:most]
    return tuple(sorted(kept, key=in_order))


def in_order(one: str) -> tuple[int, float, str]:
    """Sorts "2" before "10", and numbers before words."""
    try:
        number = float(one)
    except ValueError:
        return (1, 0.0, one)
    return (0, number, one) if number == number else (1, 0.0, one)


def indices(found: Sequence[str | None], index: dict[str, int]) -> NDArray[np.int64]:
    """The index of each word; 0 for what is missing or unknown."""
    return np.fromiter((index.get(one, UNKNOWN) if one is not None else UNKNOWN for one in found), np.int64, len(found))


@dataclass(frozen=True)
class Category:
    """Kind category (one column a word, or an index) and kind identifier (always an index)."""

    name: str
    known: tuple[str, ...]
    one_hot: bool
    dense: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "dense", self.one_hot)

    @classmethod
    def fit(cls, name: str, kind: str, values: base.Values, options: base.Options) -> Self:
        """The words of train, the most frequent ones."""
        single = kind == "identifier" or options.category == "index"
        most = options.max_identifiers if kind == "identifier" else options.max_categories
        return cls(name, known_words(base.words(values), most), not single)

    @property
    def inputs(self) -> tuple[base.Input, ...]:
        """One-hot columns, or one index."""
        return (base.Input(self.name, *(("float32", (self.size,)) if self.one_hot else ("int64", ()))),)

    @property
    def size(self) -> int:
        """How many indices there are, the unknown among them: rows of an embedding."""
        return len(self.known) + 1

    @property
    def names(self) -> tuple[str, ...]:
        """The unknown first, as everywhere."""
        return (f"{self.name} unknown", *(f"{self.name}={one}" for one in self.known)) if self.one_hot else ()

    def transform(self, values: base.Values) -> base.Arrays:
        """(n, size) float32, or (n,) int64."""
        found = indices(base.words(values), self._index)
        return {self.name: np.eye(self.size, dtype=np.float32)[found] if self.one_hot else found}

    def state(self) -> base.State:
        """As JSON."""
        return {"known": list(self.known), "one_hot": self.one_hot}

    @classmethod
    def from_state(cls, name: str, state: base.State) -> Self:
        """From JSON."""
        return cls(name, tuple(state["known"]), bool(state["one_hot"]))

    @cached_property
    def _index(self) -> dict[str, int]:
        return {one: at for at, one in enumerate(self.known, start=1)}


@dataclass(frozen=True)
class Label:
    """What is to be told: classes in order (-1 for a missing or unseen one), a value (NaN), or left as it is."""

    name: str
    how: str
    labels: tuple[str, ...]

    @classmethod
    def fit(cls, name: str, kind: str, values: base.Values, options: base.Options) -> Self:
        """Which classes there are."""
        how = options.label
        if how == "auto":
            how = {"number": "value", "text": "raw", "sequence": "raw"}.get(kind, "classes")  # type: ignore[assignment]
        return cls(name, how, known_words(base.words(values), len(values)) if how == "classes" else ())

    def encode(self, values: base.Values) -> NDArray[Any]:  # Any: int64, float32 or objects, by `how`
        """(n,) int64 classes, (n,) float32 values, or (n,) objects."""
        if self.how == "classes":
            return indices(base.words(values), {one: at for at, one in enumerate(self.labels, start=1)}) - 1
        if self.how == "value":
            return base.numbers(self.name, values).astype(np.float32)
        raw = np.empty(len(values), object)
        raw[:] = list(values)
        return raw
