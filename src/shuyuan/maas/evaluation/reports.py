"""Reports: what was found of one subject on one part of one data set; and the log of test parts read."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field, computed_field

from shuyuan.maas.datasets.interface import Part
from shuyuan.maas.evaluation.facts import Fact
from shuyuan.maas.evaluation.figures import MAIN_FIGURE, Family

State = Literal["running", "finished", "failed", "cancelled"]


class Interval(Fact):
    """Where a figure lies with 95 % confidence, and how that was found."""

    low: float
    high: float
    by: Literal["person", "row", "wilson", "fold"] = "row"


class Slice(Fact):
    """Rows that share one or two values and go wrong more often than all rows do."""

    where: Mapping[str, str]
    rows: int
    error: float = Field(description="Mean error inside: share of mistakes, or mean absolute residual.")
    overall: float = Field(description="The same over all rows.")
    p_value: float = Field(description="Adjusted for every slice looked at.")


class Group(Fact):
    """One value of a group column. A suppressed group shows neither counts nor figure."""

    value: str
    suppressed: bool = False
    rows: int | None = None
    persons: int | None = None
    figure: float | None = None
    low: float | None = None
    high: float | None = None


class Gap(Fact):
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


class Confusion(Fact):
    """How often each class (row) was called each class (column)."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


class Example(Fact):
    """One confident mistake. `values` is the row itself, None where the data set is personal."""

    row: int
    label: str
    prediction: str
    confidence: float = Field(description="Probability given to the wrong answer, or the size of the residual.")
    values: Mapping[str, str] | None = None


class Suspect(Fact):
    """A column that by itself tells the label: score is the accuracy of guessing from it alone."""

    column: str
    score: float


class Control(Fact):
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


class Latency(Fact):
    """One row at a time, one thread, after warming up; and rows per second in batches of 64."""

    p50_ms: float
    p99_ms: float
    rows_per_s: float
    calls: int
    size_bytes: int


class Report(Fact):
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
    parts: tuple[Part, ...] = Field((), description="Cross-validation: the parts whose rows were dealt to the folds.")
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

    @computed_field  # type: ignore[prop-decorator]  # pydantic's own way to put a property into the JSON
    @property
    def of_class(self) -> str | None:
        """Of two classes the one that precision, recall, F1, AUC, Brier and calibration error speak of: the second.

        None of more classes (those figures are means over all), of other families, and in lists.
        """
        labels = self.confusion.labels if self.confusion is not None else ()
        return labels[1] if len(labels) == 2 else None


class NewReport(Fact):
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


class Reading(Fact):
    """Somebody read a test part: of which data, for which run or version, who and when."""

    id: str
    subject: str
    data: str
    data_sha256: str
    rows: int
    report_id: str | None
    read_by: str
    at: datetime
