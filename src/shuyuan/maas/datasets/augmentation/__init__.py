"""More rows of train from those that are there: one file each, named in `steps.AUGMENT`. Child processes only."""

import importlib
from typing import Any, Protocol

import numpy as np
import polars as pl

from shuyuan.maas.datasets import interface, steps

ADDED = "augmented"  # the column that marks added rows


class Augmentation(Protocol):
    """A module of this folder."""

    KINDS: tuple[interface.Kind, ...]

    def change(self, values: pl.Series, options: Any, random: np.random.Generator, spread: float) -> pl.Series:
        """Other values in place of these; missing ones stay so. spread: the column's standard deviation in train."""
        ...


def module(step: interface.Step) -> Augmentation:
    """The module of a step."""
    found: Augmentation = importlib.import_module(steps.AUGMENT[step.rule].module)
    return found


def columns_of(step: interface.Step, columns: "list[interface.Column]") -> list[str]:
    """The columns a step changes."""
    told, kinds = steps.options(step, steps.AUGMENT).columns, module(step).KINDS
    return [
        one.name
        for one in columns
        if one.kind in kinds and (one.name in told if told is not None else one.role == "feature")
    ]
