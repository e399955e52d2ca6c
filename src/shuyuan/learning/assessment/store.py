"""Every query on attempts and slots, each scoped to a school."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from shuyuan.kernel import db, ids
from shuyuan.learning.assessment.interface import Attempt, AttemptKind, Slot
from shuyuan.learning.assessment.tables import attempt, slot

_STANDING = db.Prepared(
    select(attempt.c.closed_at, slot.c.item_id, slot.c.seed, slot.c.state, slot.c.tries, slot.c.hints_used)
    .join_from(attempt, slot, slot.c.attempt_id == attempt.c.id)
    .where(attempt.c.id == bindparam("attempt"), attempt.c.school_id == bindparam("school"))
    .order_by(slot.c.position)
)
_TURN = db.Prepared(
    select(attempt.c.id)
    .where(attempt.c.id == bindparam("attempt"), attempt.c.school_id == bindparam("school"))
    .with_for_update()
)
_OF_SLOT = (slot.c.attempt_id == bindparam("attempt"), slot.c.item_id == bindparam("item"))
_TRIED = db.Prepared(update(slot).where(*_OF_SLOT).values(state=bindparam("to"), tries=slot.c.tries + 1))
_HINTED = db.Prepared(update(slot).where(*_OF_SLOT).values(hints_used=slot.c.hints_used + 1))


@dataclass(frozen=True)
class Sitting:
    """What never changes in an attempt, so that it may be kept in memory."""

    id: str
    school_id: str
    learner_id: str
    kind: AttemptKind
    course_id: str
    seeds: Mapping[str, int]  # item id → seed, in the order of the slots
    adaptive_id: str | None = None  # of an adaptive test, whose seeds grow; whoever grows them keeps the new ones


@dataclass(frozen=True)
class Standing:
    """How an attempt stands inside a unit of work."""

    closed_at: datetime | None
    slots: Mapping[str, Slot]


def insert(
    uow: db.UnitOfWork, sitting: Sitting, *, point_id: str | None, assignment_id: str | None, at: datetime
) -> None:
    uow.conn.execute(
        attempt.insert().values(
            id=sitting.id,
            school_id=sitting.school_id,
            learner_id=sitting.learner_id,
            kind=sitting.kind,
            course_id=sitting.course_id,
            point_id=point_id,
            assignment_id=assignment_id,
            adaptive_id=sitting.adaptive_id,
            started_at=at,
        )
    )
    if not sitting.seeds:
        return
    fresh = {"attempt_id": sitting.id, "school_id": sitting.school_id, "state": "open", "tries": 0, "hints_used": 0}
    uow.conn.execute(
        slot.insert(),
        [
            {**fresh, "item_id": item_id, "position": at, "seed": seed}
            for at, (item_id, seed) in enumerate(sitting.seeds.items())
        ],
    )


def find(conn: Connection, school_id: str, attempt_id: str) -> Attempt | None:
    query = select(attempt).where(attempt.c.id == attempt_id, attempt.c.school_id == school_id)
    row = conn.execute(query).one_or_none()
    return None if row is None else _attempt(conn, row)


def newest_open(conn: Connection, school_id: str, learner_id: str) -> Attempt | None:
    query = select(attempt).where(
        attempt.c.school_id == school_id, attempt.c.learner_id == learner_id, attempt.c.closed_at.is_(None)
    )
    row = conn.execute(query.order_by(attempt.c.started_at.desc(), attempt.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _attempt(conn, row)


def standing(conn: Connection, school_id: str, attempt_id: str) -> Standing:
    """The attempt locked for this unit: whether it is closed, and each slot.

    Several processes may write to PostgreSQL, where the lock is a statement of its own: who waits for a lock reads rows
    as they were before it. SQLite has one writer anyway."""
    given = {"attempt": attempt_id, "school": school_id}
    if conn.dialect.name == "postgresql":
        _TURN.rows(conn, given)
    rows = _STANDING.rows(conn, given)
    slots = {row.item_id: Slot(row.item_id, row.seed, row.state, row.tries, row.hints_used) for row in rows}
    return Standing(rows[0].closed_at if rows else None, slots)


def tried(conn: Connection, attempt_id: str, item_id: str, state: str) -> None:
    _TRIED.run(conn, {"attempt": attempt_id, "item": item_id, "to": state})


def hinted(conn: Connection, attempt_id: str, item_id: str) -> None:
    _HINTED.run(conn, {"attempt": attempt_id, "item": item_id})


def mark(conn: Connection, attempt_id: str, states: Mapping[str, str]) -> None:
    """Show how each answered slot of a test stands, now that it closes."""
    for item_id, state in states.items():
        marked = update(slot).where(slot.c.attempt_id == attempt_id, slot.c.item_id == item_id)
        conn.execute(marked.values(state=state))


def close(conn: Connection, attempt_id: str, at: datetime) -> None:
    conn.execute(update(attempt).where(attempt.c.id == attempt_id).values(closed_at=at))


def close_practice(conn: Connection, school_id: str, learner_id: str, at: datetime) -> None:
    """A test begins: what the learner was practising ends."""
    conn.execute(
        update(attempt)
        .where(
            attempt.c.school_id == school_id,
            attempt.c.learner_id == learner_id,
            attempt.c.closed_at.is_(None),
        )
        .values(closed_at=at)
    )


def has_open_test(conn: Connection, learner_id: str) -> bool:
    query = select(attempt.c.id).where(
        attempt.c.learner_id == learner_id, attempt.c.closed_at.is_(None), attempt.c.kind == "test"
    )
    return conn.execute(query.limit(1)).first() is not None


def _attempt(conn: Connection, row: Row[Any]) -> Attempt:  # Any: a row's values
    slots = conn.execute(select(slot).where(slot.c.attempt_id == row.id).order_by(slot.c.position)).all()
    shown = tuple(Slot(one.item_id, one.seed, one.state, one.tries, one.hints_used) for one in slots)
    return Attempt(
        row.id,
        row.school_id,
        row.learner_id,
        row.kind,
        row.course_id,
        row.point_id,
        shown,
        row.assignment_id,
        row.started_at,
        row.closed_at,
        row.adaptive_id,
    )


def sitting_of(found: Attempt) -> Sitting:
    seeds = {one.item_id: one.seed for one in found.slots}
    return Sitting(found.id, found.school_id, found.learner_id, found.kind, found.course_id, seeds, found.adaptive_id)


def new_sitting(
    school_id: str, learner_id: str, kind: AttemptKind, course_id: str, item_ids: Sequence[str], seeds: Sequence[int]
) -> Sitting:
    return Sitting(ids.new_id(), school_id, learner_id, kind, course_id, dict(zip(item_ids, seeds, strict=True)))
