"""After a start: go on with what an earlier server had begun, and ask the pipelines which gates they name."""

from collections.abc import Sequence
from typing import Protocol

from shuyuan.maas.evaluation.interface import UnknownSubject
from shuyuan.maas.evaluation.service import EvaluationService


class _NamedGate(Protocol):
    @property
    def name(self) -> str: ...


class _Trained(Protocol):
    @property
    def task(self) -> str: ...


class _Spec(Protocol):
    @property
    def gate(self) -> _NamedGate: ...
    @property
    def train(self) -> _Trained: ...
    @property
    def name(self) -> str: ...


class _Made(Protocol):
    @property
    def number(self) -> int: ...
    @property
    def spec(self) -> _Spec: ...


class _Planned(Protocol):
    @property
    def spec(self) -> _Spec: ...


class Pipelines(Protocol):
    """What evaluation asks of pipelines; it never imports them."""

    def under_way(self, school_id: str) -> Sequence[_Made]: ...
    def schedules(self, school_id: str) -> Sequence[_Planned]: ...


def register(evaluation: EvaluationService, pipelines: Pipelines | None = None) -> None:
    """Begin reports again, go on with cross-validations."""
    if pipelines is not None:
        know_gates(evaluation, pipelines)
    evaluation.resume()
    evaluation.refit_work.open()


def know_gates(evaluation: EvaluationService, pipelines: Pipelines) -> None:
    """From now on a gate that a pipeline under way or a schedule goes by, named or not, cannot be removed."""

    def users(school_id: str, name: str) -> list[str]:
        under_way = [one for one in pipelines.under_way(school_id) if _gate_of(evaluation, school_id, one.spec) == name]
        planned = [one for one in pipelines.schedules(school_id) if _gate_of(evaluation, school_id, one.spec) == name]
        return [*(f"pipeline {one.number}" for one in under_way), *(f"schedule {one.spec.name!r}" for one in planned)]

    evaluation.know_gate_users(users)


def _gate_of(evaluation: EvaluationService, school_id: str, spec: _Spec) -> str:
    """Its name; where the spec names none: the one in force for its task. Empty: no gate is for that."""
    if spec.gate.name:
        return spec.gate.name
    try:
        return evaluation.gate_in_force(school_id, spec.train.task).name
    except UnknownSubject:
        return ""
