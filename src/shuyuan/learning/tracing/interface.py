"""What a learner knows, per knowledge point: the only file of tracing that other modules import."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from shuyuan.identity.interface import Principal
from shuyuan.kernel import db
from shuyuan.science import memory
from shuyuan.science.tracing import serving

BUILT_IN = "prior-1"  # the version every school starts with
MINIMUM_EVIDENCE = 5  # answers; below it no level is shown
STUCK_LEVEL, SOLID_LEVEL = 2, 3


@dataclass(frozen=True)
class Mastery:
    """Understanding so far of one point. level: 1..5, None below the minimum evidence (hatch)."""

    point_id: str
    p: float  # probability of answering a typical question of the point correctly
    uncertainty: float  # one standard deviation of p
    n: int  # answers behind it
    wins: int
    level: int | None
    last_at: datetime | None
    due: bool = False  # due for review: solid, and fading
    retrievability: float | None = None  # chance that it comes to mind now; None without answers
    review_at: datetime | None = None  # when to look again, once there is something solid to keep
    stability_days: float | None = None  # days from the last answer until that chance has fallen to nine in ten

    @property
    def p_now(self) -> float:
        """Knows it, and it comes to mind now: mastery × retrievability."""
        return self.p if self.retrievability is None else memory.knows_now(self.p, self.retrievability)

    @property
    def stuck(self) -> bool:
        """Enough answers, and still at the two lowest levels: the one rule for pupils, teachers and reasons."""
        return self.level is not None and self.level <= STUCK_LEVEL

    @property
    def solid(self) -> bool:
        """Good enough to build on: what follows may begin."""
        return self.level is not None and self.level >= SOLID_LEVEL


@dataclass(frozen=True)
class Step:
    """What one answer did: the prediction before it, and each point's mastery before and after."""

    p_before: float
    before: Mapping[str, Mastery]
    after: Mapping[str, Mastery]
    tracer_version: str


@dataclass(frozen=True)
class Foretold:
    """One answer of a canary's learner: what the version in use said before it, and the one that is tried."""

    learner_id: str
    correct: bool
    p_in_use: float
    p_tried: float
    at: datetime


class Standing(Protocol):
    """One learner as the version in use sees them, for as long as the read stays open it was made in."""

    answers: int  # that counted so far

    def mastery(self, points: Sequence[str]) -> Mapping[str, Mastery]:
        """Every asked point, worked out when it is looked at."""
        ...

    def predictions(self, items: Mapping[str, Sequence[str]]) -> dict[str, float]:
        """item id → probability of a right answer; `items` gives each item's points."""
        ...


class Tracing(Protocol):
    """Online mastery, updated in the unit of work that stores the answer, O(1) per answer."""

    def update(
        self,
        uow: db.UnitOfWork,
        *,
        school_id: str,
        learner_id: str,
        item_id: str,
        points: Sequence[str],
        correct: bool,
        at: datetime,
        helped: bool = False,
    ) -> Step:
        """helped: a hint was opened before the answer; memory trusts it less."""
        ...

    def of_learner(self, principal: Principal, learner_id: str, points: Sequence[str]) -> dict[str, Mastery]:
        """Every asked point is in the answer, with n=0 where there is no evidence."""
        ...

    def standing(self, conn: Connection, principal: Principal, learner_id: str) -> Standing:
        """All that is known of one learner, in one statement of an open read: for what is asked after every answer."""
        ...

    def of_learners(
        self, principal: Principal, learner_ids: Sequence[str], points: Sequence[str]
    ) -> dict[str, dict[str, Mastery]]:
        """learner id → point id → mastery, for a class, in one query."""
        ...

    def around(
        self, principal: Principal, learner_id: str, attempt_id: str, points: Sequence[str]
    ) -> dict[str, tuple[Mastery, Mastery]]:
        """point id → (before, after) one attempt: just before its first counted answer and just after its last, as
        the version in use sees them. Empty while the attempt has no answer that counts. Replays what the learner
        answered so far: for a page opened once, not for every answer."""
        ...

    def predict(self, principal: Principal, learner_id: str, item_id: str, points: Sequence[str]) -> float: ...
    def predictions(
        self, principal: Principal, learner_ids: Sequence[str], items: Mapping[str, Sequence[str]]
    ) -> dict[str, dict[str, float]]:
        """learner id → item id → probability of a right answer; `items` gives each item's points."""
        ...

    def version(self, school_id: str) -> str: ...
    def tracer(self, school_id: str) -> serving.Tracer:
        """The version in use: what a candidate is measured against."""
        ...

    def adopt(self, uow: db.UnitOfWork, school_id: str, version: str, arrays: bytes) -> None:
        """Serve this version (safetensors bytes) from the next answer on; states are rebuilt by `rebuild`."""
        ...

    def adopt_built_in(self, uow: db.UnitOfWork, school_id: str) -> None:
        """Serve the built-in numbers again, which every school starts with; states are rebuilt by `rebuild`."""
        ...

    def rebuild(self, school_id: str) -> int:
        """Recompute every learner's state from the responses; returns the number of responses replayed."""
        ...

    def finish_rebuild(self, school_id: str) -> bool:
        """Rebuild if a version was adopted and the process ended before its states were; True if it was needed.
        A canary whose states were not all made is finished too."""
        ...

    def begin_canary(
        self, uow: db.UnitOfWork, school_id: str, version: str, arrays: bytes, learner_ids: Sequence[str]
    ) -> None:
        """Let a version foretell every answer of these learners, unseen, beside the one that serves them. A canary
        that was under way ends. `fill_canary` makes its states."""
        ...

    def fill_canary(self, school_id: str) -> int:
        """Make the canary's states from what its learners answered before; how many learners there were to do."""
        ...

    def keep_in_canary(self, uow: db.UnitOfWork, school_id: str, learner_ids: frozenset[str]) -> int | None:
        """Of its learners only these stay; what was foretold and is remembered of the others is forgotten. How many are
        left; None where nobody had to leave."""
        ...

    def end_canary(self, uow: db.UnitOfWork, school_id: str) -> None:
        """Nothing is tried any longer; what was foretold is forgotten. `tidy` forgets what it remembers."""
        ...

    def tidy(self, school_id: str) -> None:
        """Forget, learner by learner, what is remembered for versions that are neither in use nor tried."""
        ...

    def waits(self, school_id: str) -> bool:
        """Whether `finish_rebuild` has something to do."""
        ...

    def foretold(self, school_id: str, version: str) -> list[Foretold]:
        """What the canary and the version in use said before each answer, the oldest first."""
        ...
