"""Rows of a table by the names of its columns: encoded by a version's own encoders, answered as its edge bundle does.

Pure. The encoders are what training wrote into the spec (`features`). Whoever serves a version reads rows in its own
process, so that what may come of them is bounded; and no picture is decoded there: `science.features.Features`, which
could, is not imported, its encoders are. Sentence vectors come from a model.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shuyuan.kernel import errors
from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.inference import graphs
from shuyuan.maas.gateway.media.labels import BadSpec
from shuyuan.maas.gateway.wire.refusals import Refused
from shuyuan.science.features import base, categories, numeric, sequences, texts, times

Spec = Mapping[str, Any]  # Any: JSON
Row = Mapping[str, object]
Feeds = dict[str, NDArray[Any]]  # Any: as the graph takes it
Answer = dict[str, Any]  # Any: JSON
MAX_VALUES = 8_000_000  # numbers of all inputs: 32 MB, as in a request of tensors
_Kinds = type[numeric.Number | categories.Category | texts.Text | times.Time | sequences.Sequence]
_KINDS: Mapping[str, _Kinds] = {
    **dict.fromkeys(("number", "integer", "boolean"), numeric.Number),
    **dict.fromkeys(("category", "identifier"), categories.Category),
    "text": texts.Text,
    "time": times.Time,
    "sequence": sequences.Sequence,
}
_LONG = frozenset({"text", "sequence"})  # kinds whose cells are long
_REMEMBERED = 50  # versions
_SUM_TOLERANCE = 1e-3
_BROKEN = (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError)  # of encoders anybody may bring


@dataclass(frozen=True)
class Reader:
    """How one version reads rows."""

    kinds: tuple[tuple[str, str], ...]
    encoders: tuple[base.Encoder, ...]

    def feeds(self, rows: Sequence[Row]) -> Feeds:
        """Every input by name; a cell that a row leaves out is missing. Raises Refused naming column and value."""
        wide = sum(math.prod(one.shape) for encoder in self.encoders for one in encoder.inputs)
        if wide * len(rows) > MAX_VALUES:
            raise _refused(
                f"{len(rows)} rows of {wide} numbers each", f"send at most {MAX_VALUES // wide} rows at once"
            )
        names = dict.fromkeys(name for row in rows for name in row)
        columns = {name: [row.get(name) for row in rows] for name in names}
        long = [cell for name, kind in self.kinds if kind in _LONG for cell in columns.get(name, ())]
        if (many := sum(len(cell) for cell in long if isinstance(cell, str | list))) > interface.MAX_CHARS:
            raise _refused(f"{many} characters of text", f"send at most {interface.MAX_CHARS} at once")
        try:
            return base.joined(self.encoders, columns)
        except base.BadColumn as wrong:
            raise _refused(str(wrong), f"the version reads {', '.join(self.columns)}") from wrong
        except _BROKEN as wrong:
            raise _refused(f"the rows cannot be encoded: {wrong!r}"[:300], "send numbers, words or lists") from wrong

    def not_read(self, rows: Sequence[Row]) -> list[str]:
        """Columns of the rows that change nothing: the version was not trained on them."""
        read = {name for name, _ in self.kinds}
        return [name for name in dict.fromkeys(name for row in rows for name in row) if name not in read]

    @property
    def columns(self) -> list[str]:
        """Name and kind of each column it reads."""
        return [f"{name} ({kind})" for name, kind in self.kinds]


class Readers:
    """Readers of versions, remembered: a version never changes."""

    def __init__(self) -> None:
        self._kept: dict[str, Reader] = {}

    def of(self, key: str, spec: Spec) -> Reader:
        """key: of the version. Raises BadSpec."""
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = reader(spec)
            if len(self._kept) > _REMEMBERED:
                del self._kept[next(iter(self._kept))]
        return found


def reader(spec: Spec) -> Reader:
    """How a version of this spec reads rows. Raises BadSpec."""
    told = spec.get("features")
    if not isinstance(told, Mapping):
        raise BadSpec(
            "the version says nothing of columns (features)", fix="send its tensors to /v2/models/{name}/infer"
        )
    if told.get("format") != base.FORMAT:
        raise BadSpec(f"its encoders cannot be read: format {told.get('format')!r}"[:300], fix="train it again")
    try:
        kinds = tuple((str(one["name"]), str(one["kind"])) for one in told["columns"])
        if any(kind == "image" for _, kind in kinds):
            raise BadSpec("the version reads pictures", fix="send one to /v1/images/classifications")
        encoders = tuple(_KINDS[one["kind"]].from_state(str(one["name"]), one["state"]) for one in told["columns"])
    except _BROKEN as wrong:
        raise BadSpec(
            f"its encoders cannot be read: {wrong!r}"[:300], fix="train it again, or mend its spec"
        ) from wrong
    if spec.get("vectors"):
        raise BadSpec("the version reads sentence vectors", fix="send a text to /v1/services/classify")
    return Reader(kinds, encoders)


def taken(feeds: Feeds, graph: graphs.Graph) -> Feeds:
    """Those the graph takes. Raises BadSpec where it takes more."""
    wanted = [port.name for port in graph.inputs] or list(feeds)
    if missing := [name for name in wanted if name not in feeds]:
        raise BadSpec(
            f"the graph also takes {', '.join(missing)}, which no column gives"[:300],
            fix="send its tensors to /v2/models/{name}/infer",
        )
    return {name: feeds[name] for name in wanted}


def answers(spec: Spec, outputs: Mapping[str, NDArray[Any]], rows: int) -> list[Answer]:
    """One a row: the likeliest class with the probability of each, a value in the label's unit, or the outputs."""
    if not all(np.isfinite(one).all() for one in outputs.values() if one.dtype.kind == "f"):
        raise BadSpec(
            "an output holds NaN or infinity, which JSON cannot say", fix="look at the model, or ask /v2 for it"
        )
    main = outputs.get(str(spec.get("output")), next(iter(outputs.values())))
    labels = [str(label) for label in spec.get("labels") or ()]
    if labels and main.shape == (rows, len(labels)):
        return _classes(main.astype(np.float64), labels)
    if main.ndim <= 2 and main.size == rows:
        scale = spec.get("scale") or {"mean": 0.0, "spread": 1.0}
        values = main.reshape(-1).astype(np.float64) * float(scale["spread"]) + float(scale["mean"])
        return [{"prediction": value} for value in values.tolist()]
    if any(not one.ndim or len(one) != rows for one in outputs.values()):
        raise BadSpec("the graph does not answer row by row", fix="send its tensors to /v2/models/{name}/infer")
    return [{name: one[at].tolist() for name, one in outputs.items()} for at in range(rows)]


def _classes(scores: NDArray[np.float64], labels: Sequence[str]) -> list[Answer]:
    if (scores < 0).any() or not np.allclose(scores.sum(1), 1, atol=_SUM_TOLERANCE):  # logits
        raised = np.exp(scores - scores.max(1, keepdims=True))
        scores = raised / raised.sum(1, keepdims=True)
    names = [f"p_{label}" for label in labels]
    best = scores.argmax(1)
    return [
        {"prediction": labels[at], **dict(zip(names, row, strict=True))}
        for at, row in zip(best, scores.tolist(), strict=True)
    ]


def _refused(message: str, fix: str) -> errors.ShuyuanError:
    return Refused(message[:400], param="rows", fix=fix[:400])
