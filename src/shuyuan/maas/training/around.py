"""A work around another work: everything is handed on, and a subclass changes what it is there for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from shuyuan.maas.training import supervised, task

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

Base = Literal["tabular_classification", "text_classification", "image_classification", "sequence_classification"]


def prepared(
    name: str,
    said: Mapping[str, Any],
    own: Any,
    columns: Sequence[task.Column],
    train: task.Table,
    init: task.Init | None,
) -> supervised.Classes:  # own: the config of the task around it; said: JSON
    """The inner work. Options that both have are those of the task around. Raises BadTraining."""
    inner, config = _inner(name, said, own)
    work = inner.prepare(config, columns, train, init)
    if not isinstance(work, supervised.Classes):
        raise task.BadTraining(f"task {name} finds no classes", fix="use one that does, such as tabular_classification")
    if work.stages():
        raise task.BadTraining("the net inside cannot grow here", fix="leave growth empty, or use the base task itself")
    return work


def require_columns(name: str, said: Mapping[str, Any], own: Any, columns: Sequence[task.Column]) -> None:
    """What the inner task asks of columns; own and said as for `prepared`. Raises BadTraining."""
    inner, config = _inner(name, said, own)
    inner.require_columns(config, columns)


def _inner(name: str, said: Mapping[str, Any], own: Any) -> tuple[task.Task[Any], Any]:  # as for `prepared`
    """The task inside, and its config."""
    from shuyuan.maas.training import job, tasks

    inner = tasks.load(name)
    shared = {
        key: value for key, value in own.model_dump().items() if key in inner.CONFIG.model_fields and key != "init"
    }
    return inner, job.config_of(inner, {**shared, **said})


class Around(task.Work):
    """Hands everything on to `inner`."""

    def __init__(self, inner: supervised.Classes) -> None:
        self.inner = inner
        self.INPUTS, self.OUTPUTS, self.SELECT = inner.INPUTS, inner.OUTPUTS, inner.SELECT

    def arrays(self, table: task.Table) -> task.Arrays:
        return self.inner.arrays(table)

    def weigh(self, column: str) -> None:
        self.inner.weigh(column)

    def net(self) -> nn.Module:
        return self.inner.net()

    def loss_of(self, outputs: tuple[Tensor, ...], batch: Mapping[str, Tensor]) -> task.Loss:
        return self.inner.loss_of(outputs, batch)

    def loss(self, net: nn.Module, batch: Mapping[str, Tensor]) -> task.Loss:
        return self.inner.loss(net, batch)

    def outputs(self, net: nn.Module, batch: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        return self.inner.outputs(net, batch)

    def predict(self, outputs: task.Arrays, arrays: task.Arrays) -> task.Predictions:
        return self.inner.predict(outputs, arrays)

    def figures(self, outputs: task.Arrays, arrays: task.Arrays) -> dict[str, float]:
        return self.inner.figures(outputs, arrays)

    def spec(self) -> dict[str, Any]:  # JSON
        return self.inner.spec()

    def features(self) -> Mapping[str, Any] | None:  # JSON
        return self.inner.features()

    def batch(self, arrays: Mapping[str, Tensor], rows: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
        return self.inner.batch(arrays, rows, rng)

    def row_weights(self, arrays: task.Arrays) -> task.Array | None:
        return self.inner.row_weights(arrays)

    def begin_epoch(self, net: nn.Module, epoch: int, arrays: Mapping[str, Tensor]) -> Mapping[str, Tensor] | None:
        return self.inner.begin_epoch(net, epoch, arrays)

    def start(self, net: nn.Module, init: task.Init) -> None:
        self.inner.start(net, init)

    def export(self, net: nn.Module, arrays: task.Arrays, out: Path) -> dict[str, Any]:  # JSON
        return self.inner.export(net, arrays, out)
