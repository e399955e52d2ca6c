"""Responses, the truth everything else is rebuilt from: the only file of records that other modules import."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from shuyuan.identity.interface import Principal
from shuyuan.kernel import db

ANSWER_RECORDED = "records.answer_recorded"  # payload: response_id, item_id, correct, points


@dataclass(frozen=True)
class Response:
    """One answer to one item, graded. `answer` is what the learner wrote (personal: stored sealed)."""

    id: str
    school_id: str
    learner_id: str
    attempt_id: str
    item_id: str
    points: tuple[str, ...]  # knowledge point ids
    seed: int
    answer: str
    correct: bool
    misconception: str | None
    hints_used: int
    seconds: float | None  # time spent; None unknown
    p_before: float | None  # the tracer's prediction before this answer; None: not counted
    tracer_version: str | None
    client_key: str
    at: datetime
    tries: int = 1  # which try on this item in this attempt
    counts: bool = True  # evidence: the first try in practice, the last answer of a closed test
    counted_at: datetime | None = None  # when it began to count; None: at once, if it counts
    withheld: bool = False  # given in a test that is still open: hidden from the learner


class Records(Protocol):
    """Append and read responses. Only this module emits `AnswerRecorded`."""

    def append(self, uow: db.UnitOfWork, response: Response) -> bool:
        """Store and emit; False when (attempt, item, client_key) is already there (then nothing changes)."""
        ...

    def find(self, conn_or_uow: db.UnitOfWork, attempt_id: str, item_id: str, client_key: str) -> Response | None: ...
    def last_of_attempt(self, uow: db.UnitOfWork, attempt_id: str) -> list[Response]:
        """The last response to each item of an attempt, in the order they were given."""
        ...

    def count_as_evidence(
        self, uow: db.UnitOfWork, response_id: str, *, p_before: float, tracer_version: str, at: datetime
    ) -> None:
        """A test closed: from now on this response counts, at this time."""
        ...

    def release(self, uow: db.UnitOfWork, attempt_id: str) -> None:
        """A test closed: its responses are no longer withheld from the learner."""
        ...

    def of_learner(
        self, principal: Principal, learner_id: str, *, point_id: str | None = None, limit: int = 200
    ) -> list[Response]:
        """Newest first."""
        ...

    def since(
        self, conn: Connection, principal: Principal, learner_id: str, after: tuple[datetime, str] | None
    ) -> list[Response]:
        """What came after (at, id), None: everything; the oldest first, answers not decrypted; in an open read."""
        ...

    def count_of(self, principal: Principal, learner_id: str) -> int:
        """How many responses `of_learner` would give without a limit; none is opened."""
        ...

    def of_attempt(self, principal: Principal, attempt_id: str) -> list[Response]: ...
    def latest_per_item(self, principal: Principal, learner_id: str) -> list[Response]:
        """The newest counting response to each item of one learner (mistakes notebook)."""
        ...

    def times_wrong(self, principal: Principal, learner_id: str) -> Mapping[str, int]:
        """item id → how many counting responses of this learner were wrong."""
        ...

    def of_learners(
        self,
        principal: Principal,
        learner_ids: Sequence[str],
        *,
        point_id: str | None = None,
        since: datetime | None = None,
        limit: int = 5000,
    ) -> list[Response]: ...
    def history(
        self, school_id: str, learner_ids: frozenset[str], *, since: datetime | None = None
    ) -> Iterator[Response]:
        """Every response that counts, of the given learners, in the order it counted, without answers decrypted:
        for background work. since: what began to count at that time or later."""
        ...

    def evidence(self, principal: Principal, learner_id: str) -> list[Response]:
        """Everything that counts of one learner, in the order it counted, without answers decrypted."""
        ...

    def evidence_of(
        self, uow: db.UnitOfWork, school_id: str, learner_id: str, *, after: tuple[datetime, str] | None = None
    ) -> tuple[list[Response], int]:
        """`history` of one learner as this unit of work sees it: what counted after (counted_at, id), None: all of it.
        And how many there are in all."""
        ...

    def counted(self, school_id: str) -> Mapping[str, int]:
        """learner id → how many of their responses count."""
        ...

    def learners(self, school_id: str) -> list[str]:
        """Ids of all who have answered anything."""
        ...

    def count(self, school_id: str) -> int: ...
