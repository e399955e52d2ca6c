"""Fits that evaluation orders: the folds of a cross-validation, and one with the labels shuffled. They are runs."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import ConfigDict, Field

from shuyuan.kernel import db
from shuyuan.maas.datasets.interface import Part
from shuyuan.maas.evaluation.facts import Fact
from shuyuan.maas.evaluation.subjects import RunFacts

RefitKind = Literal["folds", "shuffled"]
RefitState = Literal["running", "finished", "failed", "cancelled"]
RefitStage = Literal["cutting", "training", "measuring", "done"]
CutBy = Literal["random", "person", "time", "stratified"]
Plain = r"^[^\x00]*$"
Begun = Callable[[db.UnitOfWork, str], None]  # in the unit that stores a run: its id; raises what undoes it


class NewCrossValidation(Fact):
    """What one says to cross-validate: k folds of some parts of a data set, one fit each.

    run: take task, data, config and seed of this run; what is said beside it goes before.  by: auto keeps persons
    together where a column has that role, else keeps the shares of classes where classes are found, else cuts at
    random.  parts: with test among them, its reading is logged.  groups: columns to compare people by in the report.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str = Field("", max_length=200, pattern=Plain)
    task: str = Field("", max_length=64, pattern=r"^[a-z0-9_]*$")
    data: str = Field("", max_length=200, pattern=Plain)
    config: Mapping[str, Any] | None = None  # Any: JSON; validated by the task
    seed: int | None = Field(None, ge=0, le=2**31 - 1)
    k: int = Field(5, ge=2, le=20)
    by: Literal["auto"] | CutBy = "auto"
    parts: tuple[Part, ...] = Field(("train", "validation"), min_length=1, max_length=3)
    groups: tuple[str, ...] = Field((), max_length=20)


class Spread(Fact):
    """A figure over the folds: its values, their mean, and where the mean lies with 95 % confidence.

    The interval is widened because the folds share most of their rows. Source: Nadeau & Bengio (2003).
    """

    values: tuple[float, ...]
    mean: float
    low: float | None = None
    high: float | None = None


class Retrained(Fact):
    """What a fit with shuffled labels came to, beside chance; far from chance, something leaks into training."""

    figure: str
    value: float
    chance: float
    distance: float
    flagged: bool


class Refit(Fact):
    """A cross-validation, or the fit with shuffled labels that belongs to a report: how far it is, what came of it."""

    id: str
    school_id: str
    number: int
    kind: RefitKind
    task: str
    data: str
    config: Mapping[str, Any] = {}  # Any: JSON
    seed: int = 7
    k: int = 1
    by: CutBy = "random"
    parts: tuple[Part, ...] = ()
    groups: tuple[str, ...] = ()
    state: RefitState = "running"
    stage: RefitStage = "cutting"
    runs: tuple[str, ...] = Field((), description="`runs:/id` of each fold that was begun.")
    ended: int = Field(0, description="Folds whose run has ended.")
    spreads: Mapping[str, Spread] = {}
    retrained: Retrained | None = None
    of_report: str | None = Field(None, description="The report that the fit with shuffled labels belongs to.")
    report_id: str | None = None
    error: Mapping[str, str] | None = None
    created_by: str
    created_at: datetime
    ended_at: datetime | None = None

    @property
    def uri(self) -> str:
        """`cv:/id`."""
        return f"cv:/{self.id}"

    @property
    def is_ended(self) -> bool:
        """No further change will come."""
        return self.state != "running"


class NewFit(Fact):
    """A fit as whoever trains takes it: the words of a new run. key: cv:/id/number; a second start gives the first."""

    task: str
    data: str
    config: Mapping[str, Any]  # Any: JSON; validated by the task
    seed: int
    key: str
    name: str = ""
    parent: str | None = None
    processes: int = 1


class FoldFiles(Protocol):
    """The files of a fold, for whoever trains it: what to learn from, what chooses the weights, what was held out.

    The last is `test`. Raises CrossValidationEnded: nothing is cut again for one that has ended.
    """

    def __call__(self, school_id: str, refit_id: str, number: int) -> Mapping[Part, Path] | None:
        """None: these trials are of a search, not of a cross-validation."""
        ...


class Named(Protocol):
    """A task that can be trained."""

    @property
    def name(self) -> str: ...


@runtime_checkable
class ListsTasks(Protocol):
    """Whoever knows which tasks can be trained."""

    def tasks(self) -> Sequence[Named]: ...


@runtime_checkable
class Fits(Protocol):
    """What evaluation asks of whoever trains. A fit waits in the same queue as runs, and is a trial of `trial[0]`.

    folds: asked for the files of each trial before it is trained.  begun: called in the unit that stores the run.
    """

    folds: FoldFiles | None

    def check_start(self, school_id: str, new: NewFit) -> object:
        """Raises what a start would: no such task, a wrong config, consent missing."""
        ...

    def start_for(
        self,
        school_id: str,
        actor_id: str,
        new: NewFit,
        *,
        trial: tuple[str, int] | None = None,
        begun: Begun | None = None,
    ) -> RunFacts: ...
    def run_of(self, school_id: str, run_id: str) -> RunFacts: ...
    def cancel_for(self, school_id: str, actor_id: str, run_id: str) -> RunFacts: ...
    def artefact_of(self, school_id: str, run_id: str, name: str) -> Path: ...
