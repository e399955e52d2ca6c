"""How a version reads texts, as its spec tells: nothing beyond what training writes, anybody may bring one. Pure.

    {"features": {"columns": [{"name", "kind": "text", "state": {"how", "buckets", "length", "ngrams"}}, …]},
     "vectors": [{"input": name, "model": embedder, "kind": "query" | "passage"}], "inputs": [{"name": name}, …]}

Whoever serves a version reads a text by this in its own process, so that buckets, length and n-grams are bounded.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from shuyuan.science.features import texts

Spec = Mapping[str, Any]  # Any: JSON
Kind = Literal["query", "passage"]

MAX_BUCKETS = 1 << 20  # as in training
MAX_LENGTH = 4_096
MAX_NGRAM = 8
_HOW = ("hashed", "ids", "raw")


def check(spec: Spec) -> None:
    """Raise ValueError unless all that the spec tells of texts can be read; what tells nothing passes."""
    if not isinstance(spec.get("features"), Mapping):
        return
    for column in columns(spec):
        if column.get("kind") == "text":
            text(column)
    vector(spec)
    inputs(spec)


def columns(spec: Spec) -> Sequence[Spec]:
    """The columns it reads."""
    return _maps(spec["features"].get("columns", ()), "features.columns")


def text(column: Spec) -> texts.Text:
    """The encoder of a column of texts."""
    state = column.get("state")
    if not isinstance(state, Mapping):
        raise ValueError(f"state of {_word(column, 'name')!r} is no object")
    how, ngrams = state.get("how"), state.get("ngrams")
    if how not in _HOW:
        raise ValueError(f"how is {_short(how)}, not one of {', '.join(_HOW)}")
    if not isinstance(ngrams, list | tuple) or len(ngrams) != 2:
        raise ValueError(f"ngrams is {_short(ngrams)}, not [shortest, longest]")
    shortest = _whole(ngrams[0], "the shortest n-gram", MAX_NGRAM)
    longest = _whole(ngrams[1], "the longest n-gram", MAX_NGRAM)
    if shortest > longest:
        raise ValueError(f"the shortest n-gram has {shortest} characters, the longest {longest}")
    buckets = _whole(state.get("buckets"), "buckets", MAX_BUCKETS)
    length = _whole(state.get("length"), "length", MAX_LENGTH)
    return texts.Text(_word(column, "name"), str(how), buckets, length, (shortest, longest))


def vector(spec: Spec) -> tuple[str, str, Kind] | None:
    """The sentence vector it wants: its input, by which model, read as what. None: none."""
    told = next(iter(_maps(spec.get("vectors") or (), "vectors")), None)
    if told is None:
        return None
    kind = told.get("kind", "query")
    if kind not in get_args(Kind):
        raise ValueError(f"a vector of kind {_short(kind)}, not one of {', '.join(get_args(Kind))}")
    return _word(told, "input"), _word(told, "model"), kind


def inputs(spec: Spec) -> tuple[str, ...]:
    """The names of what its graph takes."""
    return tuple(_word(port, "name") for port in _maps(spec.get("inputs") or (), "inputs"))


def _maps(value: object, what: str) -> Sequence[Spec]:
    if not isinstance(value, list | tuple) or not all(isinstance(one, Mapping) for one in value):
        raise ValueError(f"{what} is {_short(value)}, not a list of objects")
    return value


def _word(told: Spec, key: str) -> str:
    value = told.get(key)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{key} is {_short(value)}, not a name")
    return value


def _whole(value: object, what: str, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise ValueError(f"{what} must be 1 to {most}, got {_short(value)}")
    return value


def _short(value: object) -> str:
    return repr(value)[:40]
