"""Every query of signs of harm, each scoped to a school and to whom the reader answers for."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select, update

from shuyuan.kernel import db, ids
from shuyuan.learning.tutor import tables
from shuyuan.learning.tutor.interface import Place

_c = tables.concern.c
_turn = tables.turn.c

# Any below: SQLAlchemy rows carry the types of their columns only at run time.


def add(
    uow: db.UnitOfWork,
    *,
    school_id: str,
    account_id: str,
    class_id: str | None,
    place: Place,
    source: str,
    at: datetime,
    turn_id: str | None = None,
    key_id: str | None = None,
) -> None:
    """Note it, once for each source."""
    if uow.conn.execute(select(_c.id).where(_c.source == source)).first() is None:
        uow.conn.execute(
            tables.concern.insert().values(
                id=ids.new_id(),
                school_id=school_id,
                account_id=account_id,
                class_id=class_id,
                place=place,
                source=source,
                turn_id=turn_id,
                key_id=key_id,
                at=at,
            )
        )


def of_school(
    conn: Connection, school_id: str, class_ids: Collection[str] | None, *, seen_after: datetime, limit: int
) -> list[Row[Any]]:
    """Open ones first, then those seen since; newest first. class_ids None: of the whole school."""
    current = _c.seen_at.is_(None) | (_c.seen_at > seen_after)
    query = select(tables.concern).where(_within(school_id, class_ids), current)
    return list(conn.execute(query.order_by(_c.seen_at.isnot(None), _c.at.desc(), _c.id.desc()).limit(limit)))


def one(conn: Connection, school_id: str, class_ids: Collection[str] | None, concern_id: str) -> Row[Any] | None:
    query = select(tables.concern).where(_within(school_id, class_ids), _c.id == concern_id)
    return conn.execute(query).one_or_none()


def see(uow: db.UnitOfWork, concern_id: str, by: str) -> bool:
    """Mark it as seen; False when somebody has."""
    unseen = update(tables.concern).where(_c.id == concern_id, _c.seen_at.is_(None))
    return uow.conn.execute(unseen.values(seen_at=uow.now, seen_by=by)).rowcount > 0


def beside(conn: Connection, school_id: str, turn_id: str) -> Row[Any] | None:
    """The turn as it is stored: beside which question it was spoken."""
    query = select(tables.turn).where(_turn.school_id == school_id, _turn.id == turn_id)
    return conn.execute(query).one_or_none()


def _within(school_id: str, class_ids: Collection[str] | None) -> ColumnElement[bool]:
    in_school = _c.school_id == school_id
    return in_school if class_ids is None else in_school & _c.class_id.in_(list(class_ids))
