"""What every encoder shares: options, the description of an input, the error, reading values, joining what came out."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Values = Sequence[object] | NDArray[Any]  # Any: whatever the table holds
DENSE = "features"  # the one input that all dense columns are joined into
FORMAT = 1  # of fitted encoders as JSON
HUGE = 1e100  # beyond, a square would overflow
Arrays = dict[str, NDArray[Any]]  # Any: float32, int64 or bool, as the encoder says
State = dict[str, Any]  # Any: JSON


class BadColumn(ValueError):
    """A column is not there, or holds what its kind cannot be. The message names column, value and fix."""


@dataclass(frozen=True)
class Options:
    """How columns are encoded. The defaults suit a table of some thousand rows.

    category: one column a category, or one index.  max_categories: the most frequent ones; the others are unknown.
    text: hashed (counts of character n-grams, one column a bucket), ids (their buckets in order), raw (left as is).
    sequence_length: longest kept; None takes the longest of train, at most 512.  image: (height, width); None takes
    the first picture's.  channels: 1 or 3; None sees from the first.  label: auto makes numbers a value.
    """

    category: Literal["one_hot", "index"] = "one_hot"
    max_categories: int = 200
    max_identifiers: int = 1_000_000
    text: Literal["hashed", "ids", "raw"] = "hashed"
    text_buckets: int = 1024
    text_length: int = 128
    ngrams: tuple[int, int] = (1, 3)
    sequence_length: int | None = None
    sequence_keep: Literal["first", "last"] = "first"
    image: tuple[int, int] | None = None
    channels: int | None = None
    label: Literal["auto", "classes", "value", "raw"] = "auto"


@dataclass(frozen=True)
class Input:
    """One array that a model takes. shape: without the first axis, which is the row."""

    name: str
    dtype: str
    shape: tuple[int, ...]


class Encoder(Protocol):
    """One column, fitted. dense: its array is joined with those of others into the one input `features`."""

    @property
    def name(self) -> str: ...

    @property
    def dense(self) -> bool: ...

    @property
    def inputs(self) -> tuple[Input, ...]: ...

    @property
    def names(self) -> tuple[str, ...]:
        """What each dense column stands for; empty when not dense."""
        ...

    def transform(self, values: Values) -> Arrays: ...

    def state(self) -> State: ...


def joined(encoders: Iterable[Encoder], columns: Mapping[str, Values]) -> Arrays:
    """Every column encoded: dense ones side by side as the input DENSE, the others by name. Raises BadColumn."""
    dense: list[NDArray[np.float32]] = []
    found: Arrays = {}
    for encoder in encoders:
        arrays = encoder.transform(column(columns, encoder.name))
        if encoder.dense:
            dense += arrays.values()
        else:
            found |= arrays
    return {DENSE: np.concatenate(dense, axis=1), **found} if dense else found


def is_missing(value: object) -> bool:
    """None, NaN, NaT or an empty word."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value)) or _is_nat(value)


def numbers(name: str, values: Values) -> NDArray[np.float64]:
    """Floats with NaN for what is missing or infinite. Raises BadColumn naming the first value that is no number."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        found = values.astype(np.float64)
    else:
        found = np.fromiter((_number(name, value) for value in values), np.float64, len(values))
    return np.clip(np.where(np.isfinite(found), found, np.nan), -HUGE, HUGE)


def words(values: Values) -> list[str | None]:
    """Each value as the word it is compared by: 3, 3.0 and "3" are the same; None for what is missing."""
    return [word(value) for value in (values.tolist() if isinstance(values, np.ndarray) else values)]


def word(value: object) -> str | None:
    """One value as a word."""
    if type(value) is str:
        return value or None
    if is_missing(value):
        return None
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def column(columns: Mapping[str, Values], name: str) -> Values:
    """The column of this name. Raises BadColumn."""
    if name not in columns:
        raise BadColumn(
            f"there is no column {name!r}; give one of the columns it was fitted on: it has {sorted(columns)}"
        )
    return columns[name]


def _number(name: str, value: object) -> float:
    if is_missing(value):
        return math.nan
    try:
        return float(value)  # type: ignore[arg-type]  # what cannot be a float is told below
    except (TypeError, ValueError):
        said = repr(value)[:60]
        raise BadColumn(f"column {name!r} holds {said}, not a number; make it a category or clean it") from None


def _is_nat(value: object) -> bool:
    return isinstance(value, np.datetime64 | np.timedelta64) and bool(np.isnat(value))
