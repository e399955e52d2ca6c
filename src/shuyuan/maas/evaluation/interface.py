"""What other modules may know of evaluation: reports, gates, verdicts, cross-validations, the verbs and the errors.

Light on purpose: importing this file imports neither polars nor onnxruntime. Work on tables is done by the child
process `python -m shuyuan.maas.evaluation.child FOLDER`, which other child processes may start in the same way.
"""

from collections.abc import Collection
from typing import Literal, Protocol

from shuyuan.identity.interface import Principal
from shuyuan.maas.evaluation.conditions import (
    Comparison,
    Condition,
    Doubt,
    Gate,
    Line,
    NewGate,
    Note,
    Used,
    Verdict,
)
from shuyuan.maas.evaluation.figures import (
    BY_ROW,
    FAMILIES,
    FEWEST_PERSONS,
    MAIN_FIGURE,
    SMALLER_IS_BETTER,
    Family,
)
from shuyuan.maas.evaluation.figures import known as known_figures
from shuyuan.maas.evaluation.page.words import column as column_name
from shuyuan.maas.evaluation.page.words import group as group_words
from shuyuan.maas.evaluation.page.words import missing_reasons, worse
from shuyuan.maas.evaluation.page.words import name as figure_name
from shuyuan.maas.evaluation.page.words import say as finding
from shuyuan.maas.evaluation.refits import (
    Fits,
    FoldFiles,
    ListsTasks,
    NewCrossValidation,
    NewFit,
    Refit,
    RefitState,
    Retrained,
    Spread,
)
from shuyuan.maas.evaluation.refusals import (
    CrossValidationEnded,
    EvaluationFailed,
    EvaluationLost,
    GateChanged,
    GateInUse,
    ReasonMissing,
    ReportCancelled,
    ReportEnded,
    ReportNotReady,
    UnknownCrossValidation,
    UnknownFigure,
    UnknownGate,
    UnknownReport,
    UnknownSubject,
)
from shuyuan.maas.evaluation.reports import (
    Confusion,
    Control,
    Example,
    Gap,
    Group,
    Interval,
    Latency,
    NewReport,
    Reading,
    Report,
    Slice,
    State,
    Suspect,
)
from shuyuan.maas.evaluation.subjects import FileFacts, OnProgress, RunFacts, RunFiles, Subject

__all__ = [
    "BY_ROW", "Comparison", "Condition", "Confusion", "Control", "CrossValidationEnded", "CrossValidations",
    "Doubt", "Evaluation", "EvaluationFailed", "EvaluationLost", "Example", "FAMILIES", "FEWEST_PERSONS", "Family",
    "FileFacts", "Fits", "FoldFiles", "Gap", "Gate", "GateChanged", "GateInUse", "Gates", "Group", "Interval",
    "Latency", "Line", "ListsTasks", "MAIN_FIGURE", "NewCrossValidation", "NewFit", "NewGate", "NewReport", "Note",
    "OnProgress",
    "Reading", "ReasonMissing", "Refit", "RefitState", "Report", "ReportCancelled", "ReportEnded", "ReportNotReady",
    "Reports", "Retrained", "RunFacts", "RunFiles", "SMALLER_IS_BETTER", "Slice", "Spread", "State", "Subject",
    "Suspect", "UnknownCrossValidation", "UnknownFigure", "UnknownGate", "UnknownReport", "UnknownSubject", "Used",
    "Verdict", "column_name", "figure_name", "finding", "group_words", "known_figures", "missing_reasons", "worse",
]  # fmt: skip


class Reports(Protocol):
    """Evaluate and look at reports. Everything is scoped to one school."""

    def evaluate(
        self,
        school_id: str,
        actor_id: str,
        new: NewReport,
        *,
        subject: Subject | None = None,
        on_progress: OnProgress | None = None,
    ) -> Report:
        """Evaluate now, in a child process, and return the stored report. For pipelines and the command line.

        subject: the files, where the caller has them; None: they are looked up (a version, or a run).
        Raises UnknownSubject, EvaluationFailed, and what the data set's own errors are.
        """
        ...

    def start(self, principal: Principal, new: NewReport) -> Report:
        """Begin in the background; the report is `running` until it is finished or failed."""
        ...

    def report(self, school_id: str, report_id: str) -> Report:
        """With every detail. Raises NotFound, also for another school's."""
        ...

    def reports(
        self, school_id: str, *, subject: str | None = None, data: str | None = None, limit: int = 100
    ) -> list[Report]:
        """Newest first, heads and figures only."""
        ...

    def cancel_report(self, principal: Principal, report_id: str) -> Report:
        """Stop one that is being made; nothing of it stays. One of a cross-validation ends with that.

        Raises UnknownReport, ReportEnded.
        """
        ...

    def html(self, school_id: str, report_id: str, language: Literal["zh", "en"]) -> bytes:
        """The report as one self-contained file."""
        ...

    def readings(self, school_id: str, data: str | None = None, limit: int = 200) -> list[Reading]:
        """The log of test parts read, newest first."""
        ...

    def note_reading(
        self, school_id: str, actor_id: str, *, subject: str, data: str, data_sha256: str, rows: int
    ) -> Reading:
        """For whoever else reads a test part (a training run that scores itself on it). Call before reading."""
        ...


