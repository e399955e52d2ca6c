"""What other modules may know of training: runs, searches, what a task says of itself, and the errors.

A run is made of a task, a data set version, a config and a seed; the same four and the same code version give the
same weights. `Training` speaks to people (a principal); `TrainingWork` is the same for pipelines, which act for a
school and an actor.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from shuyuan.identity.interface import Principal
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.training.refusals import (
    BadConfig,
    BadReference,
    BadSpace,
    ExtraMissing,
    NoArtefact,
    NoRoom,
    NoWeights,
    RunEnded,
    RunNotFinished,
    RunNotPaused,
    TooManyRuns,
    TooManySearches,
    UnknownRun,
    UnknownSearch,
    UnknownTask,
)

__all__ = [
    "ENDED", "MOST_TRIALS", "RUNS", "Artefact", "BadConfig", "BadReference", "BadSpace", "ExtraMissing",
    "NewRun", "NewSearch", "NoArtefact", "NoRoom", "NoWeights", "NotesReadings", "Plain", "Run", "RunEnded",
    "RunNotFinished", "RunNotPaused", "RunState", "Search", "SearchState", "TaskInfo", "TooManyRuns",
    "TooManySearches", "Training", "TrainingWork", "UnknownRun", "UnknownSearch", "UnknownTask",
]  # fmt: skip

RunState = Literal["queued", "running", "paused", "failed", "cancelled", "finished"]
SearchState = Literal["running", "cancelled", "failed", "finished"]
ENDED: tuple[RunState, ...] = ("failed", "cancelled", "finished")
RUNS = "runs:/"
Plain = Annotated[str, Field(pattern=r"^[^\x00]*$")]  # PostgreSQL takes no NUL
MOST_TRIALS = 200


class _Fact(BaseModel):
    """An immutable value."""

    model_config = ConfigDict(frozen=True)


class TaskInfo(_Fact):
    """A training task as people choose it: its name, both titles, and the JSON schema its form is made from."""

    name: str
    title: catalogue.LocalText
    what: catalogue.LocalText
    config: Mapping[str, Any] = Field(description="JSON schema of the config: defaults, bounds, a sentence a field.")


class NewRun(_Fact):
    """What one says to start a run.

    parent: go on from the weights of `models:/name/3` or `runs:/id`.  key: a word of the caller's own; a second start
    with it gives the first one's run (for work that may be done again after a crash).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: Plain = Field(max_length=64)
    data: Plain = Field(max_length=200, description="`data:/name/3`, or `data:/name` for the newest.")
    config: Mapping[str, Any] = {}  # Any: JSON; validated by the task
    seed: int = Field(7, ge=0, le=2**31 - 1)
    parent: Plain | None = Field(None, max_length=200)
    name: Plain = Field("", max_length=120)
    processes: int = Field(1, ge=1, le=16, description="Processes that share each batch.")
    key: Plain = Field("", max_length=120)


class Artefact(_Fact):
    """A file that a run made, by its content address in the artefact store."""

    sha256: str
    size_bytes: int


class Run(_Fact):
    """One training: what it was made from, where it stands, what it gave."""

    id: str
    school_id: str
    number: int = Field(description="Counted by school, from 1.")
    name: str
    task: str
    data: str = Field(description="`data:/name/3`: always with its number.")
    data_sha256: str
    config: Mapping[str, Any]  # Any: JSON
    seed: int
    processes: int
    code_version: str
    state: RunState
    wanted: Literal["", "pause", "cancel"] = Field("", description="What was asked for and has not happened yet.")
    waits_for: Literal["", "exam"] = ""
    stage: str = Field("", description="reading, training, evaluating, exporting, done.")
    step: int = 0
    steps: int = 0
    epoch: int = 0
    eta_s: float | None = Field(None, description="Time left, seconds, as the run itself reckons.")
    figures: Mapping[str, float] = {}
    artefacts: Mapping[str, Artefact] = {}
    weights_sha256: str = ""
    versions: Mapping[str, str] = Field({}, description="Of the libraries that trained it.")
    error: Mapping[str, str] | None = Field(None, description="code, message, fix.")
    crashes: int = 0
    parent: str | None
    search_id: str | None = None
    trial: int | None = None
    registered: Sequence[str] = Field((), description="`models:/name/3` of every version made from it.")
    created_by: str
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    cpu_s: float = 0.0
    peak_rss_bytes: int = 0
    notes: Sequence[str] = Field((), description="What to know before one waits for it; said when it is started.")

    @property
    def uri(self) -> str:
        """`runs:/id`."""
        return RUNS + self.id

    @property
    def is_ended(self) -> bool:
        """No further change will come."""
        return self.state in ENDED

    @property
    def part_done(self) -> float:
        """0 to 1, for a progress bar."""
        if self.state == "finished":
            return 1.0
        return min(self.step / self.steps, 1.0) if self.steps else 0.0


