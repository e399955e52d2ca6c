"""What a learner knows, per knowledge point: the only file of tracing that other modules import."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shuyuan.identity.interface import Principal
from shuyuan.kernel import db
from shuyuan.science import memory
from shuyuan.science.tracing import online

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
    def params(self, school_id: str) -> online.Params:
        """The numbers of the version in use: what a candidate is measured against."""
        ...

    def adopt(self, uow: db.UnitOfWork, school_id: str, version: str, arrays: bytes) -> None:
        """Serve this version (safetensors bytes) from the next answer on; states are rebuilt by `rebuild`."""
        ...

    def rebuild(self, school_id: str) -> int:
        """Recompute every learner's state from the responses; returns the number of responses replayed."""
        ...

    def finish_rebuild(self, school_id: str) -> bool:
        """Rebuild if a version was adopted and the process ended before its states were; True if it was needed."""
        ...
