"""What tasks that find a class or a value have in common: loss, weights of classes, predictions, figures."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from shuyuan.maas.training import columns, encoders, task, weighing
from shuyuan.maas.training.encoders import TRUTH
from shuyuan.maas.training.weighing import WEIGHT

if TYPE_CHECKING:
    from torch import Tensor, nn

    from shuyuan.maas.training import weights
    from shuyuan.maas.training.options import ClassConfig
    from shuyuan.science.features import Features


class Encoded(task.Work):
    """Reads its inputs through `science.features`: every input the encoders give, in their order."""

    def __init__(self, fitted: Features) -> None:
        self.fitted = fitted
        self.INPUTS = tuple(one.name for one in fitted.inputs)

    def arrays(self, table: task.Table) -> task.Arrays:
        """Inputs by name, and the label where there is one."""
        inputs = self.fitted.transform(table)
        found = {name: inputs[name] for name in self.INPUTS}
        return found if self.fitted.label is None else {**found, TRUTH: self.truth(table)}

    def truth(self, table: task.Table) -> task.Array:
        """What is to be found, row by row."""
        return encoders.truth(self.fitted, table)

    def features(self) -> Mapping[str, Any]:  # JSON
        """The fitted encoders."""
        return self.fitted.to_json()


class Classes(weighing.Weighed, Encoded):
    """Finds one of the labels: the truth is its index, -1 where it is not known, less where train never had it."""

    def __init__(self, config: ClassConfig, fitted: Features, train: task.Table) -> None:
        super().__init__(fitted)
        self.options, self.labels = config, fitted.labels
        truth = encoders.truth(fitted, train)
        counts = np.bincount(truth[truth >= 0], minlength=len(self.labels))
        encoders.require_classes([name for name, count in zip(self.labels, counts, strict=True) if count])
        counts = counts.clip(min=1)
        self._balance = (counts.sum() / (len(self.labels) * counts)).astype(np.float32)

    def arrays(self, table: task.Table) -> task.Arrays:
        """Inputs, label, and weights where rows have them."""
        return {**super().arrays(table), **self.weights_of(table)}

    def truth(self, table: task.Table) -> task.Array:
        """Indices of classes."""
        return encoders.classes(self.fitted, table)

    def start(self, net: nn.Module, init: task.Init) -> None:
        """Earlier weights, of the head the rows of the classes it knew."""
        self.take_over(net, init)

    def take_over(self, net: nn.Module, init: task.Init) -> weights.TakenOver:
        """`start`; says what came from where."""
        from shuyuan.maas.training import weights

        before = encoders.earlier_labels(self.fitted, init)
        if before is None or before == self.labels:
            return weights.take_over(net, init.weights)
        kept = [(before.index(one), at) for at, one in enumerate(self.labels) if one in before]
        return weights.take_over(net, init.weights, weights.Head(self._class_axes(net), kept))

    def _class_axes(self, net: nn.Module) -> dict[str, int]:
        """Tensors whose shape follows from how many classes there are, and the axis of the classes."""
        import torch

        larger = copy.copy(self)
        larger.labels = (*self.labels, "")
        with torch.random.fork_rng():
            others = larger.net().state_dict()
        sizes = {name: zip(tensor.shape, others[name].shape, strict=True) for name, tensor in net.state_dict().items()}
        found = {name: [axis for axis, (one, other) in enumerate(both) if one != other] for name, both in sizes.items()}
        return {name: axes[0] for name, axes in found.items() if axes}

    def loss_of(self, outputs: tuple[Tensor, ...], batch: Mapping[str, Tensor]) -> task.Loss:
        """Cross entropy; rows without a label that train had weigh nothing."""
        import torch
        from torch.nn import functional

        logits, truth = outputs[0], batch[TRUTH].clamp(min=-1)
        weights = torch.from_numpy(self._balance).to(logits) if self.options.class_weights == "balanced" else None
        if WEIGHT in batch:
            return self._weighed_loss(logits, truth, weights, batch[WEIGHT])
        total = functional.cross_entropy(
            logits, truth, weights, ignore_index=-1, reduction="sum", label_smoothing=self.options.label_smoothing
        )
        if weights is not None:
            return task.Loss(total, weights[truth[truth >= 0]].sum())
        complete = not len(truth) or int(truth.min()) >= 0  # mostly; one look at the labels is then enough
        return task.Loss(total, len(truth) if complete else (truth >= 0).sum())

    def _weighed_loss(self, logits: Tensor, truth: Tensor, classes: Tensor | None, rows: Tensor) -> task.Loss:
        """The same, each row counting by its weight. classes: weights of classes."""
        from torch.nn import functional

        losses = functional.cross_entropy(
            logits, truth, classes, ignore_index=-1, reduction="none", label_smoothing=self.options.label_smoothing
        )
        known = truth >= 0
        counted = rows * known if classes is None else rows * known * classes[truth.clamp(min=0)]
        return task.Loss((losses * rows).sum(), counted.sum())

    def row_weights(self, arrays: task.Arrays) -> task.Array | None:
        """Each class as often as the others, when asked for."""
        if self.options.resample == "none":
            return None
        return np.where(arrays[TRUTH] >= 0, self._balance[arrays[TRUTH].clip(0)], 0.0)

    def predict(self, outputs: task.Arrays, arrays: task.Arrays) -> task.Predictions:
        """The likeliest class and the probability of each."""
        p = softmax(outputs["logits"])
        truth = [self.labels[n] if n >= 0 else None for n in arrays[TRUTH]]
        found = [self.labels[n] for n in p.argmax(1)]
        return task.Predictions(truth, found, {f"p_{n}": p[:, n] for n in range(len(self.labels))})

    def figures(self, outputs: task.Arrays, arrays: task.Arrays) -> dict[str, float]:
        """Accuracy and macro F1 over the rows that have a label; one that train never had is never found."""
        known = arrays[TRUTH] != -1
        truth, found = arrays[TRUTH][known], outputs["logits"][known].argmax(1)
        weights = arrays[WEIGHT][known].astype(np.float64) if WEIGHT in arrays else None
        if not len(truth):
            return {}

        def counted(of: task.Array, rows: task.Array) -> task.Array:
            return np.bincount(of[rows], weights if weights is None else weights[rows], minlength=len(self.labels))

        every = np.ones(len(truth), bool)
        hits, both = counted(truth, truth == found), counted(truth, truth >= 0) + counted(found, every)
        scores = 2 * hits[both > 0] / both[both > 0]
        classes = len(scores) + len(np.unique(truth[truth < 0]))
        return {"accuracy": weighing.mean(truth == found, weights), "macro_f1": float(scores.sum() / max(classes, 1))}

    def spec(self) -> dict[str, Any]:  # JSON
        """Labels in order."""
        return {"labels": list(self.labels), "output": "logits"}


class Values(weighing.Weighed, Encoded):
    """Finds a number; the net is taught it in units of its spread in training, or as the earlier one was."""

    OUTPUTS: tuple[str, ...] = ("value",)

    def __init__(self, fitted: Features, train: task.Table, init: task.Init | None = None) -> None:
        super().__init__(fitted)
        truth = encoders.truth(fitted, train)
        if np.isnan(truth).all():
            raise columns.no_number()
        fresh = float(np.nanmean(truth)), float(np.nanstd(truth)) or 1.0
        self.mean, self.spread = encoders.earlier_scale(fitted, init) or fresh

    def arrays(self, table: task.Table) -> task.Arrays:
        """Inputs, label, and weights where rows have them."""
        return {**super().arrays(table), **self.weights_of(table)}

    def loss_of(self, outputs: tuple[Tensor, ...], batch: Mapping[str, Tensor]) -> task.Loss:
        """Squared error in units of the spread; rows without a label weigh nothing."""
        value = outputs[0][:, 0]
        truth = (batch[TRUTH] - self.mean) / self.spread
        known = ~truth.isnan()
        if WEIGHT in batch:
            weights = batch[WEIGHT][known]
            return task.Loss((weights * (value - truth)[known] ** 2).sum(), weights.sum())
        return task.Loss(((value - truth)[known] ** 2).sum(), known.sum())

    def predict(self, outputs: task.Arrays, arrays: task.Arrays) -> task.Predictions:
        """The value in the label's own unit."""
        found = outputs["value"][:, 0] * self.spread + self.mean
        truth = [None if np.isnan(one) else float(one) for one in arrays[TRUTH]]
        return task.Predictions(truth, found.tolist(), {"p_0": found})

    def figures(self, outputs: task.Arrays, arrays: task.Arrays) -> dict[str, float]:
        """Root of the mean squared error and R², over the rows whose label is known."""
        known = ~np.isnan(arrays[TRUTH])
        if not known.any():
            return {}
        truth = arrays[TRUTH][known].astype(np.float64)
        weights = arrays[WEIGHT][known].astype(np.float64) if WEIGHT in arrays else None
        found = outputs["value"][:, 0][known] * self.spread + self.mean
        squares = weighing.mean((found - truth) ** 2, weights)
        variance = weighing.mean((truth - weighing.mean(truth, weights)) ** 2, weights)
        return {"rmse": squares**0.5, "r2": 1 - squares / variance if variance else 0.0}

    def spec(self) -> dict[str, Any]:  # JSON
        """How to turn the net's value into the label's unit."""
        return {"labels": [], "output": "value", "scale": {"mean": self.mean, "spread": self.spread}}


def softmax(logits: task.Array) -> task.Array:
    """Probabilities over the last axis."""
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    p: task.Array = raised / raised.sum(-1, keepdims=True)
    return p
