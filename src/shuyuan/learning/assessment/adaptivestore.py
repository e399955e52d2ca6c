"""Every query on adaptive tests and their seats, each scoped to a school."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, select, update

from shuyuan.learning.assessment import planning
from shuyuan.learning.assessment.interface import AdaptiveTest
from shuyuan.learning.assessment.tables import adaptive, attempt, seat, slot

# Any below: a row's values


def insert(conn: Connection, made: AdaptiveTest, bank: Sequence[planning.Row], seeds: Iterable[int]) -> None:
    """A test, and a seat for everybody in it."""
    values = {name: value for name, value in vars(made).items() if name not in ("learner_ids", "questions", "attempts")}
    conn.execute(
        adaptive.insert().values(**values | {"point_ids": list(made.point_ids), "bank": [list(r) for r in bank]})
    )
    common = {"adaptive_id": made.id, "school_id": made.school_id}
    pairs = zip(made.learner_ids, seeds, strict=True)
    conn.execute(seat.insert(), [{**common, "learner_id": who, "seed": seed} for who, seed in pairs])


def find(conn: Connection, school_id: str, test_id: str) -> AdaptiveTest | None:
    found = _whole(conn, select(adaptive).where(adaptive.c.school_id == school_id, adaptive.c.id == test_id))
    return found[0] if found else None


def of_class(conn: Connection, school_id: str, class_id: str) -> list[AdaptiveTest]:
    """Newest first."""
    return _whole(conn, select(adaptive).where(adaptive.c.school_id == school_id, adaptive.c.class_id == class_id))


def of_learner(conn: Connection, school_id: str, learner_id: str) -> list[AdaptiveTest]:
    """Newest first, those not taken back."""
    mine = select(seat.c.adaptive_id).where(seat.c.school_id == school_id, seat.c.learner_id == learner_id)
    return _whole(conn, select(adaptive).where(adaptive.c.id.in_(mine), adaptive.c.undone_at.is_(None)))


def bank(conn: Connection, school_id: str, test_id: str) -> list[planning.Row]:
    """The questions and numbers as they were when the test was set."""
    query = select(adaptive.c.bank).where(adaptive.c.school_id == school_id, adaptive.c.id == test_id)
    return [(row[0], row[1], row[2], row[3], row[4]) for row in conn.execute(query).scalar_one()]


def lock_seat(conn: Connection, school_id: str, test_id: str, learner_id: str) -> Row[Any] | None:
    """One learner's place in a test, locked for this unit."""
    query = select(seat).where(
        seat.c.adaptive_id == test_id, seat.c.learner_id == learner_id, seat.c.school_id == school_id
    )
    return conn.execute(query.with_for_update()).one_or_none()


def seats(conn: Connection, school_id: str, test_id: str) -> list[Row[Any]]:
    """Everybody's, with when their attempt closed."""
    query = (
        select(seat.c.learner_id, seat.c.attempt_id, seat.c.ended, attempt.c.closed_at)
        .join_from(seat, attempt, seat.c.attempt_id == attempt.c.id, isouter=True)
        .where(seat.c.adaptive_id == test_id, seat.c.school_id == school_id)
    )
    return list(conn.execute(query.order_by(seat.c.learner_id)))


def change_seat(conn: Connection, test_id: str, learner_id: str, **values: object) -> None:
    mine = (seat.c.adaptive_id == test_id, seat.c.learner_id == learner_id)
    conn.execute(update(seat).where(*mine).values(**values))


def add_slot(conn: Connection, school_id: str, attempt_id: str, item_id: str, position: int, seed: int) -> None:
    """The next question of an attempt that grows."""
    conn.execute(
        slot.insert().values(
            attempt_id=attempt_id,
            item_id=item_id,
            school_id=school_id,
            position=position,
            seed=seed,
            state="open",
            tries=0,
            hints_used=0,
        )
    )


def undo(conn: Connection, test_id: str, at: datetime) -> None:
    conn.execute(update(adaptive).where(adaptive.c.id == test_id).values(undone_at=at))


def _whole(conn: Connection, query: Select[Any]) -> list[AdaptiveTest]:
    rows = conn.execute(query.order_by(adaptive.c.created_at.desc(), adaptive.c.id.desc())).all()
    places: dict[str, dict[str, str | None]] = {row.id: {} for row in rows}
    wanted = select(seat.c.adaptive_id, seat.c.learner_id, seat.c.attempt_id).where(seat.c.adaptive_id.in_(places))
    for one in conn.execute(wanted.order_by(seat.c.learner_id)):
        places[one.adaptive_id][one.learner_id] = one.attempt_id
    return [_test(row, places[row.id]) for row in rows]


def _test(row: Row[Any], places: dict[str, str | None]) -> AdaptiveTest:
    return AdaptiveTest(
        row.id,
        row.school_id,
        row.class_id,
        row.teacher_id,
        row.course_id,
        tuple(row.point_ids),
        tuple(places),
        row.least,
        row.most,
        row.each,
        row.error,
        len(row.bank),
        row.due_at,
        row.created_at,
        row.undone_at,
        {who: attempt_id for who, attempt_id in places.items() if attempt_id is not None},
    )
