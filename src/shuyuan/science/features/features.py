"""All columns of a table together: fitted once on train, the same for every row after."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from numpy.typing import NDArray

from shuyuan.science.features import base, categories, numeric, pictures, sequences, texts, times

Kinds = type[numeric.Number | categories.Category | texts.Text | times.Time | pictures.Picture | sequences.Sequence]
KINDS: dict[str, Kinds] = {
    "number": numeric.Number,
    "integer": numeric.Number,
    "boolean": numeric.Number,
    "category": categories.Category,
    "identifier": categories.Category,
    "text": texts.Text,
    "time": times.Time,
    "image": pictures.Picture,
    "sequence": sequences.Sequence,
}


@dataclass(frozen=True)
class Features:
    """Encoders of the feature columns, in the order of the table, and the label's.

    >>> table = {"age": [10.0, 12.0, None], "town": ["A", "B", "A"], "passed": ["no", "yes", "yes"]}
    >>> schema = [{"name": "age", "kind": "number"}, {"name": "town", "kind": "category"},
    ...           {"name": "passed", "kind": "category", "role": "label"}]
    >>> fitted = Features.fit(table, schema)
    >>> fitted.dense_names
    ('age', 'age missing', 'town unknown', 'town=A', 'town=B')
    >>> fitted.transform({"age": [11], "town": ["Z"]})["features"].tolist()
    [[0.0, 0.0, 1.0, 0.0, 0.0]]
    >>> fitted.labels, fitted.encode_label(table).tolist()
    (('no', 'yes'), [0, 1, 1])
    """

    kinds: tuple[tuple[str, str], ...]
    encoders: tuple[base.Encoder, ...]
    label: categories.Label | None = None

    @classmethod
    def fit(
        cls,
        columns: Mapping[str, base.Values],
        schema: Sequence[Mapping[str, Any]],  # Any: name, kind, role; what else a column says is not looked at
        options: base.Options | Mapping[str, Any] | None = None,  # Any: the fields of Options as JSON
    ) -> Self:
        """Fit on train. `schema`: mappings with name, kind and role (feature where none is said). Raises BadColumn."""
        chosen = _options(options)
        kinds = [(one["name"], one["kind"]) for one in schema if one.get("role", "feature") == "feature"]
        encoders = [_kind(kind).fit(name, kind, base.column(columns, name), chosen) for name, kind in kinds]
        told = [one for one in schema if one.get("role") == "label"]
        if len(told) > 1:
            raise base.BadColumn(f"there are {len(told)} labels; give one column that role")
        label = None
        for one in told:
            label = categories.Label.fit(one["name"], one["kind"], base.column(columns, one["name"]), chosen)
        return cls(tuple(kinds), tuple(encoders), label)

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes in order; () for a value or without label."""
        return self.label.labels if self.label else ()

    @property
    def dense_names(self) -> tuple[str, ...]:
        """What each column of the input `features` stands for."""
        return tuple(name for encoder in self.encoders if encoder.dense for name in encoder.names)

    @property
    def inputs(self) -> tuple[base.Input, ...]:
        """What `transform` gives, in its order; raw text is not among them: no graph takes it."""
        width = sum(one.shape[0] for encoder in self.encoders if encoder.dense for one in encoder.inputs)
        others = [one for encoder in self.encoders if not encoder.dense for one in encoder.inputs]
        return (*([base.Input(base.DENSE, "float32", (width,))] if width else []), *others)

    @property
    def sizes(self) -> dict[str, int]:
        """How many indices each input of indices has (rows of its embedding), 0 among them."""
        indexed = (categories.Category, sequences.Sequence)
        known = {one.name: one.size for one in self.encoders if isinstance(one, indexed) and not one.dense}
        ids = {one.name: one.buckets + 1 for one in self.encoders if isinstance(one, texts.Text) and one.how == "ids"}
        return known | ids

    def transform(self, columns: Mapping[str, base.Values]) -> base.Arrays:
        """Every input of the model by name; all have one row a row. Raises BadColumn."""
        return base.joined(self.encoders, columns)

    def encode_label(self, columns: Mapping[str, base.Values]) -> NDArray[Any]:  # Any: see Label.encode
        """(n,) int64 classes (-1: missing or unseen), (n,) float32 values, or (n,) objects. Raises BadColumn."""
        if self.label is None:
            raise base.BadColumn("there is no label; give one column that role")
        return self.label.encode(base.column(columns, self.label.name))

    def to_json(self) -> base.State:
        """All of it as a JSON object."""
        fitted = [
            {"name": name, "kind": kind, "state": encoder.state()}
            for (name, kind), encoder in zip(self.kinds, self.encoders, strict=True)
        ]
        label = dataclasses.asdict(self.label) | {"labels": list(self.labels)} if self.label else None
        return {"format": base.FORMAT, "columns": fitted, "label": label}

    @classmethod
    def from_json(cls, said: str | bytes | Mapping[str, Any]) -> Self:  # Any: JSON
        """From what `to_json` gave, as an object or as its text. Raises BadColumn."""
        told = json.loads(said) if isinstance(said, str | bytes) else said
        if told.get("format") != base.FORMAT:
            raise base.BadColumn(f"features of format {told.get('format')!r} are not read here; fit them again")
        columns = told["columns"]
        encoders = [_kind(one["kind"]).from_state(one["name"], one["state"]) for one in columns]
        label = told["label"]
        spoken = categories.Label(label["name"], label["how"], tuple(label["labels"])) if label else None
        return cls(tuple((one["name"], one["kind"]) for one in columns), tuple(encoders), spoken)


def _kind(kind: str) -> Kinds:
    if kind not in KINDS:
        raise base.BadColumn(f"columns of kind {kind!r} are not known; use one of {', '.join(KINDS)}")
    return KINDS[kind]


def _options(said: base.Options | Mapping[str, Any] | None) -> base.Options:  # Any: JSON
    if isinstance(said, base.Options):
        return said
    told = dict(said or {})
    for name in ("ngrams", "image"):
        if isinstance(told.get(name), list):
            told[name] = tuple(told[name])
    unknown = told.keys() - {one.name for one in dataclasses.fields(base.Options)}
    if unknown:
        raise base.BadColumn(f"there is no option {sorted(unknown)[0]!r}; see Options")
    return base.Options(**told)
