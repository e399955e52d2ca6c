"""Every query on assignments and papers, each scoped to a school."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, select, update

from shuyuan.kernel import db
from shuyuan.learning.assessment.interface import Assignment
from shuyuan.learning.assessment.tables import assigned, assignment, attempt, paper, slot

_WAITS = db.Prepared(
    select(assigned.c.assignment_id)
    .join_from(assigned, attempt, assigned.c.attempt_id == attempt.c.id, isouter=True)
    .where(assigned.c.learner_id == bindparam("learner"), assigned.c.school_id == bindparam("school"))
    .where(attempt.c.closed_at.is_(None))
    .limit(1)
)


def insert(conn: Connection, made: Assignment, class_id: str) -> None:
    conn.execute(
        assignment.insert().values(
            id=made.id,
            school_id=made.school_id,
            class_id=class_id,
            teacher_id=made.teacher_id,
            course_id=made.course_id,
            point_id=made.point_id,
            due_at=made.due_at,
            created_at=made.created_at,
        )
    )
    conn.execute(
        assigned.insert(),
        [
            {"assignment_id": made.id, "learner_id": who, "school_id": made.school_id, "item_ids": list(item_ids)}
            for who, item_ids in made.items.items()
        ],
    )


def of_classes(conn: Connection, school_id: str, class_ids: Iterable[str]) -> list[Assignment]:
    """Newest first, taken-back ones too."""
    rows = select(assignment).where(assignment.c.school_id == school_id, assignment.c.class_id.in_(list(class_ids)))
    return _whole(conn, rows)


def of_learner(conn: Connection, school_id: str, learner_id: str) -> list[Assignment]:
    """What this learner has been given and was not taken back; classmates stay unnamed."""
    mine = select(assigned.c.assignment_id).where(
        assigned.c.school_id == school_id, assigned.c.learner_id == learner_id
    )
    rows = select(assignment).where(assignment.c.id.in_(mine), assignment.c.undone_at.is_(None))
    return [_only(one, learner_id) for one in _whole(conn, rows)]


def open_of(conn: Connection, school_id: str, learner_id: str) -> list[Assignment]:
    """`of_learner`, less what is done; with nothing open it is one statement, built once."""
    if not _WAITS.rows(conn, {"school": school_id, "learner": learner_id}):
        return []
    return [one for one in of_learner(conn, school_id, learner_id) if not one.done_by]


def find(conn: Connection, school_id: str, assignment_id: str) -> tuple[str, Assignment] | None:
    """(class id, assignment)."""
    query = select(assignment).where(assignment.c.id == assignment_id, assignment.c.school_id == school_id)
    row = conn.execute(query).one_or_none()
    return None if row is None else (row.class_id, _whole(conn, query)[0])


def lock_one(conn: Connection, school_id: str, assignment_id: str, learner_id: str) -> Row[Any] | None:
    """What one learner was given, locked for this unit: item_ids, attempt_id and the assignment's own columns."""
    query = (
        select(assigned.c.item_ids, assigned.c.attempt_id, assignment)
        .join_from(assigned, assignment, assigned.c.assignment_id == assignment.c.id)
        .where(
            assigned.c.assignment_id == assignment_id,
            assigned.c.learner_id == learner_id,
            assigned.c.school_id == school_id,
        )
    )
    return conn.execute(query.with_for_update()).one_or_none()


def started(conn: Connection, assignment_id: str, learner_id: str, attempt_id: str) -> None:
    conn.execute(
        update(assigned)
        .where(assigned.c.assignment_id == assignment_id, assigned.c.learner_id == learner_id)
        .values(attempt_id=attempt_id)
    )


def undo(conn: Connection, assignment_id: str, at: datetime) -> None:
    conn.execute(update(assignment).where(assignment.c.id == assignment_id).values(undone_at=at))


def insert_papers(conn: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    conn.execute(paper.insert(), list(rows))


def _whole(conn: Connection, query: Select[Any]) -> list[Assignment]:
    rows = conn.execute(query.order_by(assignment.c.created_at.desc(), assignment.c.id.desc())).all()
    given: dict[str, list[Row[Any]]] = {row.id: [] for row in rows}
    for one in _given(conn, list(given)):
        given[one.assignment_id].append(one)
    return [_assignment(row, given[row.id]) for row in rows]


def _given(conn: Connection, assignment_ids: Sequence[str]) -> list[Row[Any]]:
    """Who got which questions, when their attempt closed, and how many of its items have no try yet."""
    untried = select(func.count()).where(slot.c.attempt_id == attempt.c.id, slot.c.tries == 0).scalar_subquery()
    query = (
        select(
            assigned.c.assignment_id,
            assigned.c.learner_id,
            assigned.c.item_ids,
            assigned.c.attempt_id,
            attempt.c.closed_at,
            untried.label("untried"),
        )
        .join_from(assigned, attempt, assigned.c.attempt_id == attempt.c.id, isouter=True)
        .where(assigned.c.assignment_id.in_(assignment_ids))
        .order_by(assigned.c.learner_id)
    )
    return list(conn.execute(query))


def _assignment(row: Row[Any], given: Sequence[Row[Any]]) -> Assignment:
    begun = [one for one in given if one.attempt_id is not None]
    return Assignment(
        row.id,
        row.school_id,
        row.teacher_id,
        row.course_id,
        row.point_id,
        tuple(one.learner_id for one in given),
        row.due_at,
        row.created_at,
        row.undone_at,
        done_by=tuple(one.learner_id for one in begun if one.closed_at is not None or not one.untried),
        started_by=tuple(one.learner_id for one in begun),
        items={one.learner_id: tuple(one.item_ids) for one in given},
    )


def _only(made: Assignment, learner_id: str) -> Assignment:
    def mine(who: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(one for one in who if one == learner_id)

    items = {learner_id: made.items[learner_id]}
    return replace(
        made, learner_ids=(learner_id,), done_by=mine(made.done_by), started_by=mine(made.started_by), items=items
    )
