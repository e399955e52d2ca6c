"""What is answered: tables and picture files as rows. Part of `run.py`, which says what may be given.

A picture is read when its row is answered: a folder or a zip of ten thousand of them is never in memory at once.
"""

import base64
import csv
import functools
import io
import json
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif")
MAX_ROWS, MAX_PICTURE_BYTES = 1_000_000, 50_000_000
Row = dict[str, Any]  # Any: whatever a cell holds
Cell = Callable[[], bytes]


class Refused(Exception):
    """Something a person can mend; the message says how."""


def rows_of(given: Sequence[str], columns: Sequence[str], picture: str | None) -> tuple[list[str], list[Row]]:
    """Rows of one table, or a row for each picture and its name. Raises Refused.

    columns: what the model reads.  picture: the one that holds pictures; None: the model reads none.
    """
    paths = [Path(one) for one in given]
    for path in paths:
        if given[0] != "-" and not path.exists():
            raise Refused(f"there is no file {str(path)!r} here; name a table or pictures of this computer")
    if given[0] == "-" or not _is_picture(paths[0]):
        if len(given) > 1:
            raise Refused(f"{len(given)} files, and {given[0]!r} is a table; give one table at a time")
        return [], _table(given[0], columns, picture)
    column = picture_of(columns, picture)
    if others := [path for path in paths if not _is_picture(path)]:
        raise Refused(f"{str(others[0])!r} is no picture; give pictures alone, or one table")
    seen = [one for path in paths for one in _found(path)]
    return [name for name, _ in seen], [{column: cell} for _, cell in seen]


def _table(name: str, columns: Sequence[str], picture: str | None) -> list[Row]:
    """Rows of a table; where the model reads pictures, a cell that is a word names one beside the table."""
    if name == "-":
        rows, folder = read("input.json", sys.stdin), Path()
    else:
        folder = Path(name).parent
        with Path(name).open(encoding="utf-8-sig", newline="") as source:
            rows = read(name, source)
    if not rows:
        needed = f" with the columns {', '.join(columns)}" if columns else ""
        raise Refused(f"{name} holds no rows; give a header{needed}, and below it one line a row")
    return rows if picture is None else [_opened(row, picture, folder) for row in rows]


def picture_of(columns: Sequence[str], picture: str | None) -> str:
    """The column that pictures go into. Raises Refused."""
    if picture is not None:
        return picture
    needed = f"the columns {', '.join(columns)}" if columns else "the inputs of its graph"
    raise Refused(f"this model reads no pictures but {needed}; give a table (.csv, .json, .jsonl)")


def read(name: str, source: IO[str]) -> list[Row]:
    """Rows of CSV, of a JSON list (or {"rows": [...]}), or of JSON lines. Raises Refused."""
    try:
        if name.endswith(".csv"):
            rows: Any = [dict(row) for row in csv.DictReader(source)]
            if any(None in row or None in row.values() for row in rows):
                raise Refused(f"{name}: a line has more or fewer cells than the first; mend the table")
        elif name.endswith(".jsonl"):
            rows = [json.loads(line) for line in source if line.strip()]
        else:
            rows = json.load(source)
            rows = rows.get("rows", [rows]) if isinstance(rows, dict) else rows
    except (ValueError, csv.Error, RecursionError) as wrong:
        raise Refused(f"{name} cannot be read: {wrong}; give CSV, JSON or JSON lines in UTF-8") from wrong
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Refused(f"{name} is no list of rows; give a table or a list of JSON objects")
    if len(rows) > MAX_ROWS:
        raise Refused(f"{len(rows)} rows; at most {MAX_ROWS} at once: split the file")
    return rows


def cell(value: object) -> object:
    """{"base64": "…"} stands for bytes, such as a picture; a picture file is read now."""
    if callable(value):
        return value()
    if isinstance(value, dict) and set(value) == {"base64"}:
        try:
            return base64.b64decode(value["base64"], validate=True)
        except (ValueError, TypeError) as wrong:
            raise Refused(f"base64 cannot be read: {wrong}") from wrong
    return value


def text(raw: bytes) -> IO[str]:
    """A body as a file of text. Raises Refused."""
    try:
        return io.StringIO(raw.decode("utf-8"))
    except UnicodeDecodeError as wrong:
        raise Refused("the body is not UTF-8; send JSON in UTF-8") from wrong


def _is_picture(path: Path) -> bool:
    """Whether this is a picture, a folder, or a zip."""
    return path.is_dir() or path.suffix.lower() in (*PICTURES, ".zip")


def _found(path: Path) -> Iterator[tuple[str, Cell]]:
    """Name and content of a picture, or of each one in a folder or zip, by name. Raises Refused."""
    if path.is_dir():
        inside = [one for one in sorted(path.rglob("*")) if one.suffix.lower() in PICTURES]
        pairs = [(str(one.relative_to(path)), functools.partial(_content, one)) for one in inside]
    elif path.suffix.lower() == ".zip":
        names = sorted(name for name in _archive(path).namelist() if _is_seen(name))
        pairs = [(name, functools.partial(_packed, path, name)) for name in names]
    else:
        pairs = [(path.name, functools.partial(_content, path))]
    if not pairs:
        raise Refused(f"{path} holds no picture; put {', '.join(PICTURES)} into it")
    yield from pairs


def _opened(row: Row, column: str, folder: Path) -> Row:
    """A row of a table whose cell names a picture file, seen from the table's folder."""
    named = row.get(column)
    if not isinstance(named, str) or not named:
        return row
    return {**row, column: functools.partial(_content, folder / named)}


def _content(path: Path) -> bytes:
    """The bytes of a file. Raises Refused."""
    try:
        if path.stat().st_size > MAX_PICTURE_BYTES:
            raise Refused(f"{path} has more than {MAX_PICTURE_BYTES} bytes; make it smaller")
        return path.read_bytes()
    except OSError as wrong:
        raise Refused(f"there is no picture {path}; name a file that can be read") from wrong


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as wrong:
        raise Refused(f"{path} is no zip that can be read; pack it again") from wrong


def _packed(path: Path, name: str) -> bytes:
    with _archive(path) as archive:
        if archive.getinfo(name).file_size > MAX_PICTURE_BYTES:
            raise Refused(f"{name} in {path} has more than {MAX_PICTURE_BYTES} bytes; make it smaller")
        try:
            return archive.read(name)
        except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as wrong:
            raise Refused(f"{name} in {path} cannot be read: {wrong}; pack it again") from wrong


def _is_seen(name: str) -> bool:
    """Whether a member of a zip is a picture, and none that an archiver hid there."""
    hidden = name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith(".")
    return name.lower().endswith(PICTURES) and not hidden
