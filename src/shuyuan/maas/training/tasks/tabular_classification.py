"""Find a class from columns of numbers and categories: logistic regression or a multi-layer perceptron."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from shuyuan.maas.training import encoders, options, supervised, tabular, task

if TYPE_CHECKING:
    from torch import nn

    from shuyuan.science.features import Features


class Config(tabular.NetConfig, options.ClassConfig):
    """Options of the trainer, of classes and of the net."""


class TabularClassification(task.Task[Config]):
    """Rows of a table to classes."""

    NAME, CONFIG = "tabular_classification", Config
    KINDS, WEIGHS = tabular.KINDS, True
    TITLE = task.Words("Classify rows of a table", "表格分类")
    WHAT = task.Words(
        "Finds the class of a row from numbers and categories: logistic regression or a neural network.",
        "根据数值与类别列判断每行所属的类别：逻辑回归或神经网络。",
    )

    def example(self, rows: int, seed: int) -> task.Example:
        """Two classes divided by a number and a category."""
        columns, table, value = tabular.example_rows(rows, seed)
        labels = np.where(value > 3, "yes", "no").tolist()
        labels[:2] = ["yes", "no"]  # both are there, however few rows
        label = task.Column("label", "category", "label")
        return task.Example((*columns, label), {**table, "label": labels}, {"rate": 0.03})

    def prepare(
        self, config: Config, columns: Sequence[task.Column], train: task.Table, init: task.Init | None = None
    ) -> RowClasses:
        """Encoders and labels from the training part."""
        self.require_columns(config, columns)
        return RowClasses(config, encoders.fit(columns, train, init, self.KINDS, {"label": "classes"}), train)


class RowClasses(tabular.Grows, supervised.Classes):
    """Rows to classes."""

    def __init__(self, config: Config, fitted: Features, train: task.Table) -> None:
        super().__init__(config, fitted, train)
        self.net_config = config

    def net(self) -> nn.Module:
        """Logistic regression without hidden layers, else a perceptron."""
        return tabular.net_of(self.fitted, len(self.labels), self.net_config)
