"""Verdicts and reports of an evaluation that a test wrote."""

from dataclasses import dataclass, field
from typing import Any

from shuyuan.kernel import clock, errors, ids
from shuyuan.maas.evaluation import interface as evaluation


@dataclass
class Verdicts:
    """As much of `Evaluation` as deployments ask."""

    known: dict[str, evaluation.Verdict] = field(default_factory=dict)
    made: list[evaluation.Report] = field(default_factory=list)
    doubts: dict[str, evaluation.Doubt] = field(default_factory=dict)

    def add(self, subject: str, passed: bool, report_id: str = "") -> evaluation.Verdict:
        line = evaluation.Line(figure="accuracy", comparison=">=", said="0.9", value=0.8, limit=0.9, passed=passed)
        found = evaluation.Verdict(
            gate="classification",
            gate_number=1,
            report_id=report_id or ids.new_id(),
            subject=subject,
            champion_report_id=None,
            passed=passed,
            lines=(line,),
            id=ids.new_id(),
            at=clock.now(),
        )
        self.known[found.id] = found
        return found

    def add_report(self, school_id: str, subject: str, data: str) -> evaluation.Report:
        report = evaluation.Report(
            id=ids.new_id(),
            school_id=school_id,
            subject=subject,
            data=data,
            data_sha256="0" * 64,
            part="validation",
            task="tabular_classification",
            family="classification",
            figures={"accuracy": 0.8},
            created_by="system",
            created_at=clock.now(),
        )
        self.made.append(report)
        return report

    def verdict(self, school_id: str, verdict_id: str) -> evaluation.Verdict:
        if verdict_id not in self.known:
            raise errors.NotFound(f"verdict {verdict_id}")
        return self.known[verdict_id]

    def doubt(
        self, school_id: str, verdict: evaluation.Verdict, *, task: str, champion: str | None
    ) -> evaluation.Doubt:
        return self.doubts.get(verdict.id, "")

    def verdicts(self, school_id: str, report_id: str) -> list[evaluation.Verdict]:
        return [one for one in self.known.values() if one.report_id == report_id]

    def reports(
        self, school_id: str, *, subject: str | None = None, **_: Any
    ) -> list[evaluation.Report]:  # Any: unused
        return [one for one in self.made if one.school_id == school_id and one.subject == subject]

    def __getattr__(self, name: str) -> Any:  # Any: deployments ask nothing else
        raise NotImplementedError(name)
