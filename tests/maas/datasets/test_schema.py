"""Kinds are seen in every value, roles in names; what is mixed is told; a person has the last word."""

from datetime import datetime

import polars as pl
import pytest

from shuyuan.maas.datasets import casting, interface, schema, steps


def kinds(**table: list[object]) -> dict[str, str]:
    _, columns, _ = schema.inferred(pl.DataFrame(table))
    return {one.name: one.kind for one in columns}


def roles(**table: list[object]) -> dict[str, str]:
    _, columns, _ = schema.inferred(pl.DataFrame(table))
    return {one.name: one.role for one in columns}


def test_kinds_are_those_of_all_values() -> None:
    long = "a long sentence that nobody would take for a category, not even in a hurry"
    words: list[object] = [long, long, "another one, as long"]
    found = kinds(
        whole=["1", "2", None],
        number=["1", "2.5", "NA"],
        truth=["true", "False", "TRUE"],
        moment=["2026-09-01 08:00", "2026-09-02 09:30", ""],
        zoned=["2026-09-01T08:00:00Z", "2026-09-01T16:00:00+08:00", None],
        group=["a", "b", "a"],
        text=words,
        code=["007", "008", "011"],
        sequence=[[1], [2], []],
        picture=[b"x", b"y", None],
    )
    assert found == {
        "whole": "integer",
        "number": "number",
        "truth": "boolean",
        "moment": "time",
        "zoned": "time",
        "group": "category",
        "text": "text",
        "code": "identifier",
        "sequence": "sequence",
        "picture": "image",
    }


def test_words_for_missing_are_missing_among_numbers_and_words_elsewhere() -> None:
    frame, columns, _ = schema.inferred(pl.DataFrame({"n": ["1", "NA", "nan", ""], "c": ["NA", "CN", "", "CN"]}))
    assert frame["n"].to_list() == [1, None, None, None]
    assert frame["c"].to_list() == ["NA", "CN", None, "CN"]
    assert [one.missing for one in columns] == [3, 1]


def test_nearly_numbers_stay_as_they_came_and_are_told() -> None:
    values = [str(at) for at in range(30)] + ["absent"]
    frame, _, findings = schema.inferred(pl.DataFrame({"mark": values}))
    assert frame["mark"].to_list() == values
    (told,) = findings
    assert (told.rule, told.column, told.count, told.action) == ("types", "mark", 1, "kept as text")
    assert "'absent'" in told.detail


def test_marks_with_some_words_among_them_are_no_identifiers() -> None:
    marks: list[object] = [f"{at / 3:.2f}" for at in range(60)]
    found = kinds(mark=[*marks, "absent", "ill"], student_id=[*marks, "x1", "x2"], code=[f"7{at}b" for at in range(62)])
    assert found == {"mark": "text", "student_id": "identifier", "code": "identifier"}


def test_nan_and_infinity_are_missing_and_told() -> None:
    frame, _, findings = schema.inferred(pl.DataFrame({"n": [1.0, float("nan"), float("inf"), None]}))
    assert frame["n"].to_list() == [1.0, None, None, None]
    assert (findings[0].count, findings[0].action) == (2, "made missing")


def test_roles_follow_names() -> None:
    found = roles(
        student_id=["1", "2", "1"],
        label=["a", "b", "a"],
        timestamp=["2026-09-01", "2026-09-02", "2026-09-03"],
        id=["1", "2", "3"],
        mark=["1", "2", "3"],
    )
    assert found == {"student_id": "person", "label": "label", "timestamp": "time", "id": "ignore", "mark": "feature"}


@pytest.mark.parametrize("name", ["pupil", "Student ID", "e-mail", "考号"])
def test_who_is_meant_is_known_by_the_name_of_the_column(name: str) -> None:
    rows: list[object] = ["P0001", "P0002", "P0001"]
    assert roles(**{name: rows}) == {name: "person"}


def test_a_school_class_is_not_what_is_to_be_found() -> None:
    rows: list[object] = ["A", "B", "A"]
    assert roles(hours=[1, 2, 3], **{"class": rows})["class"] == "label"
    for other in ({"pupil": rows, "class": rows}, {"class": rows, "result": rows}, {"label": rows, "class": rows}):
        assert roles(**other)["class"] == "feature"
    told = {"class": interface.ColumnPlan(role="label")}
    assert schema.inferred(pl.DataFrame({"pupil": rows, "class": rows}), told)[1][1].role == "label"


def test_a_path_tells_nothing_among_pictures_and_is_a_feature_elsewhere() -> None:
    ways: list[object] = ["arts", "science", "arts"]
    assert roles(hours=[1, 2, 3], path=ways)["path"] == "feature"
    assert roles(image=[b"x", b"y", b"z"], path=ways)["path"] == "ignore"
    told = {"path": interface.ColumnPlan(role="label")}
    assert schema.inferred(pl.DataFrame({"image": [b"x"], "path": ["a"]}), told)[1][1].role == "label"


def test_a_plan_that_names_a_label_displaces_the_one_there_was() -> None:
    there = [interface.Column(name="class", kind="category", role="label"), interface.Column(name="r", kind="text")]
    plan = interface.Plan.model_validate({"columns": {"r": {"role": "label"}, "class": {"kind": "text"}}})
    steps.check(plan, there)
    assert [(one.role, one.kind) for one in plan.told(there)] == [("feature", "text"), ("label", "text")]


def test_what_a_person_says_wins_and_an_unknown_name_is_refused() -> None:
    told = {"a": interface.ColumnPlan(kind="category", role="label")}
    _, columns, _ = schema.inferred(pl.DataFrame({"a": ["1", "2"]}), told)
    assert (columns[0].kind, columns[0].role) == ("category", "label")
    with pytest.raises(interface.WrongColumns, match="no column 'b'"):
        schema.inferred(pl.DataFrame({"a": [1]}), {"b": interface.ColumnPlan()})


@pytest.mark.parametrize(
    ("values", "kind", "wanted"),
    [
        (["1", "x", " 2"], "number", [1.0, None, None]),
        (["1", "2.0", "2.5"], "integer", [1, 2, None]),
        ([1.0, 2.5], "integer", [1, None]),
        (["yes", "No", "1", "maybe"], "boolean", [True, False, True, None]),
        ([1.0, 2.0], "category", [1, 2]),
        ([1.5, 2.0], "category", ["1.5", "2.0"]),
        (["2026-09-01", "2026/09/02 08:00", "soon"], "time", [datetime(2026, 9, 1), datetime(2026, 9, 2, 8), None]),
        ([0, 86400], "time", [datetime(1970, 1, 1), datetime(1970, 1, 2)]),
        (["a b", "c"], "sequence", [["a", "b"], ["c"]]),
        ([1, 2], "text", ["1", "2"]),
    ],
)
def test_values_are_cast_to_their_kind_or_missing(
    values: list[object], kind: interface.Kind, wanted: list[object]
) -> None:
    assert casting.cast(pl.Series("column", values), kind).to_list() == wanted


@pytest.mark.parametrize(
    ("values", "kind"), [([b"x"], "number"), ([[1]], "category"), (["x"], "image"), ([1], "sequence")]
)
def test_columns_that_cannot_be_of_a_kind_at_all_are_refused(values: list[object], kind: interface.Kind) -> None:
    with pytest.raises(interface.WrongColumns, match="'column'"):
        casting.cast(pl.Series("column", values), kind)
