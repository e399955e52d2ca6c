"""What other modules may know of evaluation: reports, gates, verdicts, the verbs and the errors.

Light on purpose: importing this file imports neither polars nor onnxruntime. Work on tables is done by the child
process `python -m shuyuan.maas.evaluation.child FOLDER`, which other child processes may start in the same way.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.datasets.interface import Part

Family = Literal["classification", "regression", "ranking", "generation", "language_model", "clustering"]
State = Literal["running", "finished", "failed"]
Comparison = Literal[">=", "<=", ">", "<"]
FAMILIES: tuple[Family, ...] = (
    "classification",
    "regression",
    "ranking",
    "generation",
    "language_model",
    "clustering",
)
FEWEST_PERSONS = 10  # a group of fewer is not shown
MAIN_FIGURE: Mapping[Family, str] = {
    "classification": "accuracy",
    "regression": "rmse",
    "ranking": "ndcg_at_10",
    "generation": "chrf",
    "language_model": "perplexity",
    "clustering": "silhouette",
}
SMALLER_IS_BETTER = frozenset(
    {"rmse", "mae", "log_loss", "brier", "calibration_error", "perplexity", "latency_p50_ms", "latency_p99_ms"}
    | {"size_bytes", "subgroup_gap", "subgroup_gap_excess", "shuffled_distance", "leak_suspects"}
)
_LIMIT = re.compile(r"\s*(?P<name>[a-z][a-z0-9_:@.]*)\s*(?:(?P<sign>[-+*])\s*(?P<number>\d+(?:\.\d+)?(?:e-?\d+)?))?\s*")


class _Fact(BaseModel):
    """An immutable value."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Interval(_Fact):
    """Where a figure lies with 95 % confidence, and how that was found."""

    low: float
    high: float
    by: Literal["person", "row", "wilson"] = "row"


class Slice(_Fact):
    """Rows that share one or two values and go wrong more often than all rows do."""

    where: Mapping[str, str]
    rows: int
    error: float = Field(description="Mean error inside: share of mistakes, or mean absolute residual.")
    overall: float = Field(description="The same over all rows.")
    p_value: float = Field(description="Adjusted for every slice looked at.")


class Group(_Fact):
    """One value of a group column. A suppressed group shows neither counts nor figure."""

    value: str
    suppressed: bool = False
    rows: int | None = None
    persons: int | None = None
    figure: float | None = None
    low: float | None = None
    high: float | None = None


class Gap(_Fact):
    """Largest difference of a figure between the groups of one column.

    by_chance: what the gap stays below in 95 of 100 draws when groups are dealt at random.
    """

    column: str
    figure: str
    groups: tuple[Group, ...]
    gap: float | None = None
    low: float | None = None
    high: float | None = None
    by_chance: float | None = None


class Confusion(_Fact):
    """How often each class (row) was called each class (column)."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


class Example(_Fact):
    """One confident mistake. `values` is the row itself, None where the data set is personal."""

    row: int
    label: str
    prediction: str
    confidence: float = Field(description="Probability given to the wrong answer, or the size of the residual.")
    values: Mapping[str, str] | None = None


class Suspect(_Fact):
    """A column that by itself tells the label: score is the accuracy of guessing from it alone."""

    column: str
    score: float


class Control(_Fact):
    """The score with labels dealt at random; far from chance, something leaks.

    kind inputs: the label and every column that tells it were shuffled in the table and the model asked again.
    kind predictions: only labels were shuffled.  none: this family has no such control.
    """

    kind: Literal["inputs", "predictions", "none"]
    figure: str = ""
    value: float | None = None
    chance: float = 0.0
    distance: float | None = None
    suspects: tuple[Suspect, ...] = ()
    flagged: bool = False


class Latency(_Fact):
    """One row at a time, one thread, after warming up; and rows per second in batches of 64."""

    p50_ms: float
    p99_ms: float
    rows_per_s: float
    calls: int
    size_bytes: int


class Report(_Fact):
    """What was found of one subject on one part of one data set.

    figures: only finite numbers; what could not be computed is not there (see `missing`, name → why).
    curves: points of the plots by name (calibration, roc:LABEL, residuals).
    Lists of reports carry head and figures alone; slices to curves come with a single report.
    """

    id: str
    school_id: str
    subject: str = Field(description="runs:/id, models:/name/3, or cv:/id for a cross-validation.")
    data: str
    data_sha256: str
    part: Part
    task: str
    family: Family
    state: State = "finished"
    stage: str = ""
    error: Mapping[str, str] | None = None
    rows: int = 0
    persons: int | None = None
    figures: Mapping[str, float] = {}
    intervals: Mapping[str, Interval] = {}
    missing: Mapping[str, str] = {}
    slices: tuple[Slice, ...] = ()
    slices_tested: int = 0
    groups: tuple[Gap, ...] = ()
    confusion: Confusion | None = None
    examples: tuple[Example, ...] = ()
    control: Control | None = None
    latency: Latency | None = None
    folds: Mapping[str, tuple[float, ...]] = Field({}, description="Cross-validation: figure → its value in each fold.")
    curves: Mapping[str, tuple[tuple[float, ...], ...]] = {}
    test_readings: int = Field(0, description="How often this test part had been read, this reading included.")
    report_sha256: str = ""
    html_sha256: Mapping[str, str] = Field({}, description="Language → address of the HTML file.")
    seconds: float = 0.0
    created_by: str
    created_at: datetime

    @property
    def main_figure(self) -> str:
        """The figure this family is judged by first."""
        return MAIN_FIGURE[self.family]


class NewReport(_Fact):
    """What one asks to have evaluated.

    subject: `models:/name/3`, `models:/name@alias`, `name`, or `runs:/id`.  groups: columns to compare people by;
    empty: every category of at most eight values.  task: needed only where the subject does not say it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")
    data: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")
    part: Part = "validation"
    groups: tuple[str, ...] = Field((), max_length=20)
    task: str = Field("", max_length=64, pattern=r"^[a-z0-9_]*$")
    seed: int = Field(7, ge=0, le=2**31 - 1)


