"""Attempts from start to close, apart from answering: who may see them, questions, hints, the end of a test."""

import secrets
from collections.abc import Mapping, Sequence
from functools import partial

from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock as kernel_clock
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors
from shuyuan.learning.assessment import store
from shuyuan.learning.assessment.interface import Attempt, AttemptKind
from shuyuan.learning.courses.interface import Courses, Question
from shuyuan.learning.people.interface import People
from shuyuan.learning.records.interface import Records, Response
from shuyuan.learning.tracing.interface import Tracing

MAX_ITEMS = 200
SEEDS = 2**31 - 1
KEPT_SITTINGS = 20_000  # about 1 kB each


class Sittings:
    """Attempts. What never changes of an attempt is kept in memory: who sits it, its items and seeds."""

    def __init__(
        self,
        db: kernel_db.Database,
        people: People,
        courses: Courses,
        records: Records,
        tracing: Tracing,
        clock: kernel_clock.Clock,
    ) -> None:
        self._db, self._people, self._courses = db, people, courses
        self._records, self._tracing, self._clock = records, tracing, clock
        self._kept: dict[str, store.Sitting] = {}

    def start(
        self,
        principal: Principal,
        *,
        kind: AttemptKind,
        course_id: str,
        item_ids: Sequence[str],
        point_id: str | None = None,
        assignment_id: str | None = None,
        learner_id: str | None = None,
    ) -> Attempt:
        learner_id = self._seat(principal, learner_id)
        check_items(self._courses, principal.school_id, item_ids)
        sitting = store.new_sitting(
            principal.school_id, learner_id, kind, course_id, item_ids, fresh_seeds(len(item_ids))
        )
        return self._db.write(partial(self.open, sitting, point_id, assignment_id))

    def open(
        self, sitting: store.Sitting, point_id: str | None, assignment_id: str | None, uow: kernel_db.UnitOfWork
    ) -> Attempt:
        """Store a new attempt inside `uow`. While a test is open nothing else may begin."""
        if store.has_open_test(uow.conn, sitting.learner_id):
            raise errors.Conflict("a test is open", fix="finish and hand in the test first", code="test_open")
        at = self._clock()
        if sitting.kind == "test":
            store.close_practice(uow.conn, sitting.school_id, sitting.learner_id, at)
        store.insert(uow, sitting, point_id=point_id, assignment_id=assignment_id, at=at)
        uow.after_commit(lambda: self.keep(sitting))
        return _found(store.find(uow.conn, sitting.school_id, sitting.id), sitting.id)

    def attempt(self, principal: Principal, attempt_id: str) -> Attempt:
        with self._db.read() as conn:
            found = _found(store.find(conn, principal.school_id, attempt_id), attempt_id)
        self._may_see(principal, found.learner_id, attempt_id)
        return found

    def open_attempt(self, principal: Principal, learner_id: str) -> Attempt | None:
        self._may_see(principal, learner_id, learner_id)
        with self._db.read() as conn:
            return store.newest_open(conn, principal.school_id, learner_id)

    def question(self, principal: Principal, attempt_id: str, item_id: str) -> Question:
        sitting = self.sitting(principal, attempt_id, item_id)
        self._may_see(principal, sitting.learner_id, attempt_id)
        return self._courses.question(sitting.school_id, item_id, seed_of(sitting, item_id), principal.language)

    def hint(self, principal: Principal, attempt_id: str, item_id: str) -> tuple[int, Mapping[str, str]]:
        sitting = self.own(principal, attempt_id, item_id)
        if sitting.kind == "test":
            raise errors.Conflict("there are no hints in a test", fix="answer as well as you can", code="no_hints")
        seed = seed_of(sitting, item_id)
        zh = self._courses.question(sitting.school_id, item_id, seed, "zh").hints
        en = self._courses.question(sitting.school_id, item_id, seed, "en").hints
        number = self._db.write(lambda uow: self._open_hint(uow, sitting, item_id, len(zh)))
        return number, {"zh": zh[number - 1], "en": en[number - 1]}

    def close(self, principal: Principal, attempt_id: str) -> Attempt:
        """Hand in. A test is marked now, by the last answer to each item. Closing twice changes nothing."""
        sitting = self.own(principal, attempt_id)
        return self._db.write(partial(self.close_inside, sitting))

    def in_test(self, learner_id: str) -> bool:
        with self._db.read() as conn:
            return store.has_open_test(conn, learner_id)

    def sitting(self, principal: Principal, attempt_id: str, item_id: str | None = None) -> store.Sitting:
        """What never changes of an attempt in the caller's school. item_id: asked about; what is remembered of an
        adaptive test is read again without it, as another process may have asked it."""
        kept = self._kept.get(attempt_id)
        if kept is None or (kept.adaptive_id is not None and item_id is not None and item_id not in kept.seeds):
            with self._db.read() as conn:
                kept = store.sitting_of(_found(store.find(conn, principal.school_id, attempt_id), attempt_id))
            self.keep(kept)
        if kept.school_id != principal.school_id:
            raise _unknown(attempt_id)
        return kept

    def own(self, principal: Principal, attempt_id: str, item_id: str | None = None) -> store.Sitting:
        """The same, if the caller is the one who sits it."""
        sitting = self.sitting(principal, attempt_id, item_id)
        if sitting.learner_id != principal.account_id:
            raise _unknown(attempt_id)
        return sitting

    def require_open(self, principal: Principal, attempt_id: str) -> None:
        """Raise Conflict when the attempt was handed in."""
        if self.attempt(principal, attempt_id).closed_at is not None:
            raise closed()

    def _seat(self, principal: Principal, learner_id: str | None) -> str:
        if learner_id is None or learner_id == principal.account_id:
            return principal.account_id
        principal.require("teacher", "admin")
        return self._people.learner(principal, learner_id).id

    def _may_see(self, principal: Principal, learner_id: str, asked: str) -> None:
        if learner_id == principal.account_id:
            return
        if principal.role not in ("teacher", "admin"):
            raise _unknown(asked)
        self._people.learner(principal, learner_id)

    def keep(self, sitting: store.Sitting) -> None:
        """Remember an attempt, or how it stands after it grew."""
        while len(self._kept) >= KEPT_SITTINGS:
            self._kept.pop(next(iter(self._kept)), None)
        self._kept[sitting.id] = sitting

    def _open_hint(self, uow: kernel_db.UnitOfWork, sitting: store.Sitting, item_id: str, there_are: int) -> int:
        standing = store.standing(uow.conn, sitting.school_id, sitting.id)
        if standing.closed_at is not None:
            raise errors.Conflict("attempt closed: its hints are no longer open", fix="start a new practice")
        number = standing.slots[item_id].hints_used + 1
        if number > there_are:
            raise errors.NotFound(f"no hint {number}: this question has {there_are}", fix="try an answer now")
        store.hinted(uow.conn, sitting.id, item_id)
        return number

    def close_inside(self, sitting: store.Sitting, uow: kernel_db.UnitOfWork) -> Attempt:
        """The same inside `uow`."""
        if store.standing(uow.conn, sitting.school_id, sitting.id).closed_at is None:
            at = self._clock()
            if sitting.kind == "test":
                self._mark(uow, sitting)
            store.close(uow.conn, sitting.id, at)
        return _found(store.find(uow.conn, sitting.school_id, sitting.id), sitting.id)

    def _mark(self, uow: kernel_db.UnitOfWork, sitting: store.Sitting) -> None:
        last = self._records.last_of_attempt(uow, sitting.id)
        for response in last:
            self._count(uow, response)
        self._records.release(uow, sitting.id)
        store.mark(uow.conn, sitting.id, {one.item_id: "right" if one.correct else "wrong" for one in last})

    def _count(self, uow: kernel_db.UnitOfWork, response: Response) -> None:
        at = self._clock()
        step = self._tracing.update(
            uow,
            school_id=response.school_id,
            learner_id=response.learner_id,
            item_id=response.item_id,
            points=response.points,
            correct=response.correct,
            at=at,
            helped=response.hints_used > 0,
        )
        self._records.count_as_evidence(
            uow, response.id, p_before=step.p_before, tracer_version=step.tracer_version, at=at
        )


