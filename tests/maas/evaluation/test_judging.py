"""A gate says the figure beside the limit, line by line; every kind of condition is red once."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shuyuan.maas.evaluation import families, gates, judging
from shuyuan.maas.evaluation.interface import (
    FAMILIES,
    MAIN_FIGURE,
    Condition,
    Gate,
    NewGate,
    Report,
    UnknownSubject,
    Verdict,
)

GOOD = {
    "accuracy": 0.9,
    "majority_share": 0.6,
    "macro_f1": 0.88,
    "calibration_error": 0.05,
    "calibration_by_chance": 0.03,
    "subgroup_gap_excess": 0.01,
    "shuffled_distance": 0.01,
    "leak_suspects": 0.0,
    "latency_p99_ms": 3.0,
    "size_bytes": 1e6,
}


def report(figures: dict[str, float] = GOOD, **more: Any) -> Report:  # Any: fields of a report
    told: dict[str, Any] = {
        "id": "r",
        "school_id": "s",
        "subject": "models:/x/2",
        "data": "data:/d/1",
        "data_sha256": "a" * 64,
        "part": "test",
        "task": "tabular_classification",
        "family": "classification",
        "created_by": "a",
        "created_at": datetime(2026, 11, 22, tzinfo=UTC),
    }
    return Report(**{**told, "figures": figures, **more})


def gate(*conditions: Condition, **more: Any) -> Gate:  # Any: fields of a gate
    return Gate(name="g", conditions=conditions, **more)


def judged(gate: Gate, found: Report, champion: Report | judging.Unreported | None) -> Verdict:
    """The champion's report is its own."""
    other = judging.Beside(champion.subject, champion) if isinstance(champion, Report) else champion
    return judging.judge(gate, found, other)


def test_a_good_report_passes_the_shipped_gate_and_every_line_shows_figure_and_limit() -> None:
    verdict = judged(gates.SHIPPED["classification"], report(), report(id="c"))
    assert verdict.passed
    assert verdict.failed == ()
    assert all(line.value is not None and line.limit is not None for line in verdict.lines)
    assert len(verdict.lines) == len(gates.SHIPPED["classification"].conditions)


@pytest.mark.parametrize(
    ("figure", "bad"),
    [
        ("accuracy", 0.5),  # worse than always saying the commonest class, and than the champion
        ("macro_f1", 0.8),
        ("calibration_error", 0.2),
        ("subgroup_gap_excess", 0.2),
        ("shuffled_distance", 0.4),
        ("leak_suspects", 1.0),
        ("latency_p99_ms", 900.0),
        ("size_bytes", 5e9),
    ],
)
def test_each_condition_of_the_shipped_gate_goes_red(figure: str, bad: float) -> None:
    verdict = judged(gates.SHIPPED["classification"], report({**GOOD, figure: bad}), report(id="c"))
    assert not verdict.passed
    assert {line.figure for line in verdict.failed} == {figure}
    assert all(line.value == bad for line in verdict.failed)


@pytest.mark.parametrize("figure", sorted(GOOD.keys() - {"majority_share", "calibration_by_chance"}))
def test_a_missing_figure_fails_its_condition_and_says_so(figure: str) -> None:
    figures = {name: value for name, value in GOOD.items() if name != figure}
    verdict = judged(gates.SHIPPED["classification"], report(figures), report(id="c"))
    assert not verdict.passed
    assert {(line.figure, line.note, line.value) for line in verdict.failed} == {(figure, "missing_figure", None)}


def test_a_missing_limit_fails_too() -> None:
    figures = {name: value for name, value in GOOD.items() if name != "calibration_by_chance"}
    (line,) = judged(gates.SHIPPED["classification"], report(figures), report(id="c")).failed
    assert (line.figure, line.note, line.limit) == ("calibration_error", "missing_limit", None)
    champion = report({"macro_f1": 0.5}, id="c")
    assert "missing_limit" in {one.note for one in judged(gates.SHIPPED["classification"], report(), champion).failed}


def test_what_does_not_apply_passes_only_where_the_gate_allows_that_reason() -> None:
    missing = {"subgroup_gap_excess": "no_groups"}
    figures = {name: value for name, value in GOOD.items() if name != "subgroup_gap_excess"}
    shipped = judged(gates.SHIPPED["classification"], report(figures, missing=missing), report(id="c"))
    line = next(one for one in shipped.lines if one.figure == "subgroup_gap_excess")
    assert shipped.passed
    assert (line.note, line.reason, line.value) == ("not_applicable", "no_groups", None)
    strict = gate(Condition(figure="subgroup_gap_excess", comparison="<=", limit=0.05))
    assert not judged(strict, report(figures, missing=missing), None).passed


