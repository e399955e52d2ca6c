"""Numbers a little off: normal noise of a share of the column's own spread."""

import numpy as np
import polars as pl

from shuyuan.maas.datasets import interface, steps

KINDS: tuple[interface.Kind, ...] = ("number",)


def change(values: pl.Series, options: steps.AugmentNoise, random: np.random.Generator, spread: float) -> pl.Series:
    """See Augmentation.change."""
    return values + pl.Series(random.normal(0.0, options.scale * spread, len(values)))
