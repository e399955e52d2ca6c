"""Labels that a model of the other rows is sure are wrong: logistic regression on the table's features, folds of train.

Its doubt is a hint to look, not a verdict: rows are flagged unless a plan says to drop them.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from shuyuan.maas.datasets import findings, frames, interface, steps
from shuyuan.maas.datasets.rules.base import Parts, Rule, State
from shuyuan.science.features import Features

SUSPECT = "label_suspect"
_MOST_ROWS, _STEPS, _DECAY, _MOST_CLASSES = 10_000, 100, 1e-3, 200
_OPTIONS = {"text_buckets": 512, "image": (16, 16), "channels": 1, "max_categories": 50, "label": "classes"}
_NAMED = 10


class LabelNoise(Rule):
    """See steps.LabelNoise."""

    options: steps.LabelNoise

    def finish(self, parts: Parts, state: State, seen: list[interface.Finding]) -> Parts:
        """Look for doubtful labels of train."""
        train, label = parts["train"], self.label
        if label is None or label.kind == "number" or train.height < 2 * self.options.folds:
            return parts
        doubted = self._doubted(train, label)
        rows = np.flatnonzero(doubted)
        named = ", ".join(str(row) for row in rows[:_NAMED])
        action = {"flag": f"column {SUSPECT}", "drop": "dropped rows", "report": "report"}[self.options.action]
        said = ("rows_of_train", {"rows": f"{named}{' …' if len(rows) > _NAMED else ''}"})
        found = said if len(rows) else ("none", dict[str, str]())
        seen.append(findings.found(self.name, found, column=label.name, count=len(rows), action=action))
        if self.options.action == "drop":
            return {**parts, "train": train.filter(pl.Series(~doubted))}
        if self.options.action == "report":
            return parts
        flag = {part: frame.with_columns(pl.lit(False).alias(SUSPECT)) for part, frame in parts.items()}
        return {**flag, "train": train.with_columns(pl.Series(SUSPECT, doubted))}

    def _doubted(self, train: pl.DataFrame, label: interface.Column) -> NDArray[np.bool_]:
        used = [one for one in self.columns if one.name in train.columns and _is_used(one, train[one.name])]
        table = frames.columns(train.select(one.name for one in (*used, label)))
        told = [{"name": one.name, "kind": one.kind, "role": "feature"} for one in used]
        told.append({"name": label.name, "kind": label.kind, "role": "label"})
        fitted = Features.fit(table, told, _OPTIONS)
        classes, labels = fitted.encode_label(table), len(fitted.labels)
        arrays = [one.reshape(train.height, -1) for one in fitted.transform(table).values() if one.dtype == np.float32]
        if not arrays or not 2 <= labels <= _MOST_CLASSES:
            return np.zeros(train.height, bool)
        return doubts(
            np.concatenate(arrays, axis=1), classes, labels, self.options.folds, self.options.confidence, self.seed
        )


def doubts(
    x: NDArray[np.float32], y: NDArray[np.int64], labels: int, folds: int, confidence: float, seed: int
) -> NDArray[np.bool_]:
    """Rows whose held-out prediction is another class than `y`, with at least that confidence."""
    random = np.random.default_rng(seed)
    fold = random.permutation(len(y)) % folds
    doubted = np.zeros(len(y), bool)
    for held in range(folds):
        inside = np.flatnonzero((fold != held) & (y >= 0))
        seen = np.sort(random.permutation(inside)[:_MOST_ROWS])  # by chance: a file may be sorted by its label
        weights = logistic(x[seen], y[seen], labels)
        outside = np.flatnonzero(fold == held)
        p = _softmax(_with_one(x[outside]) @ weights)
        doubted[outside] = (p.argmax(1) != y[outside]) & (p.max(1) >= confidence) & (y[outside] >= 0)
    return doubted


def logistic(x: NDArray[np.float32], y: NDArray[np.int64], labels: int) -> NDArray[np.float32]:
    """Weights of multinomial logistic regression, by Nesterov's descent at a step the data allow."""
    x = _with_one(x)
    target = np.eye(labels, dtype=np.float32)[y]
    step = 1.0 / (0.5 * float((x * x).sum(1).mean()) + _DECAY)
    weights: NDArray[np.float32] = np.zeros((x.shape[1], labels), np.float32)
    ahead = weights
    for turn in range(_STEPS):
        gradient = x.T @ (_softmax(x @ ahead) - target) / len(x) + _DECAY * ahead
        moved = (ahead - np.float32(step) * gradient).astype(np.float32)
        ahead = (moved + np.float32(turn / (turn + 3)) * (moved - weights)).astype(np.float32)
        weights = moved
    return weights


def _softmax(z: NDArray[np.float32]) -> NDArray[np.float32]:
    powers: NDArray[np.float32] = np.exp(z - z.max(1, keepdims=True))
    shares: NDArray[np.float32] = powers / powers.sum(1, keepdims=True)
    return shares


def _with_one(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([x, np.ones((len(x), 1), np.float32)], axis=1)


def _is_used(column: interface.Column, values: pl.Series) -> bool:
    return (
        column.role == "feature" and column.kind not in ("identifier", "sequence") and values.null_count() < len(values)
    )


RULE = LabelNoise
