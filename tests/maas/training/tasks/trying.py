"""Train a task on a table in this process."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch

from shuyuan.maas.training import loop, task, tasks

torch.set_num_threads(1)


class Tried(NamedTuple):
    """A trained run and how it judges a table."""

    work: task.Work
    trainer: loop.Trainer

    def figures(self, table: task.Table) -> dict[str, float]:
        return self.trainer.evaluate(self.trainer.part(self.work.arrays(table))).figures

    def predictions(self, table: task.Table) -> task.Predictions:
        arrays = self.work.arrays(table)
        return self.work.predict(self.trainer.evaluate(self.trainer.part(arrays)).outputs, arrays)


def trained(
    name: str,
    config: Mapping[str, Any],
    columns: Sequence[task.Column],
    train: task.Table,
    *,
    held: task.Table | None = None,
    init: task.Init | None = None,
    seed: int = 1,
) -> Tried:
    """The whole way from a table to weights."""
    found = tasks.load(name)
    said = found.CONFIG.model_validate(dict(config))
    work = found.prepare(said, columns, train, init)
    validation = None if held is None else work.arrays(held)
    trainer = loop.Trainer(work, said, work.arrays(train), validation, seed=seed, init=init)
    trainer.fit()
    return Tried(work, trainer)


def config(name: str, **said: Any) -> Any:  # Any: of the task's own type, from JSON
    """A checked config."""
    return tasks.load(name).CONFIG.model_validate(said)


def numbers(*names: str, label: str = "") -> tuple[task.Column, ...]:
    """Feature columns of numbers, and a label."""
    found = [task.Column(name, "number", "feature") for name in names]
    return (*found, *([task.Column(label, "category", "label")] if label else []))
