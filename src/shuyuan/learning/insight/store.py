"""Every query of the early warning, each scoped to a school."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from shuyuan.learning.insight.tables import dismissal, model

# Any below: JSON, and a row's values


def model_of(conn: Connection, school_id: str) -> Row[Any] | None:
    return conn.execute(select(model).where(model.c.school_id == school_id)).one_or_none()


def put_model(conn: Connection, school_id: str, values: Mapping[str, Any]) -> None:
    conn.execute(delete(model).where(model.c.school_id == school_id))
    conn.execute(model.insert().values(school_id=school_id, **values))


def dismissed(conn: Connection, school_id: str, course_id: str, now: datetime) -> set[str]:
    """Learners of whom nothing shall be said at this time."""
    mine = dismissal.c
    query = select(mine.learner_id).where(mine.school_id == school_id, mine.course_id == course_id)
    return set(conn.execute(query.where(mine.until > now)).scalars())


def dismiss(conn: Connection, school_id: str, learner_id: str, course_id: str, until: datetime, by: str) -> None:
    mine = dismissal.c
    key = (mine.school_id == school_id, mine.learner_id == learner_id, mine.course_id == course_id)
    conn.execute(delete(dismissal).where(*key))
    values = {"learner_id": learner_id, "course_id": course_id, "until": until, "by": by}
    conn.execute(dismissal.insert().values(school_id=school_id, **values))


def forget(conn: Connection, school_id: str, learner_id: str) -> None:
    conn.execute(delete(dismissal).where(dismissal.c.school_id == school_id, dismissal.c.learner_id == learner_id))
