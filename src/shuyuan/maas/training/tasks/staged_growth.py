"""Grow a net in stages: few weights first, then more, each larger net beginning as one that computes the same.

Early epochs are cheap and find the coarse shape; the wider and deeper nets that follow refine it. It is tabular
classification with its option `growth` filled in, so that growing is one choice in a list.
"""

from pydantic import Field

from shuyuan.maas.training import tabular, task
from shuyuan.maas.training.tasks import tabular_classification


class Config(tabular_classification.Config):
    """How large it is, and when."""

    epochs: int = Field(30, ge=1, le=10_000, description="Passes over the training part, all stages together")
    hidden: tabular.Hidden = Field((8,), min_length=1, max_length=8, description="Widths of the first, smallest net")
    growth: tuple[tabular.Stage, ...] = Field(
        (tabular.Stage(epoch=8, hidden=(32,)), tabular.Stage(epoch=16, hidden=(64, 64))),
        max_length=8,
        description="Widths from which epoch on: no layer narrower, none fewer",
    )


class StagedGrowth(tabular_classification.TabularClassification):
    """Rows of a table to classes, with a net that grows."""

    NAME, CONFIG = "staged_growth", Config
    TITLE = task.Words("Grow a net in stages", "分阶段增长的网络")
    WHAT = task.Words(
        "Begins with few parameters and grows the network in stages without losing what it has learned.",
        "从少量参数开始训练，分阶段扩大网络，同时保留已学到的内容。",
    )
