"""What other modules may know of pipelines: specs, their steps and states, what a task can do, schedules, errors."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, computed_field, model_validator

from shuyuan.kernel import errors
from shuyuan.maas.deployment import interface as deployment

StepName = Literal[
    "prepare", "train", "evaluate", "compress", "evaluate_child", "gate", "register", "canary", "promote"
]
StepState = Literal["waiting", "running", "done", "failed", "cancelled"]
State = Literal["queued", "running", "held", "finished", "failed", "cancelled"]
Every = Literal["daily", "weekly", "new_data"]
ENDED: tuple[State, ...] = ("finished", "failed", "cancelled")
CREATED, OVER = "pipeline.created", "pipeline.ended"  # events. subject_id: the pipeline
Word = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
Json = Mapping[str, Any]  # Any: JSON, checked by the room it is for


class _Said(BaseModel):
    """What a person writes: unknown words are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Prepare(_Said):
    """A plan on the data set, as `maas.datasets` reads it; its result is trained on."""

    plan: Json
    name: Word | None = None


class Train(_Said):
    """As `maas.training` reads it."""

    task: Word
    config: Json = {}
    seed: int = Field(7, ge=0, le=2**31 - 1)
    parent: Word | None = None
    processes: int = Field(1, ge=1, le=16)


class Evaluate(_Said):
    """The part it is judged on. `test` is logged with each reading."""

    part: Literal["validation", "test"] = "validation"
    groups: tuple[Word, ...] = Field((), max_length=20)


class Compress(_Said):
    """As `maas.compression` reads it. The child is what goes on to the gate."""

    method: Word
    config: Json = {}


class Gate(_Said):
    """Name of the gate; empty: the one of the task."""

    name: Word = ""


class Canary(_Said):
    """A share of the people first. It ends well after `hold_s` seconds with at least `rules.min_calls` calls."""

    share: float = Field(0.1, gt=0, le=deployment.MAX_SHARE)
    hold_s: float = Field(3600.0, ge=0, le=30 * 86_400)
    longest_s: float = Field(7 * 86_400.0, gt=0, le=60 * 86_400, description="With too few calls until then, it fails.")
    rules: deployment.Rules = deployment.Rules()


class Spec(_Said):
    """A pipeline. What is left out is not done.

    promote: None leaves it to the task (see Abilities); False ends with a registered version, or a canary.
    """

    name: Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00]*$")]
    model: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,119}$", description="Name it is registered under.")]
    data: Annotated[
        str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$", description="data:/name or data:/name/3")
    ]
    prepare: Prepare | None = None
    train: Train
    evaluate: Evaluate = Evaluate()
    compress: Compress | None = None
    gate: Gate = Gate()
    canary: Canary | None = None
    promote: bool | None = None

    @property
    def steps(self) -> tuple[StepName, ...]:
        """What it does, in order."""
        wanted: dict[StepName, bool] = {
            "prepare": self.prepare is not None,
            "train": True,
            "evaluate": True,
            "compress": self.compress is not None,
            "evaluate_child": self.compress is not None,
            "gate": True,
            "register": True,
            "canary": self.canary is not None,
            "promote": self.promote is not False,
        }
        return tuple(name for name, is_wanted in wanted.items() if is_wanted)


class _Fact(BaseModel):
    """An immutable value."""

    model_config = ConfigDict(frozen=True)


class Step(_Fact):
    """One step. output: what it gave (`data`, `run`, `report`, `verdict`, `version` …), and the child job under way."""

    position: int
    name: StepName
    state: StepState
    output: Json = {}
    error: Mapping[str, str] | None = Field(None, description="code, message, fix.")
    started_at: datetime | None = None
    ended_at: datetime | None = None


class Abilities(_Fact):
    """What a pipeline of a task can do.

    cannot: step → why not.  promote: what a spec that does not say does. False: a person looks at the figures first.
    """

    task: str
    cannot: Mapping[StepName, str] = {}
    promote: bool = True
    needs_label: bool = True
    needs_parent: bool = False


