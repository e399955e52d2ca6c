"""Forms from schemas, plans from forms, curves from metrics: the pure pieces of the workshop."""

import math
from typing import Any

import pytest

from shuyuan.kernel import errors
from shuyuan.maas.catalogue.interface import Version
from shuyuan.maas.datasets import findings, steps
from shuyuan.maas.datasets.interface import Column, DataSetVersion, Step
from shuyuan.maas.training import tasks
from shuyuan.maas.training.interface import Run
from shuyuan.web.pages.workshop import curves, figurewords, modelshelf, planning, runs, schemas, starting

SCHEMA: dict[str, Any] = {
    "properties": {
        "rate": {"type": "number", "default": 0.01, "minimum": 0, "maximum": 1, "description": "How fast"},
        "hidden": {"type": "array", "items": {"type": "integer"}, "default": [64]},
        "balanced": {"type": "boolean", "default": True},
        "epochs": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}], "default": None},
        "net": {"enum": ["gru", "lstm"], "default": "gru"},
        "extra": {"type": "object", "default": {}},
    }
}


def test_a_schema_becomes_questions_with_their_defaults_the_usual_ones_first() -> None:
    asked = {one.name: one for one in schemas.fields(SCHEMA, "en")}
    assert list(asked)[:2] == ["epochs", "rate"]
    assert (asked["rate"].value, asked["hidden"].value, asked["epochs"].value) == ("0.01", "64", "")
    assert {name: one.asks for name, one in asked.items()} == {
        "epochs": "integer", "rate": "number", "hidden": "list", "net": "choice", "balanced": "check", "extra": "json",
    }  # fmt: skip
    assert asked["rate"].help == "How fast"
    assert next(one for one in schemas.fields(SCHEMA, "zh") if one.name == "rate").label == "学习率"


def test_answers_are_typed_and_an_empty_field_takes_the_default() -> None:
    form = {
        "c.rate": ["0.5"],
        "c.hidden": ["8， 4"],
        "c.balanced.there": ["1"],
        "c.epochs": [" "],
        "c.extra": ['{"a": 1}'],
    }
    assert schemas.values(SCHEMA, form) == {"rate": 0.5, "hidden": [8, 4], "balanced": False, "extra": {"a": 1}}
    assert schemas.values(SCHEMA, {"c.hidden": [""]}) == {"hidden": []}, "none is an answer"
    assert schemas.values(SCHEMA, {}) == {}


@pytest.mark.parametrize(("name", "said"), [("rate", "fast"), ("hidden", "8, x"), ("extra", "{"), ("epochs", "1e")])
def test_an_answer_of_another_type_is_named(name: str, said: str) -> None:
    with pytest.raises(errors.BadInput, match=f"{name} is") as refused:
        schemas.values(SCHEMA, {f"c.{name}": [said]})
    assert refused.value.fix


def test_the_defaults_of_every_task_come_back_from_its_form_as_its_config_takes_them() -> None:
    for about in tasks.every():
        shown = {
            one.input: [one.value] for one in schemas.fields(about.schema, "en") if one.asks != "check" or one.value
        }
        told = tasks.load(about.name).CONFIG.model_validate(schemas.values(about.schema, shown))
        assert told == tasks.load(about.name).CONFIG(), about.name


def test_every_choice_of_every_rule_is_one_the_rule_takes() -> None:
    for rule in planning.RULES:
        for choice in rule.choices:
            told = {rule.option: choice} if rule.option else {}
            assert steps.options(Step(rule=rule.name, **told), steps.RULES)
    assert {rule.name for rule in planning.RULES} == set(steps.RULES)
    assert set(planning.AUGMENT) == set(steps.AUGMENT)


@pytest.mark.parametrize(
    ("columns", "split"),
    [
        ([Column(name="a", kind="number"), Column(name="y", kind="category", role="label")], "stratified"),
        (
            [Column(name="p", kind="identifier", role="person"), Column(name="y", kind="category", role="label")],
            "person",
        ),
        ([Column(name="y", kind="number", role="label")], "random"),
    ],
)
def test_rows_are_dealt_out_as_suits_the_columns(columns: list[Column], split: str) -> None:
    assert planning.split_of(columns) == split


def test_a_column_of_marks_with_words_among_them_is_proposed_as_a_number() -> None:
    columns = [Column(name="mark", kind="text"), Column(name="who", kind="text", role="person")]
    seen = [findings.found("types", ("nearly_numbers", {"value": "ill"}), column=one.name) for one in columns]
    told = {
        "id": "1",
        "school_id": "s",
        "name": "marks",
        "number": 1,
        "sha256": "0",
        "rows": 9,
        "parts": {},
        "plan": {},
    }
    told |= {"columns": columns, "findings": seen, "created_by": "a", "created_at": "2026-11-01T00:00:00Z"}
    version = DataSetVersion.model_validate(told)
    assert planning.proposed(version) == {"mark": "number"}


