"""The loop as others see it: versions, their figures beside the limits, and one verb to turn it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.learning.people.interface import Purpose
from shuyuan.maas.datasets.interface import Work

State = Literal["champion", "retired", "refused", "canary", "withdrawn"]
Kind = Literal["online", "recurrent"]
MINIMUM_ANSWERS, MINIMUM_LEARNERS = 400, 8
TURNING = "improvement"  # what the loop of a school is called while somebody is at it
WATCH_ANSWERS, WATCH_LEARNERS = 200, 8  # the minimum evidence of a look: fewer move by chance as much as any limit


class NotEnoughAnswers(errors.Conflict):
    """Too little to learn from; says how much there is and how much it takes."""

    code = "not_enough_answers"


class NothingNew(errors.Conflict):
    """What was fitted is a version there is already, number for number: no second one is made of it."""

    code = "nothing_new"


class TurnUnderWay(errors.Conflict):
    """The loop is at work for this school, asked or by itself: nothing is fitted twice at a time."""

    code = "turn_under_way"


class ExamFreeze(errors.Conflict):
    """Nothing may surprise a class in an exam: no version is fitted, promoted or taken back until it ends."""

    code = "exam_freeze"


class Overtaken(errors.Conflict):
    """Another version was put in use while this one was fitted: it was judged beside one that no longer serves."""

    code = "overtaken"


@dataclass(frozen=True)
class Condition:
    """One line of the gate: a figure beside its limit."""

    name: str
    figure: float
    limit: float
    comparison: Literal["<=", ">="]

    @property
    def passed(self) -> bool:
        """Whether the figure keeps the limit."""
        return self.figure <= self.limit if self.comparison == "<=" else self.figure >= self.limit


@dataclass(frozen=True)
class TracerVersion:
    """One turn of the loop: what it learnt from, how it did, what the gate said, what became of it.

    number 0 is the built-in tracer every school starts with. figures: auc, log_loss, calibration_error,
    champion_auc, champion_log_loss, auc_difference (with _low and _high, 95 % by learner), shuffled_auc,
    held_out_answers, held_out_learners.
    """

    id: str
    number: int
    version: str
    state: State
    answers: int
    learners: int
    left_out: int  # learners with answers who did not consent
    data_sha256: str
    parent: str
    figures: Mapping[str, float]
    conditions: tuple[Condition, ...]
    reason: str
    by: str
    seconds: float
    at: datetime
    kind: Kind = "online"
    canary: "Trial | None" = None  # None: it never was one
    answers_deleted_at: datetime | None = None  # the stored answers went then: one of the learners no longer agreed


@dataclass(frozen=True)
class Trial:
    """A version beside the one in use, on the same answers of some learners. Figures: None while there is too little.

    difference: log loss of the version minus that of the one in use, an answer; below zero it foretells better. `low`
    and `high`: its 95 % interval, by learner.
    """

    begun_at: datetime
    learners: int  # whose answers both foretell
    answers: int
    answering: int  # learners of whom there are any
    wanted: int  # answers it takes
    ends_at: datetime  # withdrawn then, if there are fewer
    log_loss: float | None = None
    champion_log_loss: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    calibration_error: float | None = None


@dataclass(frozen=True)
class LoopStatus:
    """Where the loop stands now."""

    serving: str
    answers_since: int
    turns_at: int  # new answers that start the next turn by themselves
    next_window: str  # when it may promote by itself, in words of the clock: "18:00-07:00 Asia/Shanghai"
    nets_from: int = 0  # answers from which on a net is fitted too; 0: none is
    kind: Kind = "online"  # of the version in use


@dataclass(frozen=True)
class Watch:
    """The last look at the version in use: its own predictions of late. No conditions below the minimum evidence."""

    version: str
    at: datetime
    answers: int
    learners: int
    since: datetime | None  # the oldest of those answers
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Alarm:
    """A figure of the version in use that went past its limit, as it was then. Raised once for a version."""

    id: str
    number: int  # of the version
    version: str
    condition: Condition
    answers: int
    raised_at: datetime
    ended_at: datetime | None  # when it kept the limit again, or another version came
    seen_at: datetime | None

    @property
    def about(self) -> Literal["worse", "drift"]:
        """The model got worse than it was judged to be; or what is asked, and how sure it is, has moved."""
        return "worse" if self.condition.name in ("live_log_loss", "live_auc") else "drift"


class Watching(Protocol):
    """Whether the version in use still does what its report said."""

    def look(self, school_id: str) -> Watch | None:
        """Judge its latest predictions and raise alarms; None where the built-in tracer serves."""
        ...

    def look_if_due(self, school_id: str) -> Watch | None:
        """The scheduled look, some times a day."""
        ...

    def last(self, principal: Principal) -> Watch | None:
        """The last look at the version in use; None where there was none."""
        ...

    def alarms(self, principal: Principal) -> list[Alarm]:
        """Newest first, seen or not."""
        ...

    def see(self, principal: Principal, alarm_id: str) -> None:
        """Somebody in charge has read it: it is shown on the page of the loop only. Raises NotFound."""
        ...


class KeptAnswers(Protocol):
    """The answers that versions were fitted on, stored with them."""

    def keep_promises(self, school_id: str | None = None) -> int:
        """Delete every stored set that holds answers of somebody who no longer agrees, or was erased; how many.

        school_id: None: of every school. What could not be deleted the next call tries again.
        """
        ...


class Improvement(Protocol):
    """Turn the loop, look at its versions, go back."""

    @property
    def watching(self) -> Watching:
        """The version in use, looked after."""
        ...

    @property
    def kept(self) -> KeptAnswers:
        """What versions were fitted on."""
        ...

    def turn(self, school_id: str, *, by: str) -> TracerVersion:
        """Refit the online tracer and judge it. Past the gate the school's first version of its own serves at once, a
        later one becomes the canary. Raises NotEnoughAnswers, NothingNew, ExamFreeze, Overtaken."""
        ...

    def turn_net(self, school_id: str, *, by: str) -> TracerVersion | None:
        """Fit a recurrent tracer in a child process and judge it; past the gate it becomes the canary. None where
        torch is missing or answers are too few. Raises Unavailable when the child failed."""
        ...

    def judge_canary(self, school_id: str) -> TracerVersion | None:
        """Promote or withdraw the canary, once enough answers tell; None while there is nothing to decide."""
        ...

    def keep_promises(self, school_id: str) -> None:
        """Who no longer agrees, or was erased, leaves the canary: nothing is foretold of them from now on."""
        ...

    def turn_if_due(self, school_id: str) -> TracerVersion | None:
        """The scheduled turn, of both kinds: enough new answers, no canary under way, and outside school hours; None
        when it is not time."""
        ...

    def versions(self, principal: Principal) -> list[TracerVersion]:
        """Newest first."""
        ...

    def served_before(self, principal: Principal) -> Mapping[str, str]:
        """version → what really served when it last came into use: another version, or the built-in one."""
        ...

    def version(self, principal: Principal, version_id: str) -> TracerVersion: ...
    def status(self, principal: Principal) -> LoopStatus: ...
    def roll_back(self, principal: Principal, version_id: str, reason: str) -> TracerVersion:
        """Serve a retired version again. A refused one too, with a person's reason; both are audited. version_id
        `prior-1`: the built-in tracer."""
        ...


@dataclass(frozen=True)
class Gatherable:
    """How much there is for one purpose: learners of the caller's who agreed and have answered, and their answers."""

    purpose: Purpose
    learners: int
    answers: int


class Gathering(Protocol):
    """The school's own answers as data sets of the model plane: pseudonyms, and only of who agreed."""

    def gatherable(self, principal: Principal) -> list[Gatherable]:
        """What could be gathered, for each purpose that training may have."""
        ...

    def gather(self, principal: Principal, name: str, purpose: Purpose, *, said: str = "") -> Work:
        """Start a data set of these answers. said: what it is for. Raises NotEnoughAnswers, BadInput."""
        ...

    def keep_promises(self, school_id: str | None = None) -> int:
        """Take out who no longer agrees, or was erased, of every set made here; returns how many works began.

        school_id: None: of every school. What has to wait (for a work under way, or for room) the next call does.
        """
        ...
