"""What a class list would do, line by line."""

import pytest

from shuyuan.kernel import errors
from shuyuan.learning.people import roster, sheet

A, B = roster.Target("a", "七年级", "AAAAAA"), roster.Target("b", "八年级", "BBBBBB")


def plan(*lines: dict[str, str], only: roster.Target | None = None, **there: roster.Known) -> list[roster.Planned]:
    numbered = [sheet.Line(n, cells) for n, cells in enumerate(lines, 2)]
    return roster.plan(
        numbered, targets={t.name: t for t in (A, B)}, only=only, known=lambda target, number: there.get(f"n{number}")
    )


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ({"number": "", "name": "张三"}, "the student number is missing"),
        ({"number": "1" * 33, "name": "张三"}, "has 33 characters"),
        ({"number": "1:2", "name": "张三"}, "has other signs"),
        ({"number": "=cmd()", "name": "张三"}, "has other signs"),
        ({"number": "1", "name": " "}, "the name is missing"),
        ({"number": "1", "name": "张" * 65}, "the name has 65 characters"),
        ({"number": "1", "name": "张\u202e三"}, "unprintable"),
        ({"number": "1", "name": "张三", "class": "九年级"}, "unknown class '九年级'"),
        ({"number": "1", "name": "张三", "age_band": "old"}, "the age band 'old' is unknown"),
        ({"number": "1", "name": "张三", "pin": "12345"}, "the PIN has 5 characters"),
    ],
)
def test_a_bad_line_is_refused_with_its_line_number_and_the_reason(cells: dict[str, str], problem: str) -> None:
    [one] = plan({"class": "七年级", **cells})
    assert (one.row.line, one.row.action) == (2, "refuse")
    assert problem in str(one.row.problem)


def test_a_number_twice_in_the_list_is_refused_the_second_time_even_with_zeros_before_it() -> None:
    first, second, elsewhere = plan(
        {"number": "07", "name": "A", "class": "七年级"},
        {"number": "７", "name": "B", "class": "七年级"},
        {"number": "7", "name": "C", "class": "八年级"},
    )
    assert (first.row.action, second.row.action, elsewhere.row.action) == ("create", "refuse", "create")
    assert "twice" in str(second.row.problem)


def test_without_a_class_column_the_lines_belong_to_the_open_class() -> None:
    [one] = plan({"number": "1", "name": "A"}, only=A)
    assert (one.class_id, one.row.class_name) == ("a", "七年级")
    [missing] = plan({"number": "1", "name": "A"})
    assert "the class is missing" in str(missing.row.problem)
    [another] = plan({"number": "1", "name": "A", "class": "八年级"}, only=A)
    assert another.row.action == "refuse"


def test_who_is_there_already_is_updated_only_when_something_differs() -> None:
    there = roster.Known("x", "张三", "13_15")
    same, renamed, older = plan(
        {"number": "1", "name": "张三"},
        {"number": "2", "name": "张珊"},
        {"number": "3", "name": "张三", "age_band": "16"},
        only=A,
        n1=there,
        n2=there,
        n3=there,
    )
    assert [one.row.action for one in (same, renamed, older)] == ["same", "update", "update"]
    assert older.age_band == "16_17"
    assert same.age_band is None


@pytest.mark.parametrize(
    ("text", "band"),
    [
        ("under_13", "under_13"),
        ("13-15", "13_15"),
        ("16–17岁", "16_17"),
        ("成人", "adult"),
        ("12", "under_13"),
        ("15岁", "13_15"),
        ("17 周岁", "16_17"),
        ("45", "adult"),
        ("未知", "unknown"),
        ("１３～１５", "13_15"),
        ("13岁以下", "under_13"),
    ],
)
def test_age_bands_are_read_from_words_and_years(text: str, band: str) -> None:
    assert roster.age_band(text) == band


@pytest.mark.parametrize("text", ["2", "130", "seven", "-5"])
def test_ages_nobody_has_are_refused(text: str) -> None:
    with pytest.raises(errors.BadInput):
        roster.age_band(text)
