"""After a start: go on with what an earlier server had begun, and ask the pipelines which gates they name."""

from collections.abc import Sequence
from typing import Protocol

from shuyuan.maas.evaluation.service import EvaluationService

_OVER = ("finished", "failed", "cancelled")


class _NamedGate(Protocol):
    @property
    def name(self) -> str: ...


class _Spec(Protocol):
    @property
    def gate(self) -> _NamedGate: ...
    @property
    def name(self) -> str: ...


class _Made(Protocol):
    @property
    def number(self) -> int: ...
    @property
    def state(self) -> str: ...
    @property
    def spec(self) -> _Spec: ...


class _Planned(Protocol):
    @property
    def spec(self) -> _Spec: ...


class Pipelines(Protocol):
    """What evaluation asks of pipelines; it never imports them."""

    def pipelines(self, school_id: str, *, limit: int = 50, before: int | None = None) -> Sequence[_Made]: ...
    def schedules(self, school_id: str) -> Sequence[_Planned]: ...


def register(evaluation: EvaluationService, pipelines: Pipelines | None = None) -> None:
    """Begin reports again, go on with cross-validations."""
    if pipelines is not None:
        know_gates(evaluation, pipelines)
    evaluation.resume()
    evaluation.refit_work.open()


def know_gates(evaluation: EvaluationService, pipelines: Pipelines) -> None:
    """From now on a gate that a pipeline under way or a schedule names cannot be removed."""

    def users(school_id: str, name: str) -> list[str]:
        under_way = [one for one in pipelines.pipelines(school_id) if one.state not in _OVER]
        return [
            *(f"pipeline {one.number}" for one in under_way if one.spec.gate.name == name),
            *(f"schedule {one.spec.name!r}" for one in pipelines.schedules(school_id) if one.spec.gate.name == name),
        ]

    evaluation.know_gate_users(users)
