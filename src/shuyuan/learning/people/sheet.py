"""Read a class list: CSV (UTF-8 with or without BOM, UTF-16, GB18030) or xlsx, with Chinese or English headings.

Caps come before parsing: bytes, rows, columns, and for xlsx what the archive unpacks to. Returns text cells by
field with their line numbers; whether they make sense is the roster's business.
"""

import csv
import io
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shuyuan.kernel import errors

MAX_BYTES, MAX_ROWS, MAX_COLUMNS, MAX_CELL = 4_000_000, 5_000, 40, 200
MAX_UNPACKED_BYTES, MAX_MEMBERS, MAX_SHEET_ROWS = 50_000_000, 500, 4 * MAX_ROWS
HEADINGS = {
    "number": ("number", "student number", "student id", "学号", "座号", "编号"),
    "name": ("name", "student name", "full name", "姓名", "学生姓名"),
    "class": ("class", "class name", "班级"),
    "age_band": ("age band", "age_band", "age", "年龄段", "年龄"),
    "pin": ("pin", "密码", "口令"),
}
_FIELD = {heading: field for field, headings in HEADINGS.items() for heading in headings}


@dataclass(frozen=True)
class Line:
    """One line under the headings. `cells` holds the known fields only."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Sheet:
    """A class list as read. `ignored`: the headings of columns we do not know, so that nothing is left out silently."""

    lines: list[Line]
    ignored: tuple[str, ...]


def read(filename: str, content: bytes) -> Sheet:
    """The lines of a class list, and the columns nobody reads.

    Raises TooLarge, Malformed or BadInput naming what is wrong and the fix."""
    if len(content) > MAX_BYTES:
        raise errors.TooLarge(f"the file has {len(content)} bytes", fix=f"send at most {MAX_BYTES}, or in parts")
    rows = _xlsx(content) if content[:4] == b"PK\x03\x04" else _csv(filename, content)
    return _under_headings(rows)


def _under_headings(rows: Iterable[tuple[int, list[str]]]) -> Sheet:
    filled = ((number, cells) for number, cells in rows if any(cells))
    _, first = next(filled, (0, []))
    fields = [_FIELD.get(cell.casefold()) for cell in first]
    if missing := [field for field in ("number", "name") if field not in fields]:
        raise errors.BadInput(
            f"the first line has no column for {' and '.join(missing)}: {', '.join(first)[:120]!r}",
            fix="name the columns 学号 and 姓名, or number and name; 班级 (class), 年龄段 (age band), PIN may follow",
        )
    if len(known := [field for field in fields if field]) != len(set(known)):
        raise errors.BadInput(f"two columns mean the same: {', '.join(first)[:120]!r}", fix="keep one of them")
    lines: list[Line] = []
    for number, cells in filled:
        if len(lines) == MAX_ROWS:
            raise errors.TooLarge(f"there are more than {MAX_ROWS} rows", fix="send the list in parts")
        lines.append(Line(number, {field: cell for field, cell in zip(fields, cells, strict=False) if field}))
    ignored = tuple(cell for cell, field in zip(first, fields, strict=True) if cell and field is None)
    return Sheet(lines, ignored)


def _csv(filename: str, content: bytes) -> Iterator[tuple[int, list[str]]]:
    text = _decoded(filename, content)
    first = text.lstrip().split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for cells in reader:
            yield reader.line_num, [cell.strip()[: MAX_CELL + 1] for cell in cells[:MAX_COLUMNS]]
    except csv.Error as wrong:
        raise errors.Malformed(f"line {reader.line_num} cannot be read: {wrong}", fix="save as CSV again") from wrong


def _decoded(filename: str, content: bytes) -> str:
    encodings = ["utf-16"] if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise errors.Malformed(f"{filename[:80]!r} is neither text nor xlsx", fix="save as CSV (UTF-8) or xlsx")


def _xlsx(content: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        _check_archive(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # styles and extensions we do not read
            import openpyxl  # with the first workbook: it takes 8 MB that most servers never need

            book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # the file may lie about its size
            rows = sheet.iter_rows(max_row=MAX_SHEET_ROWS + 1, max_col=MAX_COLUMNS, values_only=True)
            found = [(number, [_cell(value) for value in row]) for number, row in enumerate(rows, 1)]
        if len(found) > MAX_SHEET_ROWS:
            raise errors.TooLarge(f"the sheet goes on below row {MAX_SHEET_ROWS}", fix="delete the empty rows below")
    except errors.ShuyuanError:
        raise
    except Exception as wrong:  # openpyxl raises what its parts raise: KeyError, ParseError, BadZipFile …
        raise errors.Malformed(f"this xlsx cannot be read: {type(wrong).__name__}", fix="save it again") from wrong
    yield from found


def _check_archive(content: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        unpacked = sum(member.file_size for member in members)  # zipfile reads no more than this of each
    if len(members) > MAX_MEMBERS or unpacked > MAX_UNPACKED_BYTES:
        raise errors.TooLarge(
            f"the xlsx unpacks to {unpacked} bytes in {len(members)} files", fix="save only the list, without pictures"
        )


def _cell(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip()[: MAX_CELL + 1]
