"""What other modules may know of deployments: who is answered by which version, counts, promotion, lineage."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.evaluation import interface as evaluation

State = Literal["steady", "canary", "shadow", "rolled_back"]
ChangeKind = Literal["canary", "shadow", "stopped", "promoted", "rolled_back"]
NodeKind = Literal["data", "run", "report", "gate", "version", "deployment", "step"]
NodeState = Literal["done", "failed", "running", "waiting", "cancelled", "taken_back"]
MAX_SHARE = 0.5  # of the people that a canary may answer: the others stay with the champion
CHANGED = "deployment.changed"  # event. subject_id: the change; model, change, version, automatic


class _Fact(BaseModel):
    """An immutable value."""

    model_config = ConfigDict(frozen=True)


class Rules(_Fact):
    """When a canary is taken back by itself. An answer's time runs from its booking to its end."""

    max_error_rate: float = Field(0.05, gt=0, lt=1, description="Share of calls that may fail.")
    max_latency_ratio: float = Field(2.0, gt=1, le=1000, description="Its typical time over the champion's.")
    min_calls: int = Field(50, ge=5, le=1_000_000, description="Fewer calls are never judged.")
    window_s: float = Field(3600.0, ge=60, le=30 * 86_400, description="How far back calls are counted, seconds.")


class Canary(_Fact):
    """A version that answers a share of the people."""

    version: int
    share: float


class Deployment(_Fact):
    """How one model of a school is served now. champion: where the alias points; None: nowhere yet."""

    id: str
    school_id: str
    model: str
    champion: int | None
    canary: Canary | None
    shadow: int | None
    rules: Rules
    state: State
    reason: str
    changed_by: str
    changed_at: datetime


class Standing(_Fact):
    """What was counted for a version within the window. Bounds hold however often one looks (99.9 %)."""

    version: int
    part: Literal["champion", "canary", "shadow"]
    calls: int
    errors: int
    error_rate: tuple[float, float] = Field(description="Lower and upper bound.")
    latency_s: float | None = Field(description="Typical (geometric mean) seconds; None: too few.")
    latency_ratio: tuple[float, float] | None = Field(None, description="Against the champion, bounds; None: too few.")
    compared: int = Field(0, description="Shadow answers that could be compared.")
    agreed: int = Field(0, description="Of them, how many said the same as the answer given.")


class Change(_Fact):
    """One line of a deployment's history."""

    id: str
    model: str
    kind: ChangeKind
    version: int | None
    previous: int | None
    automatic: bool
    reason: str
    verdict: Mapping[str, object] | None = Field(description="What the gate said, where one was asked.")
    by: str
    at: datetime


class Node(_Fact):
    """A box of a picture that reads left to right. Nodes of one `column` stand below each other."""

    id: str
    kind: NodeKind
    column: int
    title: catalogue.LocalText
    detail: str = ""
    state: NodeState = "done"


