"""Columns to arrays for the tasks: fits `science.features` on train, or takes the encoders of earlier weights."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from shuyuan.maas.training import columns as asked
from shuyuan.maas.training import task
from shuyuan.science.features import Features, base, categories

TRUTH = "*label"  # the array that holds what is to be found; no column is called so


def fit(
    columns: Sequence[task.Column],
    train: task.Table,
    init: task.Init | None,
    kinds: Collection[str],
    options: Mapping[str, Any] = {},  # of science.features.Options
) -> Features:
    """Encoders of the feature and label columns. With `init` those its weights were trained with.

    kinds: of features that the task can read. Raises BadTraining, BadColumn.
    """
    asked.require_features(columns, kinds)
    if not rows(train):
        raise asked.empty()
    used = [column for column in columns if column.role in ("feature", "label")]
    fitted = Features.fit(train, [column._asdict() for column in used], options)
    return fitted if init is None or init.features is None else _earlier(fitted, init.features)


def _earlier(fitted: Features, said: Mapping[str, Any]) -> Features:  # JSON
    """The earlier encoders; the label too, unless it is another one (transfer). New classes come behind the known."""
    earlier = Features.from_json(said)
    if fitted.label is not None and fitted.label.name in dict(earlier.kinds):
        raise asked.reads_label(fitted.label.name)
    if earlier.label is None or not _is_same(earlier, fitted):
        return dataclasses.replace(earlier, label=fitted.label)
    new = tuple(one for one in fitted.labels if one not in earlier.labels)
    return dataclasses.replace(earlier, label=dataclasses.replace(earlier.label, labels=(*earlier.labels, *new)))


def earlier_labels(fitted: Features, init: task.Init) -> tuple[str, ...] | None:
    """What the earlier head finds, by class; empty where it was to find another label, None where nobody knows."""
    if init.features is None:
        return None
    earlier = Features.from_json(init.features)
    return earlier.labels if _is_same(earlier, fitted) else ()


def earlier_scale(fitted: Features, init: task.Init | None) -> tuple[float, float] | None:
    """Mean and spread by which the earlier net was taught this very label; None where it was not."""
    scale = init.spec.get("scale") if init is not None else None
    if init is None or init.features is None or not isinstance(scale, Mapping):
        return None
    is_same = _is_same(Features.from_json(init.features), fitted)
    return (float(scale["mean"]), float(scale["spread"])) if is_same else None


def _is_same(one: Features, other: Features) -> bool:
    """Whether both find the same label in the same way: classes, or a value."""
    if one.label is None or other.label is None:
        return False
    return (one.label.name, one.label.how) == (other.label.name, other.label.how)


def require_classes(names: Sequence[str]) -> None:
    """At least two. Raises BadTraining."""
    if len(names) < 2:
        raise asked.one_class(names[0] if names else "none")


def truth(features: Features, table: task.Table) -> task.Array:
    """The label as `features` encodes it; unknown throughout where the table has no such column."""
    label = features.label
    if label is None or label.name in table:
        return features.encode_label(table)
    return categories.Label(label.name, label.how, label.labels).encode([None] * rows(table))


def classes(features: Features, table: task.Table) -> task.Array:
    """The index of each row's class: -1 for a missing one, below that those train never had, a number for each."""
    found, label = truth(features, table), features.label
    if label is None or label.name not in table or not (found < 0).any():
        return found
    words = base.words(table[label.name])
    unseen = sorted({word for word, at in zip(words, found, strict=True) if at < 0 and word is not None})
    numbers = {word: -2 - n for n, word in enumerate(unseen)}
    return np.array([numbers.get(word, at) if word else at for word, at in zip(words, found, strict=True)], np.int64)


def rows(table: task.Table) -> int:
    """How many rows a table has."""
    return len(next(iter(table.values()))) if table else 0
