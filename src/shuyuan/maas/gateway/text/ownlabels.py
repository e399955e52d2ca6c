"""What a version trained on texts is given: indices by its own encoders, a sentence vector where it asks for one. Pure.

Its spec: {"features": {…}, "inputs": […], "vectors": [{"input": name, "model": embedder, "kind": "query"}]} as a run
writes it; or {"text": {"embed": embedder, "input": name}} for a graph over vectors alone that a school has brought.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.gateway.media.labels import BadSpec
from shuyuan.science.features import base, texts, told

Spec = Mapping[str, Any]  # Any: JSON
Feeds = dict[str, NDArray[Any]]  # Any: as the graph takes it
_REMEMBERED = 50  # versions


@dataclass(frozen=True)
class Vector:
    """The sentence vector it wants: by which model, read as what, under which name."""

    input: str
    model: str
    kind: told.Kind


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
            made = base.joined([self.column], {self.column.name: [text]})
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
        said = spec.get("text")
        about: Spec = said if isinstance(said, Mapping) else {}
        return Reading(Vector(str(about.get("input", "input")), str(about.get("embed", "embed")), "passage"))
    try:
        columns = told.columns(spec)
        if [one.get("kind") for one in columns] != ["text"]:
            raise _not_one_text(columns)
        column, wanted, inputs = told.text(columns[0]), told.vector(spec), told.inputs(spec)
    except ValueError as wrong:
        raise BadSpec(
            f"how the version reads a text cannot be told: {wrong}"[:300], fix="train it again, or mend its spec"
        ) from wrong
    if column.how == "raw":
        raise BadSpec("the version reads text as it is, which no graph takes", fix="train it on counts or buckets")
    return Reading(Vector(*wanted) if wanted else None, column, inputs)


def _not_one_text(columns: Sequence[Spec]) -> BadSpec:
    named = ", ".join(f"{one.get('name')} ({one.get('kind')})" for one in columns)
    return BadSpec(
        f"the version reads {named or 'nothing'}, and one text is given"[:300],
        fix="send its inputs to /v2/models, or train a version on one text column alone",
    )
