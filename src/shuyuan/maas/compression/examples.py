"""Rows of a data set as the inputs of a graph, and how a model answers them. Child process only.

A part is a Parquet file whose columns go through the encoders in the version's spec (`features`), or an `.npz` of
arrays named as the graph's inputs are, with `label` beside them: for models that came with no encoders.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.compression import interface, opening
from shuyuan.science import metrics

Array = NDArray[Any]  # of whatever type the graph takes
Feeds = Mapping[str, Array]
LABEL = "label"
_BATCH_ROWS = 256
_SUMS_TO_ONE = 1e-3


@dataclass(frozen=True)
class Examples:
    """Inputs by name, all of the same rows. labels: class numbers (-1: unknown) or values; None: not told."""

    feeds: Feeds
    labels: Array | None

    @property
    def rows(self) -> int:
        """How many."""
        return len(next(iter(self.feeds.values())))

    def some(self, most: int, seed: int) -> "Examples":
        """At most so many rows, drawn without order."""
        if self.rows <= most:
            return self
        rows = np.random.default_rng(seed).permutation(self.rows)[:most]
        return Examples({k: v[rows] for k, v in self.feeds.items()}, None if self.labels is None else self.labels[rows])


def read(path: Path, spec: Mapping[str, Any], inputs: Mapping[str, str]) -> Examples:
    """Examples of one part. inputs: name → dtype, as the graph says. Raises CannotCompress."""
    arrays, labels = _from_arrays(path) if path.suffix == ".npz" else _from_table(path, spec)
    missing = sorted(inputs.keys() - arrays.keys())
    if missing and len(inputs) == len(arrays) == 1:  # one input, one array: the name does not matter
        arrays, missing = dict(zip(inputs, arrays.values(), strict=True)), []
    if missing:
        raise interface.CannotCompress(
            f"the data gives {', '.join(sorted(arrays)) or 'no arrays'}, the model also takes {', '.join(missing)}",
            fix="choose a data set with the columns the model was trained on",
        )
    feeds = {name: arrays[name].astype(dtype, copy=False) for name, dtype in inputs.items()}
    if len({len(array) for array in feeds.values()}) != 1 or not len(next(iter(feeds.values()))):
        raise interface.CannotCompress("the part has no rows, or inputs of different length", fix="choose other data")
    return Examples(feeds, labels)


def answers(model: opening.Model, feeds: Feeds, output: str) -> Array:
    """One output for all rows; in batches, or row by row where the graph takes one row only."""
    rows = len(next(iter(feeds.values())))
    step = _BATCH_ROWS if model.free_rows else 1
    parts = [
        model.run([output], {name: array[at : at + step] for name, array in feeds.items()})[0]
        for at in range(0, rows, step)
    ]
    return np.concatenate(parts) if parts[0].ndim else np.stack(parts)


def quality(
    found: Array, parent: Array, labels: Array | None, classes: int, spec: Mapping[str, Any] = {}
) -> dict[str, float]:
    """Figures of one model: against the truth where it is known, and against the parent.

    classes: how many the model chooses between; 0: it gives values or vectors.  spec: `scale` of values, as trained.
    """
    figures: dict[str, float] = {}
    if classes and found.ndim == 2:
        chosen = found.argmax(axis=1)
        figures["agreement"] = float((chosen == parent.argmax(axis=1)).mean())
        if labels is not None and (known := labels >= 0).any():
            figures |= _against_truth(found[known], labels[known])
        return figures
    flat, other = (array.reshape(len(array), -1).astype(np.float64) for array in (found, parent))
    lengths = np.linalg.norm(flat, axis=1) * np.linalg.norm(other, axis=1)
    if flat.shape[1] > 1:
        figures["cosine"] = float(((flat * other).sum(axis=1) / np.maximum(lengths, 1e-30)).mean())
    figures["rmse_to_parent"] = float(np.sqrt(np.mean((flat - other) ** 2)))
    if labels is not None and labels.dtype.kind == "f" and flat.shape[1] == 1:
        scale = spec.get("scale") or {"spread": 1.0, "mean": 0.0}
        values = flat[:, 0] * float(scale["spread"]) + float(scale["mean"])
        figures["rmse"] = float(np.sqrt(np.nanmean((values - labels) ** 2)))
    return figures


def classes_of(spec: Mapping[str, Any], shape: Sequence[object]) -> int:
    """How many classes an output chooses between, by the labels of the spec; 0 when it is no classifier."""
    labels = spec.get("labels")
    if isinstance(labels, list) and len(shape) == 2 and (shape[1] == len(labels) or not isinstance(shape[1], int)):
        return len(labels)
    return 0


def _against_truth(found: Array, labels: Array) -> dict[str, float]:
    """With the functions that the evaluation room uses too."""
    p = shares(found)
    chosen = p.argmax(axis=1)
    return {
        "accuracy": float((chosen == labels).mean()),
        "macro_f1": metrics.average_scores(metrics.confusion_matrix(labels, chosen, p.shape[1]), "macro").f1,
        "log_loss": metrics.class_log_loss(labels, p),
        "calibration_error": metrics.class_calibration_error(labels, p),
    }


def shares(found: Array) -> NDArray[np.float64]:
    """Probabilities, from logits or from themselves."""
    raw = found.astype(np.float64)
    if raw.min() < 0 or np.abs(raw.sum(axis=1) - 1).max() > _SUMS_TO_ONE:
        raw = np.exp(raw - raw.max(axis=1, keepdims=True))
    whole: NDArray[np.float64] = raw / raw.sum(axis=1, keepdims=True)
    return whole


def _from_arrays(path: Path) -> tuple[dict[str, Array], Array | None]:
    with np.load(path, allow_pickle=False) as found:
        arrays = {name: found[name] for name in found.files}
    return arrays, arrays.pop(LABEL, None)


def _from_table(path: Path, spec: Mapping[str, Any]) -> tuple[dict[str, Array], Array | None]:
    from shuyuan.maas.datasets import frames
    from shuyuan.science import features as encoders

    if not spec.get("features"):
        raise interface.CannotCompress(
            "the version's spec holds no encoders (features), so its inputs cannot be made from a table",
            fix="compress a version that a training run registered, or leave out the data set",
        )
    table = frames.read(path)
    try:
        fitted = encoders.Features.from_json(spec["features"])
        labels = fitted.encode_label(table) if fitted.label and fitted.label.name in table else None
        return dict(fitted.transform(table)), labels
    except encoders.BadColumn as wrong:
        raise interface.CannotCompress(str(wrong), fix="choose the data set the model was trained on") from wrong