def check_items(courses: Courses, school_id: str, item_ids: Sequence[str]) -> None:
    """Raise unless these are 1 to 200 different items of the school."""
    if not 1 <= len(item_ids) <= MAX_ITEMS or len(set(item_ids)) != len(item_ids):
        raise errors.BadInput(
            f"{len(item_ids)} items, {len(set(item_ids))} of them different",
            fix=f"name 1 to {MAX_ITEMS} different items",
        )
    for item_id in item_ids:
        try:
            courses.item(school_id, item_id)
        except errors.NotFound as lost:
            raise errors.NotFound(
                f"item_ids: there is no item {item_id[:80]!r}", fix="name items of a course, or a point_id instead"
            ) from lost


def fresh_seeds(count: int) -> list[int]:
    """So many different seeds that nobody can foresee."""
    seeds: dict[int, None] = {}
    while len(seeds) < count:
        seeds[secrets.randbelow(SEEDS)] = None
    return list(seeds)


def seed_of(sitting: store.Sitting, item_id: str) -> int:
    """The seed of an item of this attempt."""
    if item_id not in sitting.seeds:
        raise errors.NotFound(f"item {item_id} is not part of this attempt", fix="answer one of its own questions")
    return sitting.seeds[item_id]


def closed() -> errors.Conflict:
    """What an answer that came too late is told."""
    return errors.Conflict(
        "attempt closed: this answer was not counted, because the attempt had been handed in before it came",
        fix="start a new practice and answer there",
        code="attempt_closed",
    )


def _found(attempt: Attempt | None, attempt_id: str) -> Attempt:
    if attempt is None:
        raise _unknown(attempt_id)
    return attempt


def _unknown(attempt_id: str) -> errors.NotFound:
    return errors.NotFound(f"no attempt {attempt_id}", fix="start a practice and use its id")
