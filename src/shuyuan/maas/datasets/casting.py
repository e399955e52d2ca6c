"""Columns in the type of their kind. What cannot be becomes missing, and is counted. Child processes only."""

import polars as pl

from shuyuan.maas.datasets import interface, schema

_TYPES: dict[interface.Kind, pl.DataType] = {
    "number": pl.Float64(),
    "integer": pl.Int64(),
    "boolean": pl.Boolean(),
    "text": pl.String(),
}
_TRUE, _FALSE = ("true", "yes", "1", "1.0", "是"), ("false", "no", "0", "0.0", "否")


def cast(series: pl.Series, kind: interface.Kind) -> pl.Series:
    """The series in the type of `kind`; values that cannot be are null. Raises WrongColumns where no value could."""
    dtype = series.dtype
    if kind in ("image", "sequence"):
        return _nested(series, kind)
    if isinstance(dtype, pl.Binary | pl.List):
        raise interface.WrongColumns(
            f"column {series.name!r} holds {'bytes' if dtype == pl.Binary else 'lists'}, not {kind}",
            fix=f"make it {'an image' if dtype == pl.Binary else 'a sequence'}",
        )
    if kind == "time":
        return _times(series)
    if kind == "boolean" and dtype != pl.Boolean:
        words = series.cast(pl.String).str.to_lowercase()
        known = pl.when(words.is_in(_TRUE)).then(True).when(words.is_in(_FALSE)).then(False)
        return pl.select(known.alias(series.name)).to_series()
    if kind in ("category", "identifier"):
        return series if dtype in (pl.Int64, pl.String, pl.Boolean) else _words(series)
    wanted = _TYPES[kind]
    if dtype == wanted:
        return series
    if kind == "integer" and dtype in (pl.Float64, pl.String):
        floats = series.cast(pl.Float64, strict=False)
        whole = pl.select(pl.when(floats == floats.round()).then(floats)).to_series().alias(series.name)
        exact = series.cast(pl.Int64, strict=False) if dtype == pl.String else None
        rounded = whole.cast(pl.Int64, strict=False)
        return rounded if exact is None else exact.zip_with(exact.is_not_null(), rounded)
    if wanted == pl.Float64() and isinstance(dtype, pl.Datetime):
        raise interface.WrongColumns(f"column {series.name!r} holds times, not numbers", fix="make it a time")
    found = series.cast(wanted, strict=False)
    return found.set((~found.is_finite()).fill_null(False), None) if wanted == pl.Float64() else found


def _times(series: pl.Series) -> pl.Series:
    if isinstance(series.dtype, pl.Datetime):
        return series
    if series.dtype in (pl.Int64, pl.Float64):  # seconds since 1970
        return (series.cast(pl.Float64) * 1e6).cast(pl.Int64, strict=False).cast(pl.Datetime("us"))
    words = series.cast(pl.String)
    best: pl.Series | None = None
    for form in (*schema.TIME_FORMATS, *schema.ZONED_FORMATS):
        found = schema.parsed(words, form)
        if found is not None:
            best = found if best is None else best.zip_with(best.is_not_null(), found)
    assert best is not None  # at least one format parses, if only to nothing
    return best.alias(series.name)


def _nested(series: pl.Series, kind: interface.Kind) -> pl.Series:
    wanted = pl.Binary if kind == "image" else pl.List
    if isinstance(series.dtype, wanted):
        return series
    if kind == "sequence" and series.dtype == pl.String:
        return series.str.strip_chars().str.split(" ")
    raise interface.WrongColumns(
        f"column {series.name!r} holds {series.dtype}, not {kind}",
        fix="send pictures as bytes or in a zip" if kind == "image" else "send lists, as JSON lines or Parquet",
    )


def _words(series: pl.Series) -> pl.Series:
    """Numbers as the words a person would write: 3, not 3.0."""
    if series.dtype == pl.Float64:
        whole = series.drop_nulls()
        if (whole == whole.round()).all():
            return series.cast(pl.Int64, strict=False)
    return series.cast(pl.String)
