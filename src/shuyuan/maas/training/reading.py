"""Parquet parts as columns a task can read. Child processes only: this is where polars comes in."""

from collections.abc import Sequence
from pathlib import Path

import polars

from shuyuan.maas.training import task


def table(path: Path, columns: Sequence[task.Column]) -> task.Table:
    """The columns that have a role: numbers as arrays (NaN where missing), the rest as lists. Raises BadTraining."""
    wanted = [column.name for column in columns if column.role != "ignore"]
    if not wanted:
        raise task.BadTraining("no column is to be read", fix="give columns the roles 'feature' and 'label'")
    try:
        frame = polars.read_parquet(path, columns=wanted)
    except (polars.exceptions.PolarsError, OSError) as wrong:
        raise task.BadTraining(
            f"{path.name} cannot be read: {wrong}"[:400], fix="prepare the data set again", code="bad_data"
        ) from wrong
    return {name: _column(frame[name]) for name in wanted}


def _column(series: polars.Series) -> task.Array | list[object]:
    kind = series.dtype
    if kind.is_float() or (kind.is_integer() and series.null_count()):
        return series.cast(polars.Float64).fill_null(float("nan")).to_numpy()
    if kind.is_integer() or kind in (polars.Date, polars.Datetime):
        return series.to_numpy()
    return series.to_list()
