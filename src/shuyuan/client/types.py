"""What the API answers with, as far as a script needs it. Fields that a newer server adds are kept out quietly."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Json = Mapping[str, Any]  # Any: JSON
Part = Literal["train", "validation", "test"]


class _Fact(BaseModel):
    """An immutable value."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Column(_Fact):
    """A column of a table: kind (number, category, …) and role (feature, label, …)."""

    name: str
    kind: str
    role: str
    missing: int = 0
    distinct: int = 0
    examples: Sequence[str] = ()


class DataSet(_Fact):
    """One version of a data set."""

    id: str
    name: str
    number: int
    sha256: str
    rows: int
    columns: Sequence[Column]
    parts: Mapping[str, Json]
    findings: Sequence[Json] = ()
    purpose: str = ""
    personal: bool = False
    consent: bool = False
    purged_at: datetime | None = None
    created_at: datetime

    @property
    def uri(self) -> str:
        """`data:/name/3`."""
        return f"data:/{self.name}/{self.number}"


class Work(_Fact):
    """Reading or preparing under way; `version` names what came of it."""

    id: str
    name: str
    kind: str
    state: str
    stage: str = ""
    done: int = 0
    total: int = 0
    version: str = ""
    error: Mapping[str, str] | None = None


class Run(_Fact):
    """A training run."""

    id: str
    number: int
    name: str
    task: str
    data: str
    config: Json
    seed: int
    state: Literal["queued", "running", "paused", "failed", "cancelled", "finished"]
    stage: str = ""
    step: int = 0
    steps: int = 0
    eta_s: float | None = None
    figures: Mapping[str, float] = {}
    artefacts: Mapping[str, Json] = {}
    registered: Sequence[str] = ()
    error: Mapping[str, str] | None = None

    @property
    def uri(self) -> str:
        """`runs:/id`."""
        return f"runs:/{self.id}"

    @property
    def is_ended(self) -> bool:
        """No further change will come."""
        return self.state in ("failed", "cancelled", "finished")


class Search(_Fact):
    """A search for settings; its trials are runs. best_config: of the best so far, None of it before one has ended."""

    id: str
    number: int
    name: str
    task: str
    data: str
    space: Json
    metric: str
    direction: Literal["maximize", "minimize"]
    trials: int
    ended: int = 0
    state: Literal["running", "cancelled", "failed", "finished"]
    waits_for: str = ""
    best_run_id: str | None = None
    best_value: float | None = None
    best_config: Json = {}
    error: Mapping[str, str] | None = None


class Report(_Fact):
    """An evaluation. details: everything the API says, curves and slices too."""

    id: str
    subject: str
    data: str
    part: str
    task: str
    state: Literal["running", "finished", "failed", "cancelled"]
    figures: Mapping[str, float] = {}
    error: Mapping[str, str] | None = None
    details: Json = {}


class Spread(_Fact):
    """A figure over the folds: its values, their mean and the 95 % interval of the mean."""

    values: Sequence[float]
    mean: float
    low: float | None = None
    high: float | None = None


class CrossValidation(_Fact):
    """A cross-validation, or a fit with shuffled labels (then `retrained` says what it found beside chance)."""

    id: str
    number: int
    kind: Literal["folds", "shuffled"]
    task: str
    data: str
    k: int
    by: str
    parts: Sequence[str]
    state: Literal["running", "finished", "failed", "cancelled"]
    ended: int = 0
    spreads: Mapping[str, Spread] = {}
    retrained: Json | None = None
    report_id: str | None = None
    error: Mapping[str, str] | None = None


class Gate(_Fact):
    """A named list of conditions; number 0 is shipped with the platform."""

    name: str
    conditions: Sequence[Json]
    part: str | None = None
    number: int = 0
    reason: str = ""


class Verdict(_Fact):
    """What a gate said of a report: every figure beside its limit."""

    id: str
    gate: str
    report_id: str
    passed: bool
    lines: Sequence[Json]


class Version(_Fact):
    """A version of a model."""

    id: str
    model: str
    number: int
    runner: str
    size_bytes: int
    figures: Mapping[str, float] = {}
    parent_id: str | None = None
    lineage: Mapping[str, str] = {}

    @property
    def uri(self) -> str:
        """`models:/name/3`."""
        return f"models:/{self.model}/{self.number}"


class Import(_Fact):
    """A file that was brought; `version` is `models:/name/4` once it is finished."""

    id: str
    state: Literal["queued", "running", "finished", "failed", "cancelled"]
    kind: str | None = None
    version: str | None = None
    notes: Sequence[str] = ()
    largest_difference: float | None = None
    error: Mapping[str, str] | None = None


class Compression(_Fact):
    """A compression; `child` is `models:/name/4` and `table` compares it with its parent once it is finished."""

    id: str
    method: str
    parent: str
    state: Literal["queued", "running", "finished", "failed", "cancelled"]
    child: str | None = None
    table: Sequence[Json] = ()
    error: Mapping[str, str] | None = None


class Deployment(_Fact):
    """How a model is served: the version in use, who tries which."""

    model: str
    champion: int | None
    canary: Json | None
    shadow: int | None
    state: str
    reason: str = ""


class Pipeline(_Fact):
    """A pipeline and its steps."""

    id: str
    number: int
    name: str
    model: str
    state: Literal["queued", "running", "held", "finished", "failed", "cancelled"]
    reason: str = ""
    steps: Sequence[Json] = ()

    @property
    def error(self) -> Mapping[str, str] | None:
        """Of the step that failed."""
        found: Mapping[str, str] | None = next((step["error"] for step in self.steps if step.get("error")), None)
        return found

    @property
    def version(self) -> str | None:
        """`models:/name/3` once it is registered."""
        outputs = (step.get("output") or {} for step in self.steps if step["name"] == "register")
        return next((str(output["version"]) for output in outputs if "version" in output), None)


class Schedule(_Fact):
    """A spec that starts by itself. next_at: in the school's time zone; None: paused, or with new data."""

    id: str
    spec: Json
    every: Literal["daily", "weekly", "new_data"]
    hour: int
    weekday: int
    paused: bool = False
    next_at: datetime | None = None
    time_zone: str = ""
    last_pipeline: str | None = None
    error: str = ""
