"""Rows of answers that versions were fitted on, by school and address."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from shuyuan.kernel import db
from shuyuan.learning.improvement.interface import State
from shuyuan.learning.improvement.tables import kept, version


def note(uow: db.UnitOfWork, school_id: str, sha256: str, persons: Sequence[str]) -> None:
    """A set that is about to be stored, perhaps again."""
    mine = (kept.c.school_id == school_id, kept.c.sha256 == sha256)
    told = {"persons": list(persons), "kept_at": uow.now, "deleted_at": None}
    if not uow.conn.execute(update(kept).where(*mine).values(**told)).rowcount:
        uow.conn.execute(kept.insert().values(school_id=school_id, sha256=sha256, **told))


def standing(conn: Connection, school_id: str | None = None) -> list[Row[Any]]:  # Any: a row's values
    """What is not deleted, of a school or of all, without those who are in it."""
    query = select(kept.c.school_id, kept.c.sha256, kept.c.kept_at).where(kept.c.deleted_at.is_(None))
    return list(conn.execute(query if school_id is None else query.where(kept.c.school_id == school_id)))


def unused(conn: Connection, school_id: str) -> list[Row[Any]]:  # Any: a row's values
    """What is not deleted, and no version was fitted on. One that was refused has the hash alone."""
    refused: State = "refused"
    mine = (version.c.school_id == kept.c.school_id, version.c.data_sha256 == kept.c.sha256)
    used = select(version.c.id).where(*mine, version.c.state != refused).exists()
    query = select(kept.c.sha256, kept.c.kept_at).where(kept.c.school_id == school_id, kept.c.deleted_at.is_(None))
    return list(conn.execute(query.where(~used)))


def forget(uow: db.UnitOfWork, school_id: str, sha256: str, kept_at: datetime) -> None:
    """It was never a version's; nothing where it was stored anew meanwhile."""
    mine = (kept.c.school_id == school_id, kept.c.sha256 == sha256, kept.c.kept_at == kept_at)
    uow.conn.execute(delete(kept).where(*mine))


def holding(conn: Connection, sha256: str) -> list[Row[Any]]:  # Any: a row's values
    """Who keeps what lies at an address."""
    query = select(kept.c.school_id, kept.c.sha256, kept.c.kept_at)
    return list(conn.execute(query.where(kept.c.sha256 == sha256, kept.c.deleted_at.is_(None))))


def persons(conn: Connection, school_id: str, sha256: str) -> list[str] | None:
    """Whose answers are in it; None where that was never noted."""
    query = select(kept.c.persons).where(kept.c.school_id == school_id, kept.c.sha256 == sha256)
    found: list[str] | None = conn.execute(query).scalar_one_or_none()
    return found


def note_persons(uow: db.UnitOfWork, school_id: str, sha256: str, persons: Sequence[str]) -> None:
    """Whose answers are in a set from before that was noted."""
    mine = (kept.c.school_id == school_id, kept.c.sha256 == sha256)
    uow.conn.execute(update(kept).where(*mine).values(persons=list(persons)))


def note_deleted(uow: db.UnitOfWork, school_id: str, sha256: str, kept_at: datetime) -> bool:
    """Its bytes are gone; False where it was stored anew meanwhile."""
    mine = (kept.c.school_id == school_id, kept.c.sha256 == sha256, kept.c.kept_at == kept_at)
    query = update(kept).where(*mine, kept.c.deleted_at.is_(None))
    return uow.conn.execute(query.values(persons=[], deleted_at=uow.now)).rowcount > 0


def numbers(conn: Connection, school_id: str, sha256: str) -> list[int]:
    """The versions that were fitted on it."""
    query = select(version.c.number).where(version.c.school_id == school_id, version.c.data_sha256 == sha256)
    return list(conn.execute(query.order_by(version.c.number)).scalars())
