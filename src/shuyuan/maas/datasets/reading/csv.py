"""CSV: header first, any of four delimiters, quoted or not. Everything is read as text; kinds are inferred later."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from shuyuan.maas.datasets import findings, interface
from shuyuan.maas.datasets.bounds import Bounds
from shuyuan.maas.datasets.reading import lines

DELIMITERS = (",", "\t", ";", "|")
_LOOKED_AT = 50  # lines, to find the delimiter


def read(
    path: Path, told: interface.NewDataSet, bounds: Bounds, work_dir: Path, key: bytes
) -> tuple[pl.DataFrame, list[interface.Finding]]:
    """See Reader.read."""
    with _cells_of(bounds.max_line_bytes):
        return _read(path, told, bounds, work_dir / "plain.csv")


@contextmanager
def _cells_of(most_bytes: int) -> Iterator[None]:
    """No cell is longer than its line may be; the limit is one of the whole process, so it is put back."""
    before = csv.field_size_limit(most_bytes)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _read(
    path: Path, told: interface.NewDataSet, bounds: Bounds, plain: Path
) -> tuple[pl.DataFrame, list[interface.Finding]]:
    encoding = lines.plain(path, plain, bounds, told.encoding)
    delimiter = told.delimiter or find_delimiter(plain)
    quoted = is_quoted(plain, delimiter)
    header = check_header(_header(plain, delimiter, quoted), bounds)
    frame = _rows(plain, delimiter, header, quoted)
    plain.unlink()
    values = {"format": "csv", "encoding": encoding, "delimiter": delimiter}
    said = ("read_table" if quoted else "read_unquoted", values)
    return frame, [findings.found("read", said, count=frame.height, action="read")]


def find_delimiter(path: Path) -> str:
    """The one that cuts the first lines into the most columns, all lines alike; a comma for a single column."""
    with path.open(encoding="utf-8", newline="") as text:
        sample = [line for _, line in zip(range(_LOOKED_AT), text, strict=False)]
    widths = {one: [len(row) for row in csv.reader(sample, delimiter=one)] for one in DELIMITERS}
    alike = {one: min(width) for one, width in widths.items() if width and min(width) == max(width)}
    best = max(alike, key=alike.__getitem__, default=None)
    if best is None or alike[best] < 2:
        best = max(DELIMITERS, key=lambda one: widths[one][0] if widths[one] else 0)
    return best if widths[best] and widths[best][0] > 1 else ","


def check_header(names: list[str], bounds: Bounds) -> list[str]:
    """Names without spaces around. Raises WrongColumns for empty or repeated ones, and for too many."""
    cleaned = [name.strip() for name in names]
    if len(cleaned) > bounds.max_columns:
        raise interface.WrongColumns(
            f"there are {len(cleaned):,} columns, at most {bounds.max_columns:,} are read", fix="leave some out"
        )
    for place, name in enumerate(cleaned, start=1):
        if not name:
            raise interface.WrongColumns(
                f"column {place} has no name", fix="give every column a name in the first line"
            )
        if cleaned.index(name) != place - 1:
            raise interface.WrongColumns(f"two columns are called {name!r}", fix="give every column a name of its own")
    return cleaned


def is_quoted(path: Path, delimiter: str) -> bool:
    """Whether quotation marks hold cells together. Not in a file whose lines all have as many delimiters as the first,
    if it is cut by tabs or its marks do not pair: there they are part of the text."""
    mark, cut = b'"', delimiter.encode()
    with path.open("rb") as content:
        first = content.readline()
        if mark in first:
            return True
        wanted, odd = first.count(cut), False
        for line in content:
            if line.count(cut) != wanted and line.strip():
                return True
            odd = odd or line.count(mark) % 2 == 1
    return not (odd or delimiter == "\t")


def _header(path: Path, delimiter: str, quoted: bool) -> list[str]:
    with path.open(encoding="utf-8", newline="") as text:
        return next(csv.reader(text, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE), [])


def _rows(path: Path, delimiter: str, header: list[str], quoted: bool) -> pl.DataFrame:
    mark = '"' if quoted else None
    try:
        frame = pl.read_csv(
            path, separator=delimiter, quote_char=mark, infer_schema=False, has_header=False, new_columns=header
        ).slice(1)
    except pl.exceptions.PolarsError as wrong:
        line, said = _first_fault(path, delimiter, len(header))
        raise interface.WrongColumns(said, fix=f"mend line {line}") from wrong
    if not frame.height:
        raise interface.EmptyData("the file has a header and no rows", fix="send a file with rows")
    if frame.width != len(header):
        line, said = _first_fault(path, delimiter, len(header))
        raise interface.WrongColumns(said, fix=f"mend line {line}")
    return _without_empty_lines(frame, path, delimiter, quoted)


def _without_empty_lines(frame: pl.DataFrame, path: Path, delimiter: str, quoted: bool) -> pl.DataFrame:
    """The rows that hold anything, unless the table has one column. Raises WrongColumns for a row that is too short."""
    if frame.width < 2 or not frame[:, -1].null_count():
        return frame
    if quoted:  # else every line has as many delimiters as the first
        _require_whole(frame, path, delimiter)
    filled = frame.filter(~pl.all_horizontal(pl.all().is_null()))
    if not filled.height:
        raise interface.EmptyData("no row of the file holds anything", fix="send a file with rows")
    return filled


def _require_whole(frame: pl.DataFrame, path: Path, delimiter: str) -> None:
    """The reader fills short rows up without a word. Where the two cut lines differently, nothing is said."""
    ends = frame[:, -1].is_null()
    with path.open(encoding="utf-8", newline="") as text:
        rows = csv.reader(text, delimiter=delimiter)
        next(rows, None)
        for row, is_open in zip(rows, ends, strict=False):
            if row and is_open and len(row) < frame.width:
                said = f"line {rows.line_num} has {len(row)} fields, the header has {frame.width}"
                raise interface.WrongColumns(said, fix=f"mend line {rows.line_num}")


def _first_fault(path: Path, delimiter: str, width: int) -> tuple[int, str]:
    """The first line with more fields than the header."""
    with path.open(encoding="utf-8", newline="") as text:
        rows = csv.reader(text, delimiter=delimiter)
        try:
            for row in rows:
                if len(row) > width:
                    return rows.line_num, f"line {rows.line_num} has {len(row)} fields, the header has {width}"
        except csv.Error as wrong:
            return rows.line_num, f"line {rows.line_num}: {wrong}"
    return rows.line_num, "a quotation mark is not closed"
