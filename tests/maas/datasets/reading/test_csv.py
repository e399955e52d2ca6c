"""CSV as people save it: delimiters, encodings, quotes; and what is refused with the line that is wrong."""

import gzip
from pathlib import Path

import pytest
from tests.maas.datasets.files import read

from shuyuan.maas.datasets import interface
from shuyuan.maas.datasets.bounds import Bounds

SHEET = "姓名,分数\n小明,90\n小红,85\n"


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    frame, _ = read(tmp_path, SHEET.replace(",", delimiter).encode(), "csv")
    assert frame.columns == ["姓名", "分数"]
    assert frame["分数"].to_list() == ["90", "85"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_the_encoding_is_found_and_a_mark_is_no_part_of_a_name(tmp_path: Path, encoding: str) -> None:
    frame, findings = read(tmp_path, SHEET.encode(encoding), "csv")
    assert frame.columns == ["姓名", "分数"]
    assert frame["姓名"].to_list() == ["小明", "小红"]
    assert findings[0].detail.startswith("csv gb18030" if encoding == "gb18030" else "csv utf-8")


def test_a_delimiter_that_is_told_is_kept_to(tmp_path: Path) -> None:
    frame, _ = read(tmp_path, b"a;b,c\n1;2,3\n", "csv", delimiter=",")
    assert frame.columns == ["a;b", "c"]


def test_quoted_commas_and_newlines_belong_to_their_cell(tmp_path: Path) -> None:
    frame, _ = read(tmp_path, b'a,b\n"x, y","two\nlines"\n"say ""hi""",2\n', "csv")
    assert frame.rows() == [("x, y", "two\nlines"), ('say "hi"', "2")]


@pytest.mark.parametrize("delimiter", ["\t", ","])
def test_marks_that_hold_nothing_together_are_part_of_the_text(tmp_path: Path, delimiter: str) -> None:
    content = 'title,label\n"Hello" said Ada,a\nof 5" and more,b\n'.replace(",", delimiter)
    frame, findings = read(tmp_path, content.encode(), "csv")
    assert frame.rows() == [('"Hello" said Ada', "a"), ('of 5" and more', "b")]
    assert "quotation marks as they are" in findings[0].detail


def test_a_last_cell_may_be_empty_and_a_line_that_holds_nothing_is_no_row(tmp_path: Path) -> None:
    frame, findings = read(tmp_path, b'a,b\n1,\n\n"x, y",2\n,\n\n', "csv")
    assert (frame.rows(), findings[0].count) == ([("1", None), ("x, y", "2")], 2)


def test_a_gzipped_file_is_unpacked(tmp_path: Path) -> None:
    frame, _ = read(tmp_path, gzip.compress(SHEET.encode()), "csv")
    assert frame.height == 2


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (b"", interface.EmptyData, "the file is empty"),
        (b"a,b\n", interface.EmptyData, "no rows"),
        (b"a,b\n1,2\n1,2,3\n", interface.WrongColumns, "line 3 has 3 fields, the header has 2"),
        (b"a,b,c\n1,2,3\n\n1,2\n", interface.WrongColumns, "line 4 has 2 fields, the header has 3"),
        (b'a,b,c\n"x, y",2,\n1,2\n', interface.WrongColumns, "line 3 has 2 fields"),
        (b"a,b\n,\n\n", interface.EmptyData, "no row of the file holds anything"),
        (b"a,a\n1,2\n", interface.WrongColumns, "two columns are called 'a'"),
        (b"a,,c\n1,2,3\n", interface.WrongColumns, "column 2 has no name"),
        (b'a,b\n"x,2\n3\n', interface.WrongColumns, "quotation mark"),
        ("a,b\n1,2\n".encode("utf-16"), interface.BadData, "UTF-16"),
        (b"a,b\n\xff\xff,2\n", interface.BadData, "neither UTF-8 nor GB18030"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-9], interface.BadData, "does not unpack"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, content: bytes, kind: type[interface.BadData], said: str) -> None:
    with pytest.raises(kind, match=said) as told:
        read(tmp_path, content, "csv")
    assert told.value.fix


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    bomb = gzip.compress(b"a,b\n" + b"1,2\n" * 1_000_000, mtime=0)
    with pytest.raises(interface.HostileArchive, match="unpacks to more than 1,000,000 bytes"):
        read(tmp_path, bomb, "csv", Bounds(max_bytes=1_000_000))


def test_bytes_that_are_not_of_the_told_encoding_are_told_with_their_line(tmp_path: Path) -> None:
    with pytest.raises(interface.BadData, match="not utf-8"):
        read(tmp_path, SHEET.encode("gb18030"), "csv", encoding="utf-8")


def test_too_many_columns_are_refused(tmp_path: Path) -> None:
    wide = ",".join(f"c{at}" for at in range(11))
    with pytest.raises(interface.WrongColumns, match="11 columns"):
        read(tmp_path, f"{wide}\n{wide}\n".encode(), "csv", Bounds(max_columns=10))
