"""Find the class of a sequence of items (answers, clicks, words): plain recurrent, LSTM, GRU or Transformer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from shuyuan.maas.training import columns as asked
from shuyuan.maas.training import encoders, options, supervised, task

if TYPE_CHECKING:
    from torch import nn

    from shuyuan.science.features import Features


class Config(options.ClassConfig):
    """What the net looks like, and how much of a sequence it sees."""

    net: Literal["rnn", "lstm", "gru", "transformer"] = Field("gru", description="How items are read one after another")
    width: int = Field(32, ge=4, le=1024, description="Width of an item's embedding; of every layer of a Transformer")
    hidden: int = Field(64, ge=4, le=4096, description="Width of a recurrent state")
    layers: int = Field(1, ge=1, le=8, description="Layers over each other")
    heads: int = Field(4, ge=1, le=16, description="Transformer: heads of attention; they share the width")
    length: int = Field(
        0, ge=0, le=4096, description="Items read; 0: as many as the longest sequence of train, at most 512"
    )
    keep: Literal["first", "last"] = Field("last", description="Which items of a longer sequence are read")
    dropout: float = Field(0.0, ge=0, lt=1, description="Share of values left out in each step")


class SequenceClassification(task.Task[Config]):
    """Sequences to classes."""

    NAME, CONFIG = "sequence_classification", Config
    KINDS, WEIGHS = ("sequence",), True
    TITLE = task.Words("Classify sequences", "序列分类")
    WHAT = task.Words(
        "Finds the class of a sequence of items with a recurrent network (plain, LSTM, GRU) or a Transformer.",
        "用循环网络（RNN、LSTM、GRU）或 Transformer 判断序列所属的类别。",
    )

    def example(self, rows: int, seed: int) -> task.Example:
        """Does a sequence end with an item of the first half?"""
        rng = np.random.default_rng(seed)
        items = [rng.choice(list("abcdef"), rng.integers(2, 7)).tolist() for _ in range(rows)]
        labels = ["early" if one[-1] in "abc" else "late" for one in items]
        items[:2], labels[:2] = [["a", "b"], ["a", "f"]], ["early", "late"]
        columns = (task.Column("items", "sequence", "feature"), task.Column("label", "category", "label"))
        return task.Example(columns, {"items": items, "label": labels}, {"rate": 0.03, "width": 8, "hidden": 16})

    def prepare(
        self, config: Config, columns: Sequence[task.Column], train: task.Table, init: task.Init | None = None
    ) -> SequenceClasses:
        """Items and labels from the training part."""
        self.require_columns(config, columns)
        if config.net == "transformer" and config.width % config.heads:
            raise task.BadTraining(
                f"width {config.width} does not divide by heads {config.heads}", fix="change one of them"
            )
        options = {"label": "classes", "sequence_length": config.length or None, "sequence_keep": config.keep}
        fitted = encoders.fit(columns, train, init, self.KINDS, options)
        return SequenceClasses(config, fitted, train)

    def require_columns(self, config: Config, columns: Sequence[task.Column]) -> None:
        """One sequence a row."""
        super().require_columns(config, columns)
        if len(asked.features(columns)) > 1:
            raise task.BadTraining("more than one column of sequences", fix="give the role 'feature' to one of them")


class SequenceClasses(supervised.Classes):
    """Sequences to classes."""

    def __init__(self, config: Config, fitted: Features, train: task.Table) -> None:
        super().__init__(config, fitted, train)
        self.config = config

    def net(self) -> nn.Module:
        """As the config says."""
        from shuyuan.science.nets import recurrent, transformer
        from shuyuan.science.nets.described.recurrent import Recurrent
        from shuyuan.science.nets.described.transformer import Transformer

        config, items = self.config, self.fitted.inputs[0]
        vocabulary, length, classes = self.fitted.sizes[items.name], items.shape[0], len(self.labels)
        if config.net == "transformer":
            shape = Transformer(vocabulary, length, classes, config.width, config.heads, config.layers)
            return transformer.Transformer(shape, config.dropout)
        cells = Recurrent(vocabulary, length, classes, config.width, config.hidden, config.layers, config.net)
        return recurrent.Recurrent(cells, config.dropout)
