"""Gates of a school: set, changed, removed, and which one is in force."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("polars", reason="tables are read by polars, of the extra `data`")
pytest.importorskip("onnxruntime", reason="models are run by onnxruntime, of the extra `embed`")

from tests.maas.evaluation.asking import actions, asked
from tests.maas.evaluation.conftest import School

from shuyuan.kernel import errors
from shuyuan.maas.evaluation import interface, jobs
from shuyuan.maas.evaluation.interface import Condition, NewGate


def test_a_gate_is_set_changed_and_keeps_its_past(school: School) -> None:
    evaluation, admin = school.evaluation, school.principal()
    shipped = evaluation.gate(school.id, "classification")
    assert shipped.number == 0
    low, high = (NewGate(conditions=(Condition(figure="accuracy", comparison=">=", limit=x),)) for x in (0.1, 0.999))
    with pytest.raises(interface.ReasonMissing):
        evaluation.put_gate(admin, "classification", low)
    low = low.model_copy(update={"reason": "a shipped gate is in force, too", "expected": 0})
    evaluation.put_gate(admin, "classification", low)
    with pytest.raises(interface.GateChanged, match="change 1 by now, not 0"):
        evaluation.put_gate(admin, "classification", low)
    assert [one.name for one in evaluation.gates(school.id)].count("classification") == 1
    report = evaluation.evaluate(school.id, "a", asked(school))
    passed = evaluation.judge(school.id, "a", "", report.id)
    with pytest.raises(interface.ReasonMissing):
        evaluation.put_gate(admin, "classification", high)
    changed = evaluation.put_gate(admin, "classification", high.model_copy(update={"reason": "too many passed"}))
    refused = evaluation.judge(school.id, "a", "", report.id)
    assert (passed.passed, passed.gate_number) == (True, 1)
    assert (refused.passed, refused.gate_number, changed.number) == (False, 2, 2)
    assert refused.failed[0].value == report.figures["accuracy"]
    assert (actions(school).count("gate.set"), changed.reason) == (2, "too many passed")


def test_a_gate_of_a_tasks_name_goes_before_its_familys_and_needs_a_reason(school: School) -> None:
    trains = SimpleNamespace(tasks=lambda: [SimpleNamespace(name="tabular_classification")])
    evaluation, admin = school.service(training=trains), school.principal()
    new = NewGate(conditions=(Condition(figure="accuracy", comparison=">=", limit=0),))
    with pytest.raises(interface.ReasonMissing, match="'classification' is in force and cannot be replaced for"):
        evaluation.put_gate(admin, "tabular_classification", new)
    evaluation.put_gate(admin, "tabular_classification", new.model_copy(update={"reason": "a lenient pilot"}))
    evaluation.put_gate(admin, "classification_by_hand", new)
    assert evaluation.gate_in_force(school.id, "tabular_classification").reason == "a lenient pilot"


def test_a_gate_is_removed_for_a_reason_and_never_while_something_names_it(school: School) -> None:
    evaluation, admin = school.evaluation, school.principal()
    new = NewGate(conditions=(Condition(figure="accuracy", comparison=">", limit=0),), reason="ours")
    for name in ("classification", "ours"):
        evaluation.put_gate(admin, name, new)
    with pytest.raises(interface.ReasonMissing):
        evaluation.remove_gate(admin, "ours", "  ")
    with pytest.raises(errors.Forbidden):
        evaluation.remove_gate(school.principal("developer"), "ours", "why not")
    jobs.know_gates(evaluation, Named("ours"))
    with pytest.raises(interface.GateInUse, match=r"pipeline 7, schedule 'weekly'"):
        evaluation.remove_gate(admin, "ours", "tired of it")
    jobs.know_gates(evaluation, Named(""))
    with pytest.raises(interface.GateInUse, match=r"'classification' is named by pipeline 7, schedule 'weekly'"):
        evaluation.remove_gate(admin, "classification", "it is that of their task")
    jobs.know_gates(evaluation, Named("another"))
    for name in ("classification", "ours"):
        evaluation.remove_gate(admin, name, "tired of it")
    assert evaluation.gate(school.id, "classification").number == 0, "the shipped one is in force again"
    with pytest.raises(interface.UnknownGate):
        evaluation.gate(school.id, "ours")
    with pytest.raises(interface.UnknownGate, match="a shipped gate stays"):
        evaluation.remove_gate(admin, "classification", "twice")
    assert actions(school).count("gate.removed") == 2
    assert evaluation.put_gate(admin, "ours", new).number == 3, "its past is on record"


@dataclass(frozen=True)
class Named:
    """A pipeline under way and a schedule, which both name a gate."""

    gate: str

    def under_way(self, school_id: str) -> list[Any]:  # Any: pipelines
        return [SimpleNamespace(number=7, spec=self._spec)]

    def schedules(self, school_id: str) -> list[Any]:  # Any: schedules
        return [SimpleNamespace(spec=self._spec)]

    @property
    def _spec(self) -> SimpleNamespace:
        task = SimpleNamespace(task="tabular_classification")
        return SimpleNamespace(name="weekly", gate=SimpleNamespace(name=self.gate), train=task)


def test_a_condition_on_what_no_report_holds_is_refused_with_what_was_meant(school: School) -> None:
    admin = school.principal()
    for figure, limit, meant in (("acuracy", 0.9, "accuracy"), ("rmse", "baseline_rsme * 0.9", "baseline_rmse")):
        new = NewGate(conditions=(Condition(figure=figure, comparison=">=", limit=limit),))
        with pytest.raises(interface.UnknownFigure) as told:
            school.evaluation.put_gate(admin, "ours", new)
        assert meant in (told.value.fix or "")
    fine = ("subgroup_gap:gender", "cv_mean:accuracy", "mean_return")
    new = NewGate(conditions=tuple(Condition(figure=one, comparison="<=", limit="champion + 0.1") for one in fine))
    assert len(school.evaluation.put_gate(admin, "ours", new).conditions) == 3


def test_a_gate_of_the_tasks_name_goes_before_that_of_its_family(school: School) -> None:
    evaluation = school.evaluation
    report = evaluation.evaluate(school.id, "a", asked(school))
    new = NewGate(conditions=(Condition(figure="accuracy", comparison=">", limit=0),))
    evaluation.put_gate(school.principal(), "tabular_classification", new)
    assert evaluation.judge(school.id, "a", "", report.id).gate == "tabular_classification"
