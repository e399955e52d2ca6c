"""xAPI statements become rows in which nobody can be found again without the key."""

import json
from pathlib import Path

import pytest
from tests.maas.datasets.files import lines, read, statement

from shuyuan.maas.datasets import interface, reading
from shuyuan.maas.datasets.bounds import Bounds

TWO = [
    statement(success=True, score={"scaled": 0.9}),
    statement("bob@school.example", "completed", score={"raw": 5, "min": 0, "max": 10}),
]


@pytest.mark.parametrize(
    "content",
    [lines(*TWO), json.dumps(TWO).encode(), json.dumps({"statements": TWO}, indent=2).encode()],
    ids=["lines", "array", "wrapped"],
)
def test_statements_are_rows_however_they_are_wrapped(tmp_path: Path, content: bytes) -> None:
    frame, findings = read(tmp_path, content, "xapi")
    assert frame.columns == ["actor", "verb", "object", "success", "score", "time"]
    assert frame["verb"].to_list() == ["answered", "completed"]
    assert frame["score"].to_list() == [0.9, 0.5]
    assert frame["success"].to_list() == [True, None]
    assert findings[1] == interface.Finding(rule="pseudonyms", column="actor", count=2, action="replaced")


def test_an_actor_is_a_pseudonym_that_only_the_key_makes(tmp_path: Path) -> None:
    first, _ = read(tmp_path, lines(*TWO, TWO[0]), "xapi")
    again, _ = read(tmp_path, lines(TWO[0]), "xapi")
    assert first["actor"][0] == first["actor"][2] == again["actor"][0] != first["actor"][1]
    assert "ada" not in str(first.rows()).lower()
    assert "lovelace" not in str(first.rows()).lower()
    (tmp_path / "work" / "input").write_bytes(lines(TWO[0]))
    told = interface.NewDataSet(name="marks", format="xapi")
    other, _ = reading.reader("xapi").read(tmp_path / "work" / "input", told, Bounds(), tmp_path / "work", b"other")
    assert other["actor"][0] != first["actor"][0]


def test_statements_across_the_blocks_of_reading_are_whole(tmp_path: Path) -> None:
    many = [statement(f"{at}@school.example", success=True) for at in range(6000)]
    content = json.dumps(many).encode()
    assert len(content) > 1 << 20
    assert read(tmp_path, content, "xapi")[0].height == 6000


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lines({"verb": {"id": "x"}}), "statement 1 has no actor"),
        (lines(TWO[0], {"actor": {"name": "Ada"}, "verb": {}, "object": {}}), "statement 2 does not say who"),
        (b'[{"actor": ', "statement 1 is not JSON"),
        (b"[]", "no statements"),
        (b"[1]", "no JSON object"),
    ],
)
def test_what_is_no_statement_is_told_by_number(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(interface.BadData, match=said):
        read(tmp_path, content, "xapi")


def test_a_statement_over_the_cap_is_not_read_on(tmp_path: Path) -> None:
    huge = json.dumps([statement(note="x" * 3_000_000)]).encode()
    with pytest.raises(interface.LineTooLong):
        read(tmp_path, huge, "xapi", Bounds(max_line_bytes=1 << 20))
