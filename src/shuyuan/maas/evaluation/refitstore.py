"""Every query of fits that evaluation orders: scoped to a school, or for whoever goes on with them to a home."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, select, true, update

from shuyuan.kernel import db, ids
from shuyuan.maas.evaluation.tables import refit

_NUMBER_LETTERS = 9  # more is an id
Rows = list[Row[Any]]  # Any: a row's columns


def add(uow: db.UnitOfWork, **columns: Any) -> Row[Any]:  # Any: columns
    """Insert with the next number of the school."""
    number = db.next_number(uow.conn, refit.c.number, school_id=columns["school_id"])
    empty = {"state": "running", "stage": "cutting", "runs": [], "folds": {}}
    values = {"id": ids.new_id(), "number": number, "created_at": uow.now, **empty, **columns}
    return uow.conn.execute(refit.insert().values(**values).returning(refit)).one()


def one(conn: Connection, school_id: str, id_or_number: str) -> Row[Any] | None:
    """One of the school."""
    is_number = len(id_or_number) <= _NUMBER_LETTERS and id_or_number.isascii() and id_or_number.isdigit()
    which = refit.c.number == int(id_or_number) if is_number else refit.c.id == id_or_number
    return conn.execute(select(refit).where(refit.c.school_id == school_id, which)).one_or_none()


def listed(conn: Connection, school_id: str, kind: str, of_report: str | None, limit: int) -> Rows:
    """Newest first."""
    query = select(refit).where(refit.c.school_id == school_id, refit.c.kind == kind)
    query = query if of_report is None else query.where(refit.c.of_report == of_report)
    return list(conn.execute(query.order_by(refit.c.number.desc()).limit(limit)))


def reading(conn: Connection, school_id: str, data: Collection[str]) -> Rows:
    """Those of every kind that read one of these versions and have not ended."""
    mine = (refit.c.school_id == school_id, refit.c.state == "running", refit.c.data.in_(sorted(data)))
    return list(conn.execute(select(refit).where(*mine).order_by(refit.c.number)))


def under_way(conn: Connection, home_id: str | None) -> Rows:
    """What a home (None: every one) has to go on with."""
    mine = true() if home_id is None else refit.c.home_id == home_id
    return list(conn.execute(select(refit).where(refit.c.state == "running", mine).order_by(refit.c.id)))


def open_of(conn: Connection, school_id: str) -> int:
    """How many of the school have not ended."""
    query = select(refit.c.id).where(refit.c.school_id == school_id, refit.c.state == "running")
    return len(conn.execute(query).all())


def change(uow: db.UnitOfWork, refit_id: str, **columns: Any) -> bool:  # Any: columns
    """Set values of one that has not ended."""
    mine = (refit.c.id == refit_id, refit.c.state == "running")
    return bool(uow.conn.execute(update(refit).where(*mine).values(**columns)).rowcount)
