"""Reports for teachers: who needs help, on what evidence. The only file of insight that other modules import."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, TextIO

from shuyuan.identity.interface import Principal
from shuyuan.learning.people.interface import Learner, Purpose
from shuyuan.learning.records.interface import Response
from shuyuan.learning.tracing.interface import Mastery
from shuyuan.science.metrics import Bin


@dataclass(frozen=True)
class Need:
    """A learner who is stuck on a point, with the very answers that say so."""

    learner: Learner
    right: int
    answers: int
    evidence: tuple[Response, ...]  # newest wrong answers, at most three
    misconception: str | None


@dataclass(frozen=True)
class ClassToday:
    """The teacher's Today for one class and course. `point_id` is the point most pupils are stuck on."""

    class_id: str
    course_id: str
    point_id: str | None
    size: int
    stuck: tuple[Need, ...]
    too_little_evidence: tuple[tuple[Learner, int], ...]  # (learner, answers so far)
    ready: int
    shared_misconception: str | None
    shared_by: int


@dataclass(frozen=True)
class ClassMap:
    """Learners × points, learners sorted by need."""

    points: tuple[str, ...]
    rows: tuple[tuple[Learner, Mapping[str, Mastery]], ...]
    percent_correct: Mapping[str, float | None]  # point id → share correct of all answers, None without answers


@dataclass(frozen=True)
class Reason:
    """Why a learner needs help, counted. stuck: `right` of `answers` on a point.  mistake: the same one `answers` times
    lately.  slipping: `right` of the last `answers`, `before` of as many before.  faded: `answers` solid points past
    their review, the most faded first.  silent: `days` without an answer, None: none ever."""

    kind: Literal["stuck", "mistake", "slipping", "faded", "silent"]
    point_id: str | None
    right: int
    answers: int
    before: int = 0
    days: int | None = None
    misconception: str | None = None
    evidence: tuple[Response, ...] = ()  # newest first, at most three


@dataclass(frozen=True)
class Help:
    """A learner with every reason why they need help."""

    learner: Learner
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class ClassMistake:
    """A known mistake in a class: where it shows most, who makes it, and an example each of different learners."""

    misconception: str
    point_id: str
    learners: tuple[Learner, ...]
    times: int
    examples: tuple[Response, ...]


class Insight(Protocol):
    """Evidence for teachers."""

    def today(self, principal: Principal, class_id: str, course_id: str) -> ClassToday: ...
    def class_map(self, principal: Principal, class_id: str, course_id: str) -> ClassMap: ...
    def help(self, principal: Principal, class_id: str, course_id: str) -> tuple[Help, ...]:
        """Who needs help and why, most in need first."""
        ...

    def mistakes(self, principal: Principal, class_id: str, course_id: str) -> tuple[ClassMistake, ...]:
        """The known mistakes of the last weeks, of the most learners first."""
        ...

    def answers(
        self, principal: Principal, class_id: str, point_id: str, learner_ids: Sequence[str] | None = None
    ) -> list[Response]: ...
    def responses(self, principal: Principal, learner_id: str, *, limit: int = 200) -> list[Response]:
        """One learner's answers, newest first: for themselves and their teachers."""
        ...


# --- early warning: who may fall below the class's line next week ------------------------------------------

LINE_FEWEST, LINE_MARGIN = 5, 0.15  # answers in a week; share right below the class's
RENEWING = "early warning"  # what `EarlyWarning.renew` is called while somebody is at it
Fact = Literal["right", "level", "trend", "gap", "days", "hints", "slow", "unfinished"]


@dataclass(frozen=True)
class Evidence:
    """How much there is to learn from, beside the least it takes. rows: a learner in a week.  rarer: rows of the rarer
    outcome, three of a learner at most."""

    weeks: int
    learners: int
    rows: int
    rarer: int
    least_weeks: int
    least_learners: int
    least_rows: int
    least_rarer: int

    @property
    def enough(self) -> bool:
        """Whether a model may be fitted at all."""
        return (
            self.weeks >= self.least_weeks
            and self.learners >= self.least_learners
            and self.rows >= self.least_rows
            and self.rarer >= self.least_rarer
        )