def test_curves_leave_out_what_is_no_figure_and_no_number() -> None:
    lines: list[dict[str, Any]] = [
        {"line": 1, "step": 0, "split": "train", "loss": 2.0, "lr": 0.1},
        {"line": 2, "step": 10, "split": "train", "loss": math.nan, "at_s": 1.0},
        {"line": 3, "step": 10, "split": "validation", "loss": 1.0, "accuracy": 0.5, "note": "x"},
    ]
    assert curves.series(lines) == {
        "loss": {"train": [(0.0, 2.0)], "validation": [(10.0, 1.0)]},
        "accuracy": {"validation": [(10.0, 0.5)]},
    }
    assert curves.series([]) == {}
    assert curves.chart("loss", {}) is None


def test_a_long_curve_is_thinned_and_keeps_its_last_value() -> None:
    points = [(float(n), float(n)) for n in range(10_000)]
    thin = curves.thinned(points)
    assert len(thin) <= curves.MOST_POINTS + 1
    assert thin[-1] == points[-1]
    drawn = curves.chart("loss", {"train": points})
    assert drawn is not None
    assert (drawn.low, drawn.high, drawn.steps) == (0.0, 9999.0, 9999.0)
    assert drawn.rows[-1] == (9999, (9999.0,))


def test_a_flat_curve_and_a_single_point_have_a_picture_too() -> None:
    for points in ([(0.0, 3.0)], [(1.0, 0.0), (2.0, 0.0)]):
        drawn = curves.chart("loss", {"train": points})
        assert drawn is not None
        assert "nan" not in drawn.lines[0].points


def test_the_task_that_fits_the_columns_is_suggested(monkeypatch: pytest.MonkeyPatch) -> None:
    def told(*columns: Column) -> str:
        class Version:
            def with_role(self, role: str) -> tuple[Column, ...]:
                return tuple(one for one in columns if one.role == role)

        return starting.suggested(Version())  # type: ignore[arg-type]  # all that it asks

    label = Column(name="y", kind="category", role="label")
    assert told(Column(name="a", kind="number"), label) == "tabular_classification"
    assert told(Column(name="a", kind="image"), label) == "image_classification"
    assert told(Column(name="a", kind="text"), label) == "text_classification"
    assert told(Column(name="a", kind="number"), Column(name="y", kind="number", role="label")) == "tabular_regression"
    assert told(Column(name="a", kind="number")) == "clustering"


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ({}, ""),
        ({"data_sha256": "b"}, "other_data"),
        ({"trial": 1, "name": "cv 1 · 1/5"}, "other_data"),
        ({"figures": {"train_loss": 0.1}}, "other_parts"),
        ({"figures": {}}, ""),
    ],
)
def test_runs_measured_on_other_rows_are_said_not_to_compare(second: dict[str, Any], said: str) -> None:
    first: dict[str, Any] = {"id": "1", "name": "one", "trial": None, "data_sha256": "a"}
    first |= {"figures": {"validation_loss": 0.1}}
    told = [Run.model_construct(**first), Run.model_construct(**first | {"id": "2"} | second)]
    assert runs.unlike(told) == said


def test_parent_and_child_show_the_same_figures_and_none_of_the_test_part() -> None:
    told = {"test_accuracy": 0.9, "test_loss": 0.3, "validation_loss": 0.4, "validation_accuracy": 0.8}
    made: dict[str, Any] = {"figures": told, "lineage": {"run": "runs:/1"}}
    parent = Version.model_construct(**made)
    small = {"latency_p50_ms": 1.0, "size_bytes": 9.0, "agreement": 1.0, "log_loss": 0.4, "accuracy": 0.79}
    child = Version.model_construct(**made | {"figures": small, "lineage": {"compression": "c"}})
    assert modelshelf.shared([child, parent]) == ["accuracy", "loss", "log_loss"]
    assert [modelshelf.validated(one)["accuracy"] for one in (parent, child)] == [0.8, 0.79]


@pytest.mark.parametrize(
    ("notice", "state", "is_over"),
    [
        ("started", "queued", False),
        ("started", "finished", True),
        ("cancelling", "cancelled", True),
        ("", "failed", False),
    ],
)
def test_a_notice_in_the_address_is_not_said_once_it_is_over(notice: str, state: str, is_over: bool) -> None:
    told: dict[str, Any] = {"state": state, "wanted": ""}
    assert runs.is_over(notice, Run.model_construct(**told)) is is_over


def test_figures_and_limits_are_said_in_the_language_of_the_page() -> None:
    page: Any = {"lang": "zh"}  # Any: as much of a page's context as the words ask
    assert figurewords.measured(page, "validation_macro_f1") == "宏平均 F1（验证）"
    assert figurewords.measured(page, "latency_p50_ms") == "中位延迟（毫秒）"
    assert figurewords.said_limit(page, "champion - 0.01") == "现用版本 − 0.01"
    assert figurewords.said_limit(page, 0.9) == "0.9"
