"""Run an ONNX model over a table: encoders, graph, and what its output means. No torch.

A version says what its output is: `output` logits (classes, softmax), probabilities, value (with `scale`), or
cluster. Families whose prediction needs more than one pass over rows (ranking, texts) bring a predictions file.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from shuyuan.maas.evaluation.work.predicted import Predicted
from shuyuan.maas.evaluation.work.refusal import Refused
from shuyuan.science.features import BadColumn, Features

Table = Mapping[str, Sequence[Any] | NDArray[Any]]  # Any: what the table holds
Feeds = dict[str, NDArray[Any]]  # Any: as the graph takes it
_BATCH = 256


class Model:
    """A graph with its encoders: arrays by name in, its one output array out."""

    def __init__(self, path: Path, spec: Mapping[str, Any], features: Mapping[str, Any] | None, threads: int) -> None:
        told = features or spec.get("features")
        if not isinstance(told, Mapping):
            raise Refused(
                "no_features",
                "the model does not say how a row becomes its input",
                "register it with features in its spec (a run does), or evaluate its predictions",
            )
        self.spec, self.path = spec, path
        try:
            self.features = Features.from_json(told)
        except (BadColumn, KeyError, TypeError) as wrong:
            raise Refused("no_features", f"its features cannot be read: {wrong}", "train the model again") from wrong
        try:
            self._session = _session(path, threads)
        except Exception as wrong:  # onnxruntime raises a different class for every status
            raise Refused("bad_model", f"the model does not load: {str(wrong)[:300]}", "export it again") from wrong
        self._inputs = [node.name for node in self._session.get_inputs()]
        outputs = [node.name for node in self._session.get_outputs()]
        said = str(spec.get("output", ""))
        self.output = next(
            (name for name in (said, "probabilities", "logits", "value") if name in outputs), outputs[-1]
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes in order; () for values."""
        said = self.spec.get("labels")
        return tuple(str(one) for one in said) if isinstance(said, list | tuple) and said else self.features.labels

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a table that it reads."""
        return tuple(name for name, _ in self.features.kinds)

    def encode(self, table: Table) -> Feeds:
        """Every input of the graph."""
        try:
            arrays = self.features.transform(table)
        except BadColumn as wrong:
            raise Refused("wrong_columns", str(wrong), "evaluate on a data set with the columns it learnt") from wrong
        if missing := [name for name in self._inputs if name not in arrays]:
            raise Refused("wrong_columns", f"its features do not give the input {missing[0]!r}", "export it again")
        return {name: arrays[name] for name in self._inputs}

    def run(self, feeds: Feeds) -> NDArray[Any]:  # Any: as the graph gives it
        """The output for these rows, in one pass."""
        try:
            (found,) = self._session.run([self.output], feeds)
        except Exception as wrong:  # wrong rank, size or dtype
            raise Refused(
                "bad_model", f"the model does not take the table's rows: {str(wrong)[:300]}", "export it again"
            ) from wrong
        return np.asarray(found)

    def run_all(self, feeds: Feeds) -> NDArray[Any]:
        """The output for all rows, batch by batch."""
        rows = len(next(iter(feeds.values())))
        parts = [
            self.run({name: array[at : at + _BATCH] for name, array in feeds.items()}) for at in range(0, rows, _BATCH)
        ]
        return np.concatenate(parts)


def predict(model: Model, table: Table, truth: Sequence[Any] | None, family: str) -> Predicted:
    """What the model says of every row of a table. Raises Refused."""
    rows = len(next(iter(table.values()))) if table else 0
    if not rows:
        raise Refused("empty_part", "this part of the data set has no rows", "choose another part, or split again")
    found = model.run_all(model.encode(table))
    label = [None] * rows if truth is None else list(truth)
    numbers = np.arange(rows)
    if family == "classification":
        p = probabilities(found, model)
        said = [model.labels[at] for at in p.argmax(axis=1)]
        return Predicted(numbers, label, said, model.labels, p)
    if family == "regression":
        return Predicted(numbers, label, values(found, model).tolist())
    if family == "reconstruction":
        score = {"score": values(found, model)}
        return Predicted(numbers, label, clusters(found, model), values=score)
    if family == "clustering":
        return Predicted(numbers, label, clusters(found, model))
    raise Refused(
        "needs_predictions",
        f"a model of family {family} is not predicted row by row here",
        "evaluate the run that made it: its predictions are kept",
    )


def probabilities(found: NDArray[Any], model: Model) -> NDArray[np.float64]:
    """(N, K) that add up to one, from logits or probabilities; one column is the second class of two."""
    raw = found.astype(np.float64).reshape(len(found), -1)
    is_p = model.output == "probabilities" or (model.output != "logits" and _are_shares(raw))
    if raw.shape[1] == 1:
        second = raw if is_p else 1 / (1 + np.exp(-raw))
        raw, is_p = np.concatenate([1 - second, second], axis=1), True
    if raw.shape[1] != len(model.labels):
        raise Refused(
            "wrong_labels",
            f"the model gives {raw.shape[1]} classes, its spec names {len(model.labels)}",
            "register it with all its labels in order",
        )
    if not np.isfinite(raw).all():
        raise Refused("bad_output", "the model gives NaN or infinity", "train it again with a lower rate")
    if not is_p:
        raw = np.exp(raw - raw.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = raw / raw.sum(axis=1, keepdims=True)
    return shares


def values(found: NDArray[Any], model: Model) -> NDArray[np.float64]:
    """(N,) in the label's own unit."""
    raw = found.astype(np.float64).reshape(len(found), -1)[:, 0]
    scale = model.spec.get("scale")
    if isinstance(scale, Mapping):
        raw = raw * float(scale["spread"]) + float(scale["mean"])
    if not np.isfinite(raw).all():
        raise Refused("bad_output", "the model gives NaN or infinity", "train it again with a lower rate")
    return raw


def clusters(found: NDArray[Any], model: Model) -> list[str]:
    """The nearest of several (`choose`: smallest), on which side of `threshold`, or the number that was given."""
    raw = found.reshape(len(found), -1)
    threshold = model.spec.get("threshold")
    if isinstance(threshold, int | float):
        return [model.labels[int(one > threshold)] for one in raw[:, 0]]
    if raw.shape[1] == 1:
        return [str(int(one)) for one in raw[:, 0]]
    nearest = raw.argmin(axis=1) if model.spec.get("choose") == "smallest" else raw.argmax(axis=1)
    return [model.labels[at] if at < len(model.labels) else str(at) for at in nearest]


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # leave the cores to others
    # as bytes: a graph that points to files outside cannot reach them
    return onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])


def _are_shares(raw: NDArray[np.float64]) -> bool:
    if raw.shape[1] == 1:
        return bool(((raw >= 0) & (raw <= 1)).all())
    return bool((raw >= 0).all() and (np.abs(raw.sum(axis=1) - 1) < 1e-3).all())
