"""Rows of data sets that were made from answers."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from shuyuan.kernel import db
from shuyuan.learning.improvement.tables import gathering

# Any below: a row's values


def add(uow: db.UnitOfWork, school_id: str, actor_id: str, values: Mapping[str, Any]) -> None:
    """A set whose import is about to begin."""
    empty = {"version": "", "leaving": []}
    row = {**empty, **values, "school_id": school_id, "created_by": actor_id, "created_at": uow.now}
    uow.conn.execute(gathering.insert().values(**row))


def every(conn: Connection, school_id: str | None = None) -> list[Row[Any]]:
    """Of a school, or of all of them, the oldest first: for work in the background."""
    query = select(gathering).order_by(gathering.c.id)
    return list(conn.execute(query if school_id is None else query.where(gathering.c.school_id == school_id)))


def change(uow: db.UnitOfWork, row_id: str, values: Mapping[str, Any]) -> None:
    """Set values of one."""
    uow.conn.execute(update(gathering).where(gathering.c.id == row_id).values(**values))


def forget(uow: db.UnitOfWork, row_id: str) -> None:
    """Nothing of it is left."""
    uow.conn.execute(delete(gathering).where(gathering.c.id == row_id))
