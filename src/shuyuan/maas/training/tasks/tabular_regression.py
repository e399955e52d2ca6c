"""Find a number from columns of numbers and categories: linear regression or a multi-layer perceptron."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shuyuan.maas.training import encoders, options, supervised, tabular, task

if TYPE_CHECKING:
    from torch import nn

    from shuyuan.science.features import Features


class Config(tabular.NetConfig, options.Config):
    """Options of the trainer and of the net."""


class TabularRegression(task.Task[Config]):
    """Rows of a table to a number."""

    NAME, CONFIG = "tabular_regression", Config
    KINDS, FINDS, WEIGHS = tabular.KINDS, "number", True
    TITLE = task.Words("Estimate a number from a row of a table", "表格回归")
    WHAT = task.Words(
        "Estimates a number from numbers and categories: linear regression or a neural network.",
        "根据数值与类别列估计一个数：线性回归或神经网络。",
    )

    def example(self, rows: int, seed: int) -> task.Example:
        """A number that adds up from two columns."""
        columns, table, value = tabular.example_rows(rows, seed)
        label = task.Column("label", "number", "label")
        return task.Example((*columns, label), {**table, "label": value}, {"rate": 0.03})

    def prepare(
        self, config: Config, columns: Sequence[task.Column], train: task.Table, init: task.Init | None = None
    ) -> RowValues:
        """Encoders, and mean and spread of the label, from the training part."""
        self.require_columns(config, columns)
        return RowValues(config, encoders.fit(columns, train, init, self.KINDS, {"label": "value"}), train, init)


class RowValues(tabular.Grows, supervised.Values):
    """Rows to a number."""

    def __init__(self, config: Config, fitted: Features, train: task.Table, init: task.Init | None) -> None:
        super().__init__(fitted, train, init)
        self.net_config = config

    def net(self) -> nn.Module:
        """Linear regression without hidden layers, else a perceptron."""
        return tabular.net_of(self.fitted, 1, self.net_config)
