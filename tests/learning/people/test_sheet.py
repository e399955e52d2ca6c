"""Reading class lists: encodings, headings, xlsx, and what is refused before it is parsed."""

import io
import zipfile

import openpyxl
import pytest

from shuyuan.kernel import errors
from shuyuan.learning.people import sheet

TEXT = "学号,姓名,班级\n01,张三,七年级\n02,李四,七年级\n"


def xlsx(*rows: tuple[object, ...]) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.worksheets[0].append(list(row))
    book.save(out)
    return out.getvalue()


def cells(content: bytes) -> list[tuple[int, dict[str, str]]]:
    return [(line.number, line.cells) for line in sheet.read("list", content).lines]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_chinese_list_is_read_in_every_encoding_schools_save(encoding: str) -> None:
    assert cells(TEXT.encode(encoding)) == [
        (2, {"number": "01", "name": "张三", "class": "七年级"}),
        (3, {"number": "02", "name": "李四", "class": "七年级"}),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_english_headings_in_any_order_and_unknown_columns_are_left_out(delimiter: str) -> None:
    rows = [["Shoe size", "NAME", "Number", "PIN", "Age band"], ["38", "Anna Li", "7", "123456", "13_15"]]
    content = "\r\n".join(delimiter.join(row) for row in rows).encode()
    assert cells(content) == [(2, {"name": "Anna Li", "number": "7", "pin": "123456", "age_band": "13_15"})]


def test_blank_lines_are_skipped_and_line_numbers_stay_those_of_the_file() -> None:
    assert [number for number, _ in cells(b"number,name\n\n1,A\n,\n2,B\n")] == [3, 5]


def test_quoted_cells_may_hold_the_delimiter() -> None:
    assert cells(b'number,name\n1,"Li, Anna"\n') == [(2, {"number": "1", "name": "Li, Anna"})]


def test_an_xlsx_is_read_with_numbers_as_they_look() -> None:
    content = xlsx(("学号", "姓名", "年龄"), (20230101, "张三", 13.0), ("007", "李四", None))
    assert cells(content) == [
        (2, {"number": "20230101", "name": "张三", "age_band": "13"}),
        (3, {"number": "007", "name": "李四", "age_band": ""}),
    ]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"name,class\nA,B\n", errors.BadInput),  # no number column
        (b"number,name,\xe5\xad\xa6\xe5\x8f\xb7\n1,A,2\n", errors.BadInput),  # number twice
        (b"", errors.BadInput),
        (b"\x00\x01\x02\xff\xfe binary", errors.Malformed),
        (b"\x89PNG\r\n\x1a\n\x00\x00", errors.Malformed),
        (b'number,name\n1,"' + b"x" * 200_000, errors.Malformed),  # a quote that never ends
        (b"PK\x03\x04 not really a zip", errors.Malformed),
    ],
)
def test_what_is_not_a_class_list_is_refused_with_the_fix(content: bytes, error: type[errors.ShuyuanError]) -> None:
    with pytest.raises(error) as refused:
        sheet.read("list.csv", content)
    assert refused.value.fix


def test_a_zip_that_is_no_workbook_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(errors.Malformed):
        sheet.read("list.xlsx", out.getvalue())


def test_a_zip_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO(xlsx(("number", "name"), (1, "A")))
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/big.bin", b"\0" * (sheet.MAX_UNPACKED_BYTES + 1))
    assert len(out.getvalue()) < 200_000
    monkeypatch.setattr(openpyxl, "load_workbook", lambda *a, **k: pytest.fail("it was opened"))
    with pytest.raises(errors.TooLarge, match="unpacks to"):
        sheet.read("list.xlsx", out.getvalue())


def test_an_archive_of_very_many_files_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for n in range(sheet.MAX_MEMBERS + 1):
            archive.writestr(str(n), "")
    with pytest.raises(errors.TooLarge):
        sheet.read("list.xlsx", out.getvalue())


def test_caps_on_bytes_and_rows() -> None:
    with pytest.raises(errors.TooLarge, match="bytes"):
        sheet.read("list.csv", b"x" * (sheet.MAX_BYTES + 1))
    rows = [f"{n},A" for n in range(sheet.MAX_ROWS)]
    assert len(sheet.read("list.csv", "\n".join(["number,name", *rows]).encode()).lines) == sheet.MAX_ROWS
    with pytest.raises(errors.TooLarge, match="rows"):
        sheet.read("list.csv", "\n".join(["number,name", *rows, "x,A"]).encode())


def test_an_xlsx_whose_sheet_goes_on_for_ever_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "MAX_SHEET_ROWS", 10)
    book, out = openpyxl.Workbook(), io.BytesIO()
    book.worksheets[0].append(("number", "name"))
    book.worksheets[0].cell(row=1_000_000, column=1, value="x")
    book.save(out)
    with pytest.raises(errors.TooLarge, match="below row 10"):
        sheet.read("list.xlsx", out.getvalue())


def test_columns_that_mean_nothing_here_are_named_and_not_read() -> None:
    read = sheet.read("list.csv", "学号,姓名,电话,,Seat\n01,李雷,139,x,A3".encode())
    assert read.ignored == ("电话", "Seat")
    assert [line.cells for line in read.lines] == [{"number": "01", "name": "李雷"}]
