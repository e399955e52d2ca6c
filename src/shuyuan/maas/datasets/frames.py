"""Parquet parts as columns, for child processes of any room that works on tables. The server never imports this.

Columns come as `science.features` reads them: numbers as float64 or int64 arrays (NaN for what is missing), times as
datetime64, words, texts, pictures (bytes) and sequences (lists) as lists with None.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

Columns = dict[str, "list[Any] | NDArray[Any]"]  # Any: what the table holds


def read(path: Path, names: Sequence[str] | None = None) -> Columns:
    """The named columns (None: all) of a part. Raises ColumnNotFoundError of polars."""
    return columns(pl.read_parquet(path, columns=None if names is None else list(names)))


def columns(frame: pl.DataFrame) -> Columns:
    """A frame as columns."""
    return {series.name: _column(series) for series in frame}


def write(path: Path, table: Mapping[str, Sequence[Any] | NDArray[Any]]) -> None:
    """Columns as a Parquet file, the same bytes for the same content. A 2-D array becomes a column of lists."""
    pl.DataFrame({name: _series(name, values) for name, values in table.items()}).write_parquet(
        path, compression="zstd", compression_level=3, statistics=False, row_group_size=1 << 20
    )


def _series(name: str, values: Sequence[Any] | NDArray[Any]) -> pl.Series:
    if isinstance(values, np.ndarray) and values.dtype == object:
        return pl.Series(name, values.tolist())
    return pl.Series(name, values)


def _column(series: pl.Series) -> "list[Any] | NDArray[Any]":
    kind = series.dtype
    if kind.is_integer() and not series.null_count():
        return series.to_numpy()
    if kind.is_numeric():
        return series.cast(pl.Float64).to_numpy()
    if kind == pl.Datetime:
        return series.to_numpy()
    return series.to_list()