class Subject(_Fact):
    """Files of what is evaluated, for callers that have them already (pipelines, compression, cross-validation).

    Either `model` (ONNX; with `spec`, and `features` inside it or beside it) or `predictions` must be given.
    predictions: Parquet with part, row, label, prediction, p_0 …  With several files (folds) each has in `rows` the
    .npy file of the table's row numbers its rows stand for.
    """

    uri: str
    task: str = ""
    model: Path | None = None
    spec: Mapping[str, object] = {}
    features: Path | None = None
    predictions: tuple[Path, ...] = ()
    rows: tuple[Path, ...] = ()
    folds: Mapping[str, tuple[float, ...]] = {}


class NewCrossValidation(_Fact):
    """What one says to cross-validate: k folds of one part, cut by `by`.

    key: a word of the caller's own: its folds are cut in the same folder when the work is done again after a crash.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str = Field(max_length=64, pattern=r"^[a-z0-9_]+$")
    data: str = Field(max_length=200)
    part: Part = "train"
    k: int = Field(5, ge=2, le=50)
    by: Literal["random", "person", "time", "stratified"] = "random"
    groups: tuple[str, ...] = Field((), max_length=20)
    seed: int = Field(7, ge=0, le=2**31 - 1)
    key: str = Field("", max_length=40, pattern=r"^[a-z0-9]*$")


class FoldFiles(_Fact):
    """One fold, as Parquet files: what to train on and what to hold out. number counts from 1."""

    number: int
    train: Path
    held_out: Path


class FoldResult(_Fact):
    """What came of a fold. predictions: a run's file; its rows of part `validation` are those held out, in order."""

    figures: Mapping[str, float]
    predictions: Path


TrainFold = Callable[[FoldFiles], FoldResult]


def _check_limit(limit: float | str) -> float | str:
    if isinstance(limit, str) and not _LIMIT.fullmatch(limit):
        raise ValueError(f"limit {limit!r} is not readable; write 0.9, 'champion - 0.01' or 'champion * 1.2'")
    return limit


class Condition(_Fact):
    """One line of a gate: a figure of the report against a limit.

    limit: a number; or `champion`, or the name of another figure of the same report, with ± or * a number:
    "champion - 0.01", "champion * 1.2", "calibration_by_chance + 0.03".
    first: what a comparison with the champion means while there is no champion.
    unless: reasons (as in a report's `missing`) for which the figure does not apply; then the line passes and says so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    figure: str = Field(min_length=1, max_length=120, pattern=r"^[^\x00]*$")
    comparison: Comparison
    limit: Annotated[float | str, AfterValidator(_check_limit)]
    first: Literal["pass", "fail"] = "pass"
    unless: tuple[Literal["no_groups", "no_model", "no_control", "no_probabilities"], ...] = ()

    def terms(self) -> tuple[str, str, float]:
        """The limit taken apart: (name, sign, number); a plain number has no name.

        >>> Condition(figure="auc", comparison=">=", limit="champion - 0.01").terms()
        ('champion', '-', 0.01)
        >>> Condition(figure="auc", comparison=">=", limit=0.9).terms()
        ('', '+', 0.9)
        """
        if not isinstance(self.limit, str):
            return "", "+", float(self.limit)
        found = _LIMIT.fullmatch(self.limit)
        assert found is not None  # checked when it was made
        return found["name"], found["sign"] or "+", float(found["number"] or 0)


class Gate(_Fact):
    """A named list of conditions, of one school. number counts its changes; 0 is a gate shipped with the platform."""

    name: str
    conditions: tuple[Condition, ...]
    part: Part | None = Field(None, description="The part a report must be on; None: any.")
    number: int = 0
    school_id: str = ""
    created_by: str = ""
    created_at: datetime | None = None


class NewGate(_Fact):
    """What one says to set a gate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    conditions: tuple[Condition, ...] = Field(min_length=1, max_length=40)
    part: Part | None = None


