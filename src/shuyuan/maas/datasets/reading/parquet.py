"""Parquet: plain columns, lists of them, and bytes. What it says of itself is looked at before anything is unpacked."""

from pathlib import Path

import polars as pl

from shuyuan.maas.datasets import findings, interface
from shuyuan.maas.datasets.bounds import Bounds


def read(
    path: Path, told: interface.NewDataSet, bounds: Bounds, work_dir: Path, key: bytes
) -> tuple[pl.DataFrame, list[interface.Finding]]:
    """See Reader.read."""
    try:
        scan = pl.scan_parquet(path)
        schema = scan.collect_schema()
        rows = scan.select(pl.len()).collect().item()
        _check(schema, rows, bounds)
        frame = scan.collect()
    except (pl.exceptions.PolarsError, OSError) as wrong:
        raise interface.BadData(f"the Parquet file does not open: {wrong}"[:300], fix="write it again") from wrong
    plain = frame.with_columns(_plain(name, dtype) for name, dtype in schema.items())
    return plain, [findings.found("read", ("read", {"format": "parquet"}), count=rows, action="read")]


def _check(schema: pl.Schema, rows: int, bounds: Bounds) -> None:
    if not rows or not schema:
        raise interface.EmptyData("the file has no rows", fix="send a file with rows")
    if rows > bounds.max_rows or rows * len(schema) > bounds.max_cells or len(schema) > bounds.max_columns:
        raise interface.HostileArchive(
            f"the file claims {rows:,} rows and {len(schema):,} columns, {rows * len(schema):,} cells",
            fix=f"send at most {bounds.max_rows:,} rows, {bounds.max_columns:,} columns, {bounds.max_cells:,} cells",
        )


def _plain(name: str, dtype: pl.DataType) -> pl.Expr:
    """The column as one of the few types of this room. Raises WrongColumns."""
    column = pl.col(name)
    if dtype.is_float() or dtype.is_decimal():
        return column.cast(pl.Float64)
    if dtype.is_integer():
        return column.cast(pl.Int64, strict=False)
    if isinstance(dtype, pl.Datetime):
        moment = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if dtype.time_zone else column
        return moment.cast(pl.Datetime("us"))
    if dtype == pl.Date:
        return column.cast(pl.Datetime("us"))
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return column.cast(pl.String)
    if dtype in (pl.String, pl.Boolean, pl.Binary, pl.Null):
        return column
    if isinstance(dtype, pl.List | pl.Array) and isinstance(dtype.inner, pl.DataType):
        inner = dtype.inner
        if inner.is_integer() or inner == pl.String:
            return column.cast(pl.List(pl.String if inner == pl.String else pl.Int64))
        if inner.is_float():
            return column.cast(pl.List(pl.Float64))
    raise interface.WrongColumns(
        f"column {name!r} is of type {dtype}", fix="make it a number, text, time, bytes or a list"
    )
