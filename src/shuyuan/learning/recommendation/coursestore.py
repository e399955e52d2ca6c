"""Every query of what courses brought, each scoped to a school."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, delete, select

from shuyuan.kernel import db
from shuyuan.learning.recommendation.tables import course_gains


def of_school(conn: Connection, school_id: str, fewest: int) -> dict[str, float]:
    """course id → gain per minute, where at least `fewest` learners stand behind it."""
    mine = course_gains.c
    query = select(mine.course_id, mine.gain).where(mine.school_id == school_id, mine.learners >= fewest)
    return {row.course_id: row.gain for row in conn.execute(query)}


def put(uow: db.UnitOfWork, school_id: str, rows: Iterable[dict[str, Any]]) -> None:  # Any: columns
    """These instead of what there was."""
    remove(uow.conn, school_id)
    if new := [{**row, "school_id": school_id, "made_at": uow.now} for row in rows]:
        uow.conn.execute(course_gains.insert(), new)


def remove(conn: Connection, school_id: str) -> None:
    conn.execute(delete(course_gains).where(course_gains.c.school_id == school_id))