class Pipeline(_Fact):
    """One pipeline.

    held: its next step waits for the end of an exam or of school hours (`reason` says which).  note: what had to be
    changed to read an old spec.
    """

    id: str
    school_id: str
    number: int = Field(description="Counted by school, from 1.")
    name: str
    model: str
    spec: Spec
    note: str = ""
    state: State
    reason: str = ""
    cancelling: bool = False
    steps: tuple[Step, ...] = ()
    schedule_id: str | None = None
    created_by: str
    created_at: datetime
    ended_at: datetime | None = None

    @property
    def version(self) -> str | None:
        """`models:/name/3` once it is registered."""
        return next((step.output["version"] for step in self.steps if step.name == "register" and step.output), None)

    @computed_field  # type: ignore[prop-decorator]  # of a property, as pydantic says
    @property
    def left(self) -> tuple[str, ...]:
        """Versions it registered on the way though it did not finish: served to nobody, kept to be looked into.

        What was made from another comes first, as they may be deleted.
        """
        if self.state not in ("failed", "cancelled"):
            return ()
        made = [step.output.get(name) for step in self.steps for name in ("version", "child", "parent")]
        return tuple(dict.fromkeys(uri for uri in made if isinstance(uri, str) and uri.startswith("models:/")))


class NewSchedule(_Said):
    """When a spec starts by itself. hour: local time of the school, for daily and weekly; weekday 0 is Monday.

    new_data: whenever the data set has a new version. Never while an exam runs or in school hours: it waits.
    """

    spec: Spec
    every: Every
    hour: int = Field(2, ge=0, le=23)
    weekday: int = Field(5, ge=0, le=6)

    @model_validator(mode="after")
    def _newest(self) -> "NewSchedule":
        if self.every == "new_data" and self.spec.data.removeprefix("data:/").rpartition("/")[2].isdigit():
            raise ValueError(f"{self.spec.data} is one version; name the data set without a number")
        return self


class Schedule(_Fact):
    """A spec that starts by itself. What was missed while the server was off is done once.

    next_at: in the school's time zone; None: paused, or with new data.  note: what was changed to read an old spec.
    """

    id: str
    school_id: str
    spec: Spec
    note: str = ""
    every: Every
    hour: int
    weekday: int
    paused: bool = False
    next_at: datetime | None = None
    time_zone: str = ""
    last: str = Field("", description="The day or data version it started for last.")
    last_pipeline: str | None = None
    error: str = Field("", description="Why it could not start last time.")
    created_by: str
    created_at: datetime


class Pipelines(Protocol):
    """Pipelines of a school; it sees its own and no other's."""

    def start(self, school_id: str, actor_id: str, spec: Spec) -> Pipeline:
        """Store it; it begins after the commit.

        Raises CannotDoStep, TooManyPipelines, UnknownDataSet, ConsentMissing, and what training refuses of its part.
        """
        ...

    def pipeline(self, school_id: str, pipeline_id: str) -> Pipeline:
        """By id or number, with its steps. Raises UnknownPipeline."""
        ...

    def pipelines(self, school_id: str, *, limit: int = 50, before: int | None = None) -> list[Pipeline]:
        """Newest first, with their steps; `before` is a number, to page on."""
        ...

    def under_way(self, school_id: str) -> list[Pipeline]:
        """Every one that has not ended, newest first."""
        ...

    def cancel(self, school_id: str, actor_id: str, pipeline_id: str) -> Pipeline:
        """Stop it and the work under way; a canary of it is taken back. Raises Conflict once it has ended."""
        ...

    def graph(self, pipeline: Pipeline) -> deployment.Graph:
        """Its steps as boxes from left to right; what did not happen any more is there too."""
        ...

    def abilities(self) -> list[Abilities]:
        """Of every task there is, with its default config."""
        ...

    def settled(self, spec: Spec) -> Spec:
        """With what it leaves to its task filled in."""
        ...

    def schedule(self, school_id: str, actor_id: str, new: NewSchedule) -> Schedule:
        """Start it by itself from its next time on. Raises what `start` raises, and BadInput for an hour of school."""
        ...

    def schedules(self, school_id: str) -> list[Schedule]: ...
    def pause(self, school_id: str, actor_id: str, schedule_id: str, paused: bool) -> Schedule:
        """Start nothing any more, or again from its next time on: what a pause missed is not made up for."""
        ...

    def unschedule(self, school_id: str, actor_id: str, schedule_id: str) -> None: ...


class UnknownPipeline(errors.NotFound):
    """No pipeline or schedule of this school has that id or number."""

    code = "pipeline_not_found"


class TooManyPipelines(errors.RateLimited):
    """As many as a school may have under way are."""

    code = "too_many_pipelines"


class CannotDoStep(errors.BadInput):
    """The spec asks for a step that its task or its data cannot do; nothing was started."""

    code = "cannot_do_step"


class StepFailed(errors.Conflict):
    """A step cannot be done: what it waits for failed, or its gate did not pass."""

    code = "step_failed"