@dataclass(frozen=True)
class Trust:
    """How far the early warning of a school may be trusted, on learners its fit had not seen. used: the model is in
    use; else the rules alone are.  better: surely better than the mere share of all.  newest_*: the newest week, as the
    weeks before it foretold it."""

    used: bool
    better: bool
    evidence: Evidence
    share_below: float
    auc: float
    auc_low: float
    auc_high: float
    log_loss: float
    log_loss_share: float
    calibration_error: float
    largest_calibration_error: float
    bins: tuple[Bin, ...]
    newest_rows: int
    newest_expected: float
    newest_came: float


@dataclass(frozen=True)
class Because:
    """A counted fact that raises a learner's chance: as it is with them, as is usual in the class, and by how much."""

    fact: Fact
    mine: float
    usual: float
    log_odds: float


@dataclass(frozen=True)
class Risk:
    """The chance that a learner is below the class's line in the week until `until`, with the largest reasons."""

    learner: Learner
    chance: float
    because: tuple[Because, ...]


@dataclass(frozen=True)
class ClassRisks:
    """A class as the early warning sees it. warned: most at risk first, dismissed ones left out; empty, like `until`,
    while only the rules stand.  evidence: what there was at the last fit, None before the first."""

    until: datetime | None
    warned: tuple[Risk, ...]
    evidence: Evidence | None
    trust: Trust | None


class EarlyWarning(Protocol):
    """Who may fall below the class's line next week: for teachers of that class only, for a week, dismissible."""

    def of_class(self, principal: Principal, class_id: str, course_id: str) -> ClassRisks:
        """Raises Forbidden for every other role, administrators too, and NotFound for a class that is not theirs."""
        ...

    def dismiss(self, principal: Principal, class_id: str, course_id: str, learner_id: str) -> None:
        """The teacher disagrees: not said of this learner again before the week is over."""
        ...

    def trust(self, principal: Principal) -> tuple[Evidence | None, Trust | None, datetime | None]:
        """For administrators and developers: evidence and figures of the last fit, and when it was."""
        ...

    def renew(self, school_id: str) -> Evidence:
        """Fit on the past weeks of learners who agreed to improvement; what there was."""
        ...

    def renew_if_due(self, school_id: str) -> bool:
        """Once a week, outside school hours and exams."""
        ...


# --- for researchers: learner models compared, and the answers to compare them on ---------------------------

ComparisonState = Literal["running", "finished", "failed"]
ExportForm = Literal["csv", "json"]


@dataclass(frozen=True)
class TracerKind:
    """A model of the family. available: what it needs is installed."""

    name: str
    needs_torch: bool
    available: bool


@dataclass(frozen=True)
class Source:
    """What can be compared on. reference: "own:research", "own:improvement", or `data:/name/3`.  enough: to hold some
    learners out."""

    reference: str
    learners: int
    answers: int
    enough: bool


@dataclass(frozen=True)
class Comparison:
    """new_items: also judged on items hidden from the fit.  of: stages.  doing: model and stage.  result: JSON."""

    id: str
    source: str
    models: tuple[str, ...]
    seed: int
    new_items: bool
    at: datetime
    state: ComparisonState
    done: int
    of: int
    doing: tuple[str, str]
    result: Mapping[str, Any]  # Any: JSON
    error: Mapping[str, str]


class Comparing(Protocol):
    """Compare learner models on a data set: for administrators and developers; aggregated figures only."""

    def models(self) -> list[TracerKind]: ...
    def sources(self, principal: Principal) -> list[Source]: ...
    def start(
        self,
        principal: Principal,
        source: str,
        models: Sequence[str],
        *,
        seed: int = 0,
        control: bool = True,
        new_items: bool = False,
    ) -> Comparison:
        """Begin. Raises BadInput, Conflict (too few who agreed), ConsentMissing, RateLimited, Unavailable."""
        ...

    def list(self, principal: Principal) -> list[Comparison]:
        """Newest first."""
        ...

    def one(self, principal: Principal, comparison_id: str) -> Comparison:
        """Raises NotFound."""
        ...


class AnswersExport(Protocol):
    """The school's own answers with pseudonyms, only of who agreed."""

    def available(self, principal: Principal) -> Sequence[tuple[Purpose, int, int]]:
        """(purpose, learners, answers)."""
        ...

    def write(
        self, principal: Principal, purpose: str, form: ExportForm, file: TextIO, *, noted: bool = True
    ) -> set[str]:
        """Into `file`; the learners whose they are. Raises Conflict (too few), BadInput. noted: in the activity log;
        who takes them no further notes what they do instead."""
        ...
