"""JSON lines: plain rows fast, nested and mixed ones without loss."""

from pathlib import Path

import polars as pl
import pytest
from tests.maas.datasets.files import lines, read

from shuyuan.maas.datasets import interface


def test_plain_rows_are_columns(tmp_path: Path) -> None:
    frame, _ = read(tmp_path, lines({"a": 1, "b": "x"}, {"b": "y", "a": 2.5}), "jsonl")
    assert frame["a"].to_list() == [1.0, 2.5]
    assert frame["b"].to_list() == ["x", "y"]


def test_nested_objects_are_columns_with_a_dot_and_deeper_ones_stay_text(tmp_path: Path) -> None:
    frame, _ = read(tmp_path, lines({"who": {"age": 9, "more": {"x": 1}}}, {"who": {"age": 10}}), "jsonl")
    assert frame.columns == ["who.age", "who.more"]
    assert frame["who.age"].to_list() == [9, 10]
    assert frame["who.more"].to_list() == ['{"x": 1}', None]


def test_lists_are_sequences(tmp_path: Path) -> None:
    frame, _ = read(tmp_path, lines({"s": [1, 2]}, {"s": []}, {"s": None}), "jsonl")
    assert frame.schema["s"] == pl.List(pl.Int64)
    words, _ = read(tmp_path, lines({"s": ["a"]}, {"s": [1]}), "jsonl")
    assert words["s"].to_list() == [["a"], ["1"]]


def test_mixed_types_are_text_so_that_nothing_is_lost(tmp_path: Path) -> None:
    frame, _ = read(tmp_path, lines({"a": 1, "s": []}, {"a": "x"}, {"a": True}), "jsonl")
    assert frame["a"].to_list() == ["1", "x", "true"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a": 1}\nnot json\n', "line 2 is not JSON"),
        (b'{"a": 1}\n[1]\n', "line 2 is no JSON object"),
        (b"\n\n", "no rows"),
        (b"[" * 100_000, "line 1 is not JSON"),
        (lines({"s": [1]}, {"s": 2}), "lists and single values"),
    ],
)
def test_what_is_no_row_is_told_with_its_line(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(interface.BadData, match=said):
        read(tmp_path, content, "jsonl")