Note = Literal[
    "",
    "missing_figure",
    "missing_limit",
    "no_champion",
    "champion_unreported",
    "champion_on_other_data",
    "wrong_part",
    "not_applicable",
]
Doubt = Literal["", "gate_changed", "other_champion", "other_gate"]


class Line(_Fact):
    """One condition judged: the figure beside its limit.

    note: why a side is missing.  reason: what the report says of it, or what to do.
    """

    figure: str
    comparison: Comparison
    said: str = Field(description="The limit as the gate says it.")
    value: float | None
    limit: float | None
    passed: bool
    note: Note = ""
    reason: str = ""


class Verdict(_Fact):
    """What a gate said of a report. `id` is empty until it is stored."""

    gate: str
    gate_number: int
    report_id: str
    subject: str
    champion_report_id: str | None
    passed: bool
    lines: tuple[Line, ...]
    id: str = ""
    judged_by: str = ""
    at: datetime | None = None

    @property
    def failed(self) -> tuple[Line, ...]:
        """The lines that did not pass."""
        return tuple(line for line in self.lines if not line.passed)


class Reading(_Fact):
    """Somebody read a test part: of which data, for which run or version, who and when."""

    id: str
    subject: str
    data: str
    data_sha256: str
    rows: int
    report_id: str | None
    read_by: str
    at: datetime


class RunFacts(Protocol):
    """What evaluation reads of a run."""

    @property
    def id(self) -> str: ...
    @property
    def uri(self) -> str: ...
    @property
    def task(self) -> str: ...
    @property
    def data(self) -> str: ...
    @property
    def state(self) -> str: ...


class RunFiles(Protocol):
    """What evaluation asks of whoever keeps runs; given to its constructor, so that the two rooms never meet."""

    def run_of(self, school_id: str, run_id: str) -> RunFacts: ...
    def artefact_of(self, school_id: str, run_id: str, name: str) -> Path:
        """A file the run made: model.onnx, spec.json, features.json, predictions.parquet. Raises NotFound."""
        ...


OnProgress = Callable[[Mapping[str, object]], None]


class Evaluation(Protocol):
    """Evaluate, look at reports, set gates, judge. Everything is scoped to one school."""

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

        subject: the files, for what `new.subject` cannot be looked up here (runs); None: a version of the catalogue.
        Raises UnknownSubject, EvaluationFailed, and what the data set's own errors are.
        """
        ...

    def cross_validate(
        self,
        school_id: str,
        actor_id: str,
        new: NewCrossValidation,
        train: TrainFold,
        *,
        on_progress: OnProgress | None = None,
    ) -> Report:
        """Cut k folds, call `train` for each, and report on all held-out predictions together.

        The report's `folds` have each figure of each fold; `cv_mean:NAME` and `cv_spread:NAME` are among its figures.
        Raises what `evaluate` and `train` raise.
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

    def html(self, school_id: str, report_id: str, language: Literal["zh", "en"]) -> bytes:
        """The report as one self-contained file."""
        ...

    def gates(self, school_id: str) -> list[Gate]:
        """The school's gates in force, then the shipped ones it has not replaced."""
        ...

    def gate(self, school_id: str, name: str) -> Gate:
        """By its name; a task's or family's name finds the shipped one. Raises UnknownGate."""
        ...

    def put_gate(self, principal: Principal, name: str, new: NewGate) -> Gate:
        """Set a gate (administrators); what it was before stays on record. Audited."""
        ...

    def judge(
        self, school_id: str, actor_id: str, gate: str, report_id: str, champion_report_id: str | None = None
    ) -> Verdict:
        """Hold a finished report against a gate; stored and audited.

        gate: a name; empty: the gate called like the report's task, else the shipped one of its family.
        champion_report_id: of the champion of the subject's model; None: the newest one on the same part and data.
        Without any, lines that compare with the champion fail and say what to evaluate. A run belongs to no model yet:
        without a champion's report it is compared with nothing, which `doubt` finds when it is to be served.
        Nothing passes by a report on part `train`. Raises BadInput for a report of another version than the champion.
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

    def readings(self, school_id: str, data: str | None = None, limit: int = 200) -> list[Reading]:
        """The log of test parts read, newest first."""
        ...

    def note_reading(
        self, school_id: str, actor_id: str, *, subject: str, data: str, data_sha256: str, rows: int
    ) -> Reading:
        """For whoever else reads a test part (a training run that scores itself on it). Call before reading."""
        ...


class UnknownReport(errors.NotFound):
    """No report of this school has that id."""

    code = "report_not_found"


class UnknownGate(errors.NotFound):
    """No gate has that name."""

    code = "gate_not_found"


class UnknownSubject(errors.NotFound):
    """What shall be evaluated is not there, or nothing can be predicted with it."""

    code = "subject_not_found"


class ReportNotReady(errors.Conflict):
    """The report is still being made, or failed."""

    code = "report_not_ready"


class EvaluationFailed(errors.BadInput):
    """The child process refused the work, and says why; the code is the child's."""

    code = "evaluation_failed"


class EvaluationLost(errors.ShuyuanError):
    """The child process ended without a word (killed, out of memory)."""

    status, code = 500, "evaluation_lost"
