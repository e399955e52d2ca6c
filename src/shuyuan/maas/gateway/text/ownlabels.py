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
from shuyuan.science.features import BadColumn, Features

Spec = Mapping[str, Any]  # Any: JSON
Feeds = dict[str, NDArray[Any]]  # Any: as the graph takes it
Kind = Literal["query", "passage"]
_KINDS: Mapping[str, Kind] = {"query": "query", "passage": "passage"}
_REMEMBERED = 50  # versions


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
    features: Features | None = None
    column: str = ""  # of the text; every other column is missing
    inputs: tuple[str, ...] = ()

    def feeds(self, text: str, vectors: NDArray[np.float32] | None) -> Feeds:
        """Every input of the graph, one row."""
        found: Feeds = {}
        if self.features is not None:
            table = {name: [text if name == self.column else None] for name, _ in self.features.kinds}
            found = {name: array for name, array in self.features.transform(table).items() if name in self.inputs}
        if self.vector is not None and vectors is not None:
            found[self.vector.input] = vectors
        return found


class Readings:
    """Readings of versions, remembered: encoders can be large, and a version never changes."""

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
    try:
        features = Features.from_json(spec["features"])
    except (BadColumn, KeyError, TypeError, ValueError) as wrong:
        raise BadSpec(f"the version's encoders cannot be read: {wrong}"[:300], fix="train it again") from wrong
    columns = [name for name, kind in features.kinds if kind == "text"]
    if len(columns) != 1:
        raise BadSpec(
            f"the version reads {len(columns)} columns of text, and one text is given",
            fix="send its inputs to /v2/models, or train a version on one text column",
        )
    return Reading(_vector(spec), features, columns[0], tuple(str(port["name"]) for port in spec.get("inputs", ())))


def _vector(spec: Spec) -> Vector | None:
    told = next(iter(spec.get("vectors") or ()), None)
    if told is None:
        return None
    said = str(told.get("kind", "query"))
    kind = _KINDS.get(said)
    if kind is None:
        raise BadSpec(f"the version wants a vector of kind {said[:40]!r}", fix=f"use one of {', '.join(_KINDS)}")
    return Vector(str(told["input"]), str(told["model"]), kind)
