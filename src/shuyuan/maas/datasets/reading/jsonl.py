"""JSON lines: one object a line. Nested objects become columns `outer.inner`; what is nested deeper stays JSON text."""

import json
from pathlib import Path
from typing import Any

import polars as pl

from shuyuan.maas.datasets import findings, interface
from shuyuan.maas.datasets.bounds import Bounds
from shuyuan.maas.datasets.reading import lines


def read(
    path: Path, told: interface.NewDataSet, bounds: Bounds, work_dir: Path, key: bytes
) -> tuple[pl.DataFrame, list[interface.Finding]]:
    """See Reader.read."""
    plain = work_dir / "plain.jsonl"
    encoding = lines.plain(path, plain, bounds, told.encoding)
    frame = _fast(plain)
    if frame is None:
        frame = table(_objects(plain), bounds)
    plain.unlink()
    if not frame.height or not frame.width:
        raise interface.EmptyData("the file has no rows", fix="send one JSON object a line")
    return frame, [
        findings.found(
            "read", ("read_text", {"format": "jsonl", "encoding": encoding}), count=frame.height, action="read"
        )
    ]


def table(rows: "list[dict[str, Any]]", bounds: Bounds) -> pl.DataFrame:
    """Rows as columns. A column of several types is text, so that nothing is lost.  Any: JSON."""
    names = dict.fromkeys(name for row in rows for name in row)
    if len(names) > bounds.max_columns:
        raise interface.WrongColumns(f"there are {len(names):,} columns", fix=f"give at most {bounds.max_columns:,}")
    return pl.DataFrame({name: _series(name, [row.get(name) for row in rows]) for name in names})


def flat(said: "dict[str, Any]") -> "dict[str, Any]":
    """One level of nesting as names with a dot.  Any: JSON."""
    found: dict[str, Any] = {}
    for name, value in said.items():
        if isinstance(value, dict):
            found |= {f"{name}.{inner}": _scalar(deep) for inner, deep in value.items()}
        else:
            found[name] = _scalar(value)
    return found


def _fast(path: Path) -> pl.DataFrame | None:
    """By polars, where every value of a column is of one plain type."""
    try:
        frame = pl.read_ndjson(path, infer_schema_length=None)
    except pl.exceptions.PolarsError:
        return None
    plain = (pl.Int64, pl.Float64, pl.Boolean, pl.String, pl.Null)
    return frame if all(dtype in plain for dtype in frame.dtypes) else None


def _objects(path: Path) -> "list[dict[str, Any]]":
    rows = []
    with path.open(encoding="utf-8") as text:
        for number, line in enumerate(text, start=1):
            if not line.strip():
                continue
            try:
                said = json.loads(line)
            except (ValueError, RecursionError) as wrong:
                raise interface.BadData(f"line {number} is not JSON: {wrong}", fix=f"mend line {number}") from wrong
            if not isinstance(said, dict):
                raise interface.BadData(f"line {number} is no JSON object", fix='write {"column": value}')
            rows.append(flat(said))
    return rows


def _scalar(value: Any) -> Any:  # Any: JSON
    if isinstance(value, list) and all(isinstance(one, str | int) and not isinstance(one, bool) for one in value):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True) if isinstance(value, list | dict) else value


def _series(name: str, values: "list[Any]") -> pl.Series:
    kinds = {type(value) for value in values if value is not None}
    if list in kinds:
        if kinds != {list}:
            raise interface.WrongColumns(f"column {name!r} has lists and single values", fix="give lists in every row")
        inner = {type(one) for value in values if value for one in value}
        if inner != {int}:
            values = [value and [str(one) for one in value] for value in values]
        return pl.Series(name, values, pl.List(pl.Int64 if inner == {int} else pl.String))
    if kinds <= {int, float} and float in kinds:
        return pl.Series(name, [value if value is None else float(value) for value in values], pl.Float64)
    if len(kinds) > 1 or (int in kinds and any(value is not None and abs(value) >= 2**63 for value in values)):
        return pl.Series(name, [value if value is None else _text(value) for value in values], pl.String)
    return pl.Series(name, values)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
