"""Groups of rows that lie close together: k-means over the encoded columns. A label column is only compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from shuyuan.maas.training import encoders, options, supervised, task
from shuyuan.maas.training.encoders import TRUTH

if TYPE_CHECKING:
    from torch import Tensor, nn

    from shuyuan.science.features import Features

KINDS = ("number", "integer", "boolean", "category", "time", "text")


class Config(options.Config):
    """How many groups, and how they are looked for."""

    clusters: int = Field(8, ge=2, le=1_000, description="How many groups")
    epochs: int = Field(20, ge=1, le=10_000, description="Passes over the training part")
    optimiser: options.Optimiser = Field("gd", description="gd with rate 1 is Lloyd's algorithm; sgd takes batches")
    rate: float = Field(1.0, gt=0, le=1, description="How far a centre moves to the mean of its rows in one step")


class Clustering(task.Task[Config]):
    """Rows to groups."""

    NAME, CONFIG = "clustering", Config
    KINDS, FINDS = KINDS, "nothing"
    OVERFITS = None  # there is nothing to be right about
    TITLE = task.Words("Find groups of rows", "聚类")
    WHAT = task.Words(
        "Finds groups of rows that lie close together (k-means); no label is needed.",
        "找出彼此相近的行所成的群组（k-means），无需标签。",
    )

    def example(self, rows: int, seed: int) -> task.Example:
        """Three clouds."""
        rng = np.random.default_rng(seed)
        group = np.arange(rows) % 3
        table = {"x": group * 4 + rng.normal(size=rows), "y": (group == 1) * 5 + rng.normal(size=rows)}
        columns = tuple(task.Column(name, "number", "feature") for name in table)
        label = task.Column("group", "category", "label")
        return task.Example((*columns, label), {**table, "group": [f"g{n}" for n in group]}, {"clusters": 3})

    def prepare(
        self, config: Config, columns: Sequence[task.Column], train: task.Table, init: task.Init | None = None
    ) -> Groups:
        """Encoders of the feature columns."""
        self.require_columns(config, columns)
        fitted = encoders.fit(columns, train, init, self.KINDS, {"text_buckets": 256, "label": "classes"})
        require_dense(fitted)
        if encoders.rows(train) < config.clusters:
            found = f"{encoders.rows(train)} rows cannot make {config.clusters} groups"
            raise task.BadTraining(found, fix="ask for fewer clusters, or add rows")
        return Groups(config, fitted, seeded=init is not None)


class Groups(supervised.Encoded):
    """k-means on the joined columns."""

    OUTPUTS = ("distances",)

    def __init__(self, config: Config, fitted: Features, *, seeded: bool) -> None:
        super().__init__(fitted)
        self.config, self._seeded = config, seeded

    def net(self) -> nn.Module:
        """Centres, seeded on the data before the first epoch."""
        from shuyuan.science.nets import groups

        return groups.Centres(self.config.clusters, self.fitted.inputs[0].shape[0])

    def begin_epoch(self, net: nn.Module, epoch: int, arrays: Mapping[str, Tensor]) -> None:
        """k-means++, unless the centres come from an earlier version."""
        import torch

        from shuyuan.science.nets import groups

        if epoch == 0 and not self._seeded:
            with torch.no_grad():
                next(net.parameters()).copy_(groups.seeds(arrays[self.INPUTS[0]], self.config.clusters))

    def loss_of(self, outputs: tuple[Tensor, ...], batch: Mapping[str, Tensor]) -> task.Loss:
        """Squared distance to the nearest centre."""
        from shuyuan.science.nets import groups

        return task.Loss(groups.error(outputs[0]), len(outputs[0]))

    def predict(self, outputs: task.Arrays, arrays: task.Arrays) -> task.Predictions:
        """The nearest centre and how far it is."""
        distances = outputs["distances"]
        found = [str(n) for n in distances.argmin(1)]
        return task.Predictions(self._truth(arrays), found, {"distance": np.sqrt(distances.min(1))})

    def figures(self, outputs: task.Arrays, arrays: task.Arrays) -> dict[str, float]:
        """How tight and how far apart the groups are; with a label also how far they agree with it."""
        distances = np.sqrt(outputs["distances"])
        two = np.partition(distances, 1, axis=1)[:, :2]
        counts = np.bincount(distances.argmin(1), minlength=self.config.clusters)
        found = {
            "separation": float((1 - two[:, 0] / np.maximum(two[:, 1], 1e-12)).mean()),  # the simplified silhouette
            "smallest_share": float(counts.min() / counts.sum()),
        }
        known = arrays[TRUTH] >= 0 if TRUTH in arrays else np.zeros(0, bool)
        if not known.any():
            return found
        return {**found, "purity": purity(distances.argmin(1)[known], arrays[TRUTH][known])}

    def spec(self) -> dict[str, Any]:  # JSON
        """Groups are named by number; the nearest is the smallest distance."""
        return {"labels": [str(n) for n in range(self.config.clusters)], "output": "distances", "choose": "smallest"}

    def _truth(self, arrays: task.Arrays) -> list[str | None]:
        if TRUTH not in arrays:
            return [None] * len(arrays[self.INPUTS[0]])
        return [self.fitted.labels[n] if n >= 0 else None for n in arrays[TRUTH]]


def purity(found: task.Array, truth: task.Array) -> float:
    """Share of rows whose label is the most frequent one of their group.

    >>> purity(np.array([0, 0, 0, 1]), np.array([2, 2, 1, 1]))
    0.75
    """
    table = np.zeros((found.max() + 1, truth.max() + 1))
    np.add.at(table, (found, truth), 1)
    return float(table.max(1).sum() / len(truth))


def require_dense(fitted: Features) -> None:
    """All columns join into one input of numbers. Raises BadTraining."""
    if [one.dtype for one in fitted.inputs] != ["float32"]:
        wrong = next(one.name for one in fitted.inputs if one.dtype != "float32")
        raise task.BadTraining(f"column {wrong!r} cannot be read as numbers here", fix="give it the role 'ignore'")