class Graph(_Fact):
    """Nodes, and edges as pairs of node ids (from, to)."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]


class Rollout(Protocol):
    """What every call asks: memory only, microseconds."""

    def choose(self, school_id: str, model: str, person: str) -> str:
        """What to call: `model` as it was written, or the canary's `models:/name/3` for its share of the people.

        The same person gets the same version for as long as the canary runs.
        """
        ...

    def shadow(self, school_id: str, model: str) -> str | None:
        """The version that is called beside `model`, its answer thrown away."""
        ...

    def watches(self, school_id: str, version: str) -> bool:
        """Whether outcomes of this version (`models:/name/3`) are counted now."""
        ...

    def note(self, school_id: str, version: str, ok: bool, latency_s: float) -> None:
        """How a call of this version ended. ok: False only where the version is to blame."""
        ...

    def compared(self, school_id: str, version: str, agreed: bool | None, *, ok: bool, latency_s: float) -> None:
        """How a shadow call ended. agreed None: the two answers cannot be compared."""
        ...


class Deployments(Rollout, Protocol):
    """Deployments of a school; it sees its own and no other's."""

    def deploy(
        self,
        school_id: str,
        actor_id: str,
        model: str,
        version: int,
        *,
        share: float | None = None,
        shadow: bool = False,
        rules: Rules | None = None,
        reason: str = "",
        automatic: bool = False,
    ) -> Deployment:
        """Let a version answer a share of the people, or run beside as a shadow; the one not named stays as it is.

        A share is at most MAX_SHARE, and asks for a passed verdict on the version, which is found; without one, for an
        administrator and a reason.  automatic: no person does it just now, so it waits for its hours (Frozen).
        Raises UnknownModel, BadInput (neither share nor shadow, no champion), Conflict (other inputs, remote shadow),
        GateNotPassed.
        """
        ...

    def stop(self, school_id: str, actor_id: str, model: str, reason: str) -> Deployment:
        """End canary and shadow; the champion answers everybody."""
        ...

    def promote(
        self,
        school_id: str,
        actor_id: str,
        model: str,
        version: int,
        verdict: evaluation.Verdict | None = None,
        reason: str = "",
        *,
        automatic: bool = False,
    ) -> Deployment:
        """Make a version the champion: its gate passed, or an administrator says why without. Ends its canary.

        verdict: of this version, or of the run whose file it is; looked up again by its id. It must be of the gate in
        force for the version's task, as that is now, and have compared with the champion of now.
        Raises GateNotPassed, UnknownModel, BadInput (a verdict of something else), Conflict for the champion itself.
        """
        ...

    def rollback(self, school_id: str, actor_id: str, model: str, reason: str) -> Deployment:
        """The way back, at any hour: ends a canary; without one, the champion before this one answers again.

        Raises UnknownModel, and Conflict where no other champion was before.
        """
        ...

    def way_back(self, school_id: str, model: str) -> int | None:
        """The version that a rollback would serve where no canary runs; None: no other champion was before."""
        ...

    def spoken(self, school_id: str, model: str, version: int) -> evaluation.Verdict | None:
        """The verdict on record that speaks for a version, for whoever names none when it is promoted.

        The one least in doubt of those it passed; the last one where it did not pass that. None: no gate was asked.
        """
        ...

    def deployment(self, school_id: str, model: str) -> Deployment:
        """As it is now. Raises UnknownModel."""
        ...

    def deployments(self, school_id: str) -> list[Deployment]:
        """Every model of the school that was ever deployed."""
        ...

    def history(self, school_id: str, model: str) -> list[Change]:
        """Newest first."""
        ...

    def standing(self, school_id: str, model: str) -> list[Standing]:
        """What was counted within the window for champion, canary and shadow."""
        ...

    def frozen(self, school_id: str) -> str:
        """Why nothing may change by itself now: `exam`, `school_hours`, or empty."""
        ...

    def thaws_at(self, school_id: str) -> datetime | None:
        """When things may change by themselves again, in the school's time; None: they may now."""
        ...

    def lineage(self, school_id: str, model: str, version: int) -> Graph:
        """Where a version came from and where it went. Raises UnknownModel."""
        ...

    def bundle(self, school_id: str, actor_id: str, model: str, version: int, target: Path) -> Path:
        """Write the zip that runs this version without a network. Raises UnknownModel, NotPortable."""
        ...

    def take_report(self, school_id: str, sent: bytes) -> Sequence[str]:
        """Count the lines of a bundle's report; returns the ids of those new. Raises BadReport."""
        ...


class GateNotPassed(errors.Conflict):
    """The gate did not pass, or was not asked, and no administrator says why it should be served all the same."""

    code = "gate_not_passed"


class Frozen(errors.Conflict):
    """An exam is running, or classes sit: nothing changes by itself until then. A rollback always may."""

    code = "frozen"


class NotPortable(errors.Conflict):
    """This version cannot run from a bundle: it is no ONNX graph with a spec."""

    code = "not_portable"


class BadReport(errors.BadInput):
    """An edge report that is damaged, not signed by a bundle of this school, or says what counts cannot say."""

    code = "bad_report"


# --- doors: pure work of this module that others may use -------------------------------------------------


def picture(graph: Graph, language: Literal["zh", "en"] = "zh") -> str:
    """The graph as SVG, left to right; failed branches stay visible."""
    from shuyuan.maas.deployment import drawing

    return drawing.svg(graph, language)