@pytest.mark.parametrize(
    ("limit", "value", "passed"),
    [
        ("champion", 0.9, True),
        ("champion", 0.899, False),
        ("champion - 0.01", 0.891, True),
        ("champion - 0.01", 0.889, False),
        ("champion + 0.02", 0.91, False),
        ("champion * 1.1", 0.98, False),
        ("champion * 1.1", 0.991, True),
        (0.85, 0.85, True),
        ("majority_share + 0.2", 0.79, False),
    ],
)
def test_limits_are_read_as_they_are_said(limit: float | str, value: float, passed: bool) -> None:
    verdict = judged(
        gate(Condition(figure="accuracy", comparison=">=", limit=limit)),
        report({"accuracy": value, "majority_share": 0.6}),
        report({"accuracy": 0.9}, id="c"),
    )
    assert verdict.passed == passed
    assert verdict.lines[0].said == str(limit)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_the_four_comparisons_are_what_they_say(value: float, limit: float) -> None:
    said = {
        comparison: judged(
            gate(Condition(figure="f", comparison=comparison, limit=limit)), report({"f": value}), None
        ).passed
        for comparison in (">=", "<=", ">", "<")
    }
    assert said == {">=": value >= limit, "<=": value <= limit, ">": value > limit, "<": value < limit}


def test_the_first_version_has_nobody_to_be_compared_with() -> None:
    allowed = gate(Condition(figure="accuracy", comparison=">=", limit="champion"))
    refused = gate(Condition(figure="accuracy", comparison=">=", limit="champion", first="fail"))
    assert judged(allowed, report(), None).lines[0].note == "no_champion"
    assert judged(allowed, report(), None).passed
    assert not judged(refused, report(), None).passed
    assert not judged(allowed, report({}), None).passed


def test_a_champion_measured_on_other_data_is_no_comparison() -> None:
    wanted = gate(Condition(figure="accuracy", comparison=">=", limit="champion - 0.5"))
    for other in (report(id="c", data_sha256="b" * 64), report(id="c", part="validation")):
        (line,) = judged(wanted, report(), other).lines
        assert (line.passed, line.note) == (False, "champion_on_other_data")


def test_a_gate_for_the_test_part_refuses_a_report_on_validation() -> None:
    wanted = gate(Condition(figure="accuracy", comparison=">", limit=0.1), part="test")
    assert judged(wanted, report(), None).passed
    (line,) = judged(wanted, report(part="validation"), None).failed
    assert line.note == "wrong_part"


def test_nothing_passes_by_what_it_was_trained_on() -> None:
    verdict = judged(gates.SHIPPED["classification"], report(part="train"), None)
    assert {line.note for line in verdict.failed} == {"wrong_part"}
    assert len(verdict.failed) == len(verdict.lines)
    wanted = gate(Condition(figure="accuracy", comparison=">", limit=0.1), part="train")
    assert not judged(wanted, report(part="train"), None).passed


def test_a_gate_without_conditions_lets_nothing_pass() -> None:
    assert not judged(gate(), report(), None).passed
    with pytest.raises(ValidationError):
        NewGate(conditions=())


@pytest.mark.parametrize(
    "limit", ["", "champion -", "0.9 - champion", "champion - 1 - 1", "import os", "champion ** 2"]
)
def test_a_limit_that_is_no_limit_is_refused(limit: str) -> None:
    with pytest.raises(ValidationError, match="not readable"):
        Condition(figure="auc", comparison=">=", limit=limit)


def test_every_family_has_a_main_figure_and_a_gate_that_begins_with_quality() -> None:
    for family in FAMILIES:
        assert gates.SHIPPED[family].name == family
        assert MAIN_FIGURE[family] in {one.figure for one in gates.SHIPPED[family].conditions}
        assert families.family_of(family) == family


def test_tasks_find_their_family_by_name_and_others_are_refused() -> None:
    found = {
        "tabular_regression": "regression",
        "image_classification": "classification",
        "text_classification": "classification",
        "pseudo_labels": "classification",
        "language_model": "language_model",
        "ranking": "ranking",
        "sequence_to_sequence": "generation",
        "sequence_classification": "classification",
        "staged_growth": "classification",
        "transfer": "classification",
        "autoencoder": "reconstruction",
        "clustering": "clustering",
        "bandit": "policy",
        "policy_gradient": "policy",
    }
    assert {task: families.family_of(task) for task in found} == found
    with pytest.raises(UnknownSubject, match="'no_such_task'"):
        families.family_of("no_such_task")
