"""Columns of a table as codes and words: for slices, for groups of people, and to keep a person's rows together."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.evaluation.work.measures import Rows
from shuyuan.science.features import base

MISSING = "∅"
OTHERS = "…"
_MOST_VALUES = 20
_QUARTERS = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Coded:
    """A column as codes 0..K-1 and the words they stand for."""

    name: str
    codes: Rows
    words: tuple[str, ...]


def codes_of(values: Sequence[Any] | NDArray[Any]) -> Rows:
    """Each different value as a number; a missing one is a person of its own (its row stands alone)."""
    told = base.words(values)
    known = {one: at for at, one in enumerate(dict.fromkeys(one for one in told if one is not None))}
    alone = iter(range(len(known), len(known) + len(told)))
    return np.array([next(alone) if one is None else known[one] for one in told], dtype=np.int64)


def coded(name: str, kind: str, values: Sequence[Any] | NDArray[Any]) -> Coded | None:
    """A column cut into a few values; None where it cannot be cut (pictures, sequences, one value only)."""
    if kind in ("number", "integer") and (numeric := _floats(values)) is not None:
        found = _quarters(name, numeric)
    elif kind == "text":
        lengths = np.array([np.nan if one is None else float(len(one)) for one in base.words(values)])
        found = _quarters(f"len({name})", lengths)
    elif kind in ("category", "boolean", "integer", "identifier"):
        found = _words(name, base.words(values))
    else:
        return None
    return found if len(found.words) > 1 else None


def _floats(values: Sequence[Any] | NDArray[Any]) -> NDArray[np.float64] | None:
    """None for a column of few different numbers: those are categories."""
    try:
        found = np.array([np.nan if one is None else float(one) for one in values], dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return found if np.unique(found[np.isfinite(found)]).size > 8 else None


def _quarters(name: str, found: NDArray[np.float64]) -> Coded:
    known = found[np.isfinite(found)]
    if not known.size:
        return Coded(name, np.zeros(len(found), dtype=np.int64), (MISSING,))
    edges = np.unique(np.quantile(known, _QUARTERS))
    codes = np.where(np.isfinite(found), np.searchsorted(edges, found, side="right"), len(edges) + 1)
    ends = [f"{edge:.4g}" for edge in edges]
    words = [f"< {ends[0]}", *(f"{a} – {b}" for a, b in itertools.pairwise(ends)), f"≥ {ends[-1]}", MISSING]
    return _used(name, codes, words)


def _words(name: str, told: Sequence[str | None]) -> Coded:
    words, counts = np.unique([MISSING if one is None else one for one in told], return_counts=True)
    kept = words[np.argsort(-counts, kind="stable")][:_MOST_VALUES].tolist()
    index = {word: at for at, word in enumerate(kept)}
    codes = np.array([index.get(MISSING if one is None else one, len(kept)) for one in told], dtype=np.int64)
    return _used(name, codes, [*kept, OTHERS])


def _used(name: str, codes: Rows, words: Sequence[str]) -> Coded:
    present, again = np.unique(codes, return_inverse=True)
    return Coded(name, again.astype(np.int64), tuple(words[at] for at in present))


def kinds(columns: Sequence[Mapping[str, str]], *roles: str) -> dict[str, str]:
    """Name → kind of the columns of these roles."""
    return {one["name"]: one["kind"] for one in columns if one.get("role", "feature") in roles}
