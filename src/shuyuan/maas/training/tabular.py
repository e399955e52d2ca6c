"""What the tabular tasks share: options of the net, the net itself, its growth, example rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from shuyuan.maas.training import task

if TYPE_CHECKING:
    from torch import nn

    from shuyuan.science.features import Features

KINDS = ("number", "integer", "boolean", "category", "identifier", "time", "text")
Hidden = tuple[int, ...]
_WIDEST = 4_096


class Stage(BaseModel):
    """One growth of the net."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epoch: int = Field(ge=1, le=10_000, description="Before which epoch, counted from 0")
    hidden: Hidden = Field(min_length=1, max_length=8, description="Widths from then on: no layer narrower, none fewer")


class NetConfig(BaseModel):
    """Hidden layers, and how they grow."""

    hidden: Hidden = Field((64,), max_length=8, description="Width of each hidden layer; none: a linear model")
    dropout: float = Field(0.0, ge=0, lt=1, description="Share of hidden units left out in each step")
    growth: tuple[Stage, ...] = Field((), max_length=8, description="Begin small, grow later; what is learned is kept")

    @model_validator(mode="after")
    def _grows(self) -> NetConfig:
        before, at = self.hidden, 0
        if any(not 1 <= width <= _WIDEST for one in (self.hidden, *(s.hidden for s in self.growth)) for width in one):
            raise ValueError(f"a hidden layer has 1 to {_WIDEST} units")
        for stage in self.growth:
            narrower = any(new < old for new, old in zip(stage.hidden, before, strict=False))
            if not before or stage.epoch <= at or narrower or len(stage.hidden) < len(before):
                raise ValueError(f"growth to {stage.hidden} before epoch {stage.epoch} does not follow {before}")
            before, at = stage.hidden, stage.epoch
        return self


class Grows:
    """The growth of a work whose net has linear layers."""

    net_config: NetConfig

    def stages(self) -> Sequence[int]:
        """Epochs before which the net grows."""
        return [stage.epoch for stage in self.net_config.growth]

    def grow(self, net: Any, stage: int) -> nn.Module:  # a Tabular net
        """The same function in a larger net."""
        from shuyuan.science.nets import growth

        made: nn.Module = growth.grown(net, self.net_config.growth[stage].hidden)
        return made


def net_of(fitted: Features, outputs: int, config: NetConfig) -> nn.Module:
    """Linear layers over the joined columns and an embedding of each identifier."""
    from shuyuan.science.nets import tabular
    from shuyuan.science.nets.described.tabular import Tabular

    dense = sum(one.shape[0] for one in fitted.inputs if one.dtype == "float32")
    sizes = tuple(fitted.sizes[one.name] for one in fitted.inputs if one.dtype == "int64")
    widths = tuple(min(32, round(1.6 * size**0.56)) for size in sizes)  # fastai's rule of thumb
    return tabular.Tabular(Tabular(outputs, dense, sizes, widths, config.hidden), config.dropout)


def example_rows(rows: int, seed: int) -> tuple[tuple[task.Column, ...], task.Table, task.Array]:
    """Columns of numbers, categories and identifiers, and a number that follows from the first two."""
    rng = np.random.default_rng(seed)
    number, category = rng.normal(size=rows), rng.integers(1, 6, rows)
    table = {
        "number": number,
        "category": ["a" * int(size) for size in category],
        "school": rng.choice(["s1", "s2", "s3"], rows).tolist(),
    }
    kinds = {"number": "number", "category": "category", "school": "identifier"}
    columns = tuple(task.Column(name, kind, "feature") for name, kind in kinds.items())
    return columns, table, number + category
