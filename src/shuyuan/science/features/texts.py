"""Text: counts of hashed character n-grams (any language, no dictionary), their buckets in order, or itself."""

import unicodedata
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from shuyuan.science.features import base

_AT_ONCE = 512  # rows whose counts are made together
_ODD = np.uint64(0x9E3779B97F4A7C15)  # the golden ratio of 64 bits
_MIX = np.uint64(0xBF58476D1CE4E5B9)  # splitmix64


@dataclass(frozen=True)
class Text:
    """Kind text. Nothing is learned from train: the hash is fixed."""

    name: str
    how: str
    buckets: int
    length: int
    ngrams: tuple[int, int]

    @classmethod
    def fit(cls, name: str, kind: str, values: base.Values, options: base.Options) -> Self:
        """Only the options."""
        return cls(name, options.text, options.text_buckets, options.text_length, options.ngrams)

    @property
    def dense(self) -> bool:
        """Counts join the other columns."""
        return self.how == "hashed"

    @property
    def inputs(self) -> tuple[base.Input, ...]:
        """Counts; or buckets (from 1) and a mask; nothing for raw text, which no graph takes."""
        if self.how == "hashed":
            return (base.Input(self.name, "float32", (self.buckets,)),)
        if self.how == "raw":
            return ()
        return (
            base.Input(self.name, "int64", (self.length,)),
            base.Input(f"{self.name}_mask", "bool", (self.length,)),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """One a bucket."""
        return tuple(f"{self.name}#{at}" for at in range(self.buckets)) if self.dense else ()

    def transform(self, values: base.Values) -> base.Arrays:
        """(n, buckets) float32 of length 1; or (n, length) int64 and mask; or (n,) objects."""
        texts = [folded(one or "") for one in base.words(values)]
        if self.how == "raw":
            raw = np.empty(len(texts), object)
            raw[:] = [one or "" for one in base.words(values)]
            return {self.name: raw}
        if self.how == "ids":
            return self._ids(texts)
        parts = [self._counts(texts[at : at + _AT_ONCE]) for at in range(0, len(texts), _AT_ONCE)]
        return {self.name: np.concatenate(parts) if parts else np.zeros((0, self.buckets), np.float32)}

    def state(self) -> base.State:
        """As JSON."""
        return {"how": self.how, "buckets": self.buckets, "length": self.length, "ngrams": list(self.ngrams)}

    @classmethod
    def from_state(cls, name: str, state: base.State) -> Self:
        """From JSON."""
        low, high = state["ngrams"]
        return cls(name, state["how"], state["buckets"], state["length"], (low, high))

    def _counts(self, texts: list[str]) -> NDArray[np.float32]:
        """Logarithmic counts, each row of length 1."""
        rows, buckets, _ = hashed(texts, self.ngrams, self.buckets)
        counts = np.bincount(rows * self.buckets + buckets, minlength=len(texts) * self.buckets)
        logs = np.log1p(counts.reshape(len(texts), self.buckets)).astype(np.float32)
        norm: NDArray[np.float32] = np.sqrt((logs * logs).sum(axis=1, keepdims=True))
        norm[norm == 0] = 1
        logs /= norm
        return logs

    def _ids(self, texts: list[str]) -> base.Arrays:
        """Buckets from 1, by place in the text, then by length of the n-gram."""
        rows, buckets, places = hashed(texts, self.ngrams, self.buckets)
        order = np.lexsort((places, rows))
        rows, buckets = rows[order], buckets[order]
        first = np.searchsorted(rows, np.arange(len(texts)))
        at = np.arange(len(rows)) - first[rows]
        kept = at < self.length
        ids = np.zeros((len(texts), self.length), np.int64)
        ids[rows[kept], at[kept]] = buckets[kept] + 1
        return {self.name: ids, f"{self.name}_mask": ids > 0}


def folded(text: str) -> str:
    """One form of what looks the same: full and half width, upper and lower case."""
    return unicodedata.normalize("NFKC", text).casefold()


def hashed(texts: list[str], ngrams: tuple[int, int], buckets: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Row, bucket and place of every n-gram of every text.  Any: int64."""
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    rows = np.repeat(np.arange(len(texts)), [len(one) for one in texts])
    found: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]] = []
    with np.errstate(over="ignore"):  # arithmetic modulo 2**64 is meant
        for size in range(ngrams[0], ngrams[1] + 1):
            starts = np.arange(max(len(points) - size + 1, 0))
            starts = starts[rows[starts] == rows[starts + size - 1]]
            code = np.full(len(starts), size, np.uint64)
            for step in range(size):
                code = (code ^ points[starts + step]) * _ODD
                code ^= code >> np.uint64(29)
            code = (code * _MIX) >> np.uint64(16)
            found.append((rows[starts], (code % np.uint64(buckets)).astype(np.int64), starts))
    joined = [np.concatenate(parts).astype(np.int64) for parts in zip(*found, strict=True)]
    return joined[0], joined[1], joined[2]