class NewSearch(_Fact):
    """A hyper-parameter search: `run` with each trial's values put over its config.

    space: {"lr": {"low": 1e-4, "high": 0.1, "log": true}, "layers": {"low": 1, "high": 4, "int": true},
    "hidden": {"choices": [32, 64]}}.  metric: a figure of the validation part that a run ends with; empty takes the
    one the task selects by.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: NewRun
    space: Mapping[str, Mapping[str, Any]]  # Any: JSON; checked word by word
    trials: int = Field(20, ge=1, le=MOST_TRIALS)
    metric: Plain = Field("", max_length=64)
    direction: Literal["", "maximize", "minimize"] = ""
    name: Plain = Field("", max_length=120)


class Search(_Fact):
    """A search, its trials being runs; `best` is the run whose validation figure is best so far."""

    id: str
    school_id: str
    number: int
    name: str
    task: str
    data: str
    space: Mapping[str, Mapping[str, Any]]  # Any: JSON
    metric: str
    direction: Literal["maximize", "minimize"]
    trials: int
    ended: int = Field(0, description="Trials that have ended, in whichever way.")
    state: SearchState
    waits_for: Literal["", "room"] = Field("", description="Disk or memory, before the next values are asked for.")
    best_run_id: str | None = None
    best_value: float | None = None
    best_config: Mapping[str, Any] = {}  # Any: JSON
    error: Mapping[str, str] | None = None
    created_by: str
    created_at: datetime
    ended_at: datetime | None = None


class Training(Protocol):
    """Runs and searches of a school, for people. Every method sees the principal's school alone."""

    def tasks(self) -> list[TaskInfo]:
        """Every task of this installation, with the schema of its config."""
        ...

    def start(self, principal: Principal, new: NewRun) -> Run:
        """Check everything, store the run and put it into the queue.

        Raises UnknownTask, BadConfig, BadTraining where task and columns do not fit, UnknownDataSet, ConsentMissing,
        ExtraMissing, TooManyRuns.
        """
        ...

    def check(self, principal: Principal, new: NewRun) -> None:
        """Raises what `start` would refuse it for, but for a full queue; stores nothing."""
        ...

    def run(self, principal: Principal, run_id: str) -> Run:
        """A run by id, number or `runs:/id`. Raises UnknownRun."""
        ...

    def runs(
        self, principal: Principal, *, state: RunState | None = None, limit: int = 50, before: int | None = None
    ) -> list[Run]:
        """Newest first; `before` is a number, to page on. Trials of a search are listed with it, not here."""
        ...

    def metrics(self, principal: Principal, run_id: str, *, after: int = 0) -> list[Mapping[str, Any]]:
        """Lines of the live curves from line `after` on; each carries its number, `line`, counted from 1."""
        ...

    def pause(self, principal: Principal, run_id: str) -> Run:
        """Checkpoint and stop; `resume` goes on from there. Raises RunEnded."""
        ...

    def resume(self, principal: Principal, run_id: str) -> Run:
        """Back into the queue. Raises RunNotPaused."""
        ...

    def cancel(self, principal: Principal, run_id: str) -> Run:
        """Stop for good; nothing of it is registered. Raises RunEnded."""
        ...

    def artefact(self, principal: Principal, run_id: str, name: str) -> Path:
        """A local, verified copy of a file the run made: `model.onnx`, `predictions.parquet`, … Raises NoArtefact."""
        ...

    def register(self, principal: Principal, run_id: str, model: str) -> catalogue.Version:
        """The next version of `model` from a finished run; the same run again gives the version it has."""
        ...

    def start_search(self, principal: Principal, new: NewSearch) -> Search:
        """Begin a search. Raises BadSpace, TooManySearches, NoRoom, and what `start` raises."""
        ...

    def search(self, principal: Principal, search_id: str) -> Search: ...
    def searches(self, principal: Principal, *, limit: int = 50) -> list[Search]: ...
    def trials(self, principal: Principal, search_id: str) -> list[Run]:
        """In the order they were tried."""
        ...

    def cancel_search(self, principal: Principal, search_id: str) -> Search:
        """Stop it and the trial under way; ended trials stay. Raises RunEnded."""
        ...


class TrainingWork(Protocol):
    """The same for work that acts for a school and an actor: pipelines, evaluation, compression."""

    def start_for(self, school_id: str, actor_id: str, new: NewRun) -> Run: ...
    def run_of(self, school_id: str, run_id: str) -> Run: ...
    def cancel_for(self, school_id: str, actor_id: str, run_id: str) -> Run: ...
    def artefact_of(self, school_id: str, run_id: str, name: str) -> Path: ...
    def register_for(self, school_id: str, actor_id: str, run_id: str, model: str) -> catalogue.Version: ...
    def resolve(self, school_id: str, reference: str) -> Path:
        """The file behind `runs:/id/out/model.onnx`. Raises BadReference, UnknownRun, NoArtefact."""
        ...

    def require_agreed(self, school_id: str, parent: str) -> None:
        """Raises NoWeights for a version or run that learned, at whatever remove, from data not to be trained on."""
        ...


class NotesReadings(Protocol):
    """Whoever keeps the log of test parts that were read; called before a run reads one, once a run."""

    def __call__(
        self, school_id: str, actor_id: str, *, subject: str, data: str, data_sha256: str, rows: int
    ) -> object: ...