class Gates(Protocol):
    """Set gates and judge."""

    def gates(self, school_id: str) -> list[Gate]:
        """The school's gates in force, then the shipped ones it has not replaced."""
        ...

    def gate(self, school_id: str, name: str) -> Gate:
        """By its name; a task's or family's name finds the shipped one. Raises UnknownGate."""
        ...

    def put_gate(self, principal: Principal, name: str, new: NewGate) -> Gate:
        """Set a gate (administrators); what it was before stays on record. Audited.

        Raises UnknownFigure for what no report holds, ReasonMissing where it changes what is in force without a reason,
        GateChanged where that is not the expected one any more.
        """
        ...

    def remove_gate(self, principal: Principal, name: str, reason: str) -> None:
        """Take a gate of the school out of force (administrators); its record stays, a shipped one comes back.

        Raises UnknownGate, ReasonMissing, and GateInUse while a pipeline or a schedule names it.
        """
        ...

    def gate_in_force(self, school_id: str, task: str) -> Gate:
        """The gate of a task: the one called like it, else the one of its family. Raises UnknownSubject."""
        ...

    def gate_users(self, school_id: str, name: str) -> list[str]:
        """Pipelines under way and schedules that name the gate, in words."""
        ...

    def judge(
        self, school_id: str, actor_id: str, gate: str, report_id: str, champion_report_id: str | None = None
    ) -> Verdict:
        """Hold a finished report against a gate; stored and audited.

        gate: a name; empty: the gate called like the report's task, else the shipped one of its family.
        champion_report_id: of the champion of the subject's model; None: its newest one on the same part and data, else
        that of the run it was made from, else one that is made now. Where none can be made, lines that compare with
        the champion fail and say why. A run belongs to no model yet: without a champion's report it is compared with
        nothing, which `doubt` finds when it is to be served. Nothing passes by a report on part `train`.
        Raises BadInput for a report of another version than the champion.
        """
        ...

    def doubt(self, school_id: str, verdict: Verdict, *, task: str, champion: str | None) -> Doubt:
        """Why a verdict does not speak for a version of this task beside this champion (`models:/name/3`) now.

        gate_changed: the gate is another one by now.  other_champion: it was not compared with this one.
        other_gate: it is not the gate in force for the task.  task: empty where the version does not say it.
        """
        ...

    def verdict(self, school_id: str, verdict_id: str) -> Verdict: ...

    def verdicts(self, school_id: str, report_id: str) -> list[Verdict]:
        """Newest first."""
        ...


class CrossValidations(Protocol):
    """Fits that evaluation orders. They wait in the queue of runs, behind them."""

    def cross_validate(self, principal: Principal, new: NewCrossValidation) -> Refit:
        """Begin: the rows are cut into folds, each is trained on the others, and one report tells of all.

        Raises what a start of the run would (no such task, a wrong config, ConsentMissing), and UnknownPart.
        """
        ...

    def retrain_shuffled(self, principal: Principal, report_id: str) -> Refit:
        """Train what a report is of once more with shuffled labels, a few steps: what it finds then, it must not.

        For runs, and versions made from one, of classification and regression. Raises UnknownSubject for others.
        """
        ...

    def refit(self, school_id: str, refit_id: str) -> Refit:
        """By id or number. Raises UnknownCrossValidation."""
        ...

    def refits(self, school_id: str, *, of_report: str | None = None, limit: int = 50) -> list[Refit]:
        """Newest first: cross-validations, or the fits with shuffled labels of a report."""
        ...

    def refits_on(self, school_id: str, data: Collection[str]) -> list[Refit]:
        """What is under way on these versions (`data:/name/3`), of every kind, oldest first."""
        ...

    def cancel_refit(self, principal: Principal, refit_id: str) -> Refit:
        """Stop it and the folds under way. Raises CrossValidationEnded."""
        ...


class Evaluation(Reports, Gates, CrossValidations, Protocol):
    """All of it."""
