"""What a version trained on texts is given: indices by its own encoders, a sentence vector where it asks for one. Pure.

Its spec: {"features": {…}, "inputs": […], "vectors": [{"input": name, "model": embedder, "kind": "query"}]} as a run
writes it; or {"text": {"embed": embedder, "input": name}} for a graph over vectors alone that a school has brought.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.gateway.media.labels import BadSpec
from shuyuan.science.features import texts

Spec = Mapping[str, Any]  # Any: JSON
Feeds = dict[str, NDArray[Any]]  # Any: as the graph takes it
Kind = Literal["query", "passage"]
_KINDS: Mapping[str, Kind] = {"query": "query", "passage": "passage"}
_REMEMBERED = 50  # versions
_DENSE = "features"  # the input that counts are joined into


@dataclass(frozen=True)
class Vector:
    """The sentence vector it wants: by which model, read as what, under which name."""

    input: str
    model: str
    kind: Kind


@dataclass(frozen=True)
class Reading:
    """How one version reads a text."""

    vector: Vector | None
    column: texts.Text | None = None
    inputs: tuple[str, ...] = ()

    def feeds(self, text: str, vectors: NDArray[np.float32] | None) -> Feeds:
        """Every input of the graph, one row."""
        found: Feeds = {}
        if self.column is not None:
            made = self.column.transform([text])
            made = {_DENSE: made[self.column.name]} if self.column.dense else made
            found = {name: array for name, array in made.items() if name in self.inputs}
        if self.vector is not None and vectors is not None:
            found[self.vector.input] = vectors
        return found


class Readings:
    """Readings of versions, remembered: a version never changes."""

    def __init__(self) -> None:
        self._kept: dict[str, Reading] = {}

    def of(self, key: str, spec: Spec) -> Reading:
        """key: of the version. Raises BadSpec."""
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = reading(spec)
            if len(self._kept) > _REMEMBERED:
                del self._kept[next(iter(self._kept))]
        return found


def reading(spec: Spec) -> Reading:
    """How a version of this spec reads a text. Raises BadSpec."""
    if "text" in spec or not isinstance(spec.get("features"), Mapping):
        told = spec.get("text")
        about: Spec = told if isinstance(told, Mapping) else {}
        return Reading(Vector(str(about.get("input", "input")), str(about.get("embed", "embed")), "passage"))
    columns = spec["features"].get("columns", ())
    if [one.get("kind") for one in columns] != ["text"]:
        named = ", ".join(f"{one.get('name')} ({one.get('kind')})" for one in columns)
        raise BadSpec(
            f"the version reads {named or 'nothing'}, and one text is given"[:300],
            fix="send its inputs to /v2/models, or train a version on one text column alone",
        )
    try:
        column = texts.Text.from_state(columns[0]["name"], columns[0]["state"])
    except (KeyError, TypeError, ValueError) as wrong:
        raise BadSpec(f"the version's encoder cannot be read: {wrong}"[:300], fix="train it again") from wrong
    return Reading(_vector(spec), column, tuple(str(port["name"]) for port in spec.get("inputs", ())))


def _vector(spec: Spec) -> Vector | None:
    told = next(iter(spec.get("vectors") or ()), None)
    if told is None:
        return None
    said = str(told.get("kind", "query"))
    kind = _KINDS.get(said)
    if kind is None:
        raise BadSpec(f"the version wants a vector of kind {said[:40]!r}", fix=f"use one of {', '.join(_KINDS)}")
    return Vector(str(told["input"]), str(told["model"]), kind)
