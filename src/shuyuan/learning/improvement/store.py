"""Every query on the loop's versions, scoped to a school."""

from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from shuyuan.kernel import db, ids
from shuyuan.learning.improvement.interface import Condition, State, TracerVersion
from shuyuan.learning.improvement.tables import version


def newest_first(conn: Connection, school_id: str) -> list[TracerVersion]:
    """The school's turns."""
    query = select(version).where(version.c.school_id == school_id).order_by(version.c.number.desc())
    return [_read(row) for row in conn.execute(query)]


def one(conn: Connection, school_id: str, version_id: str) -> tuple[TracerVersion, str] | None:
    """A turn and the address of its weights."""
    query = select(version).where(version.c.school_id == school_id, version.c.id == version_id)
    row = conn.execute(query).one_or_none()
    return None if row is None else (_read(row), row.weights_sha256)


def next_number(conn: Connection, school_id: str) -> int:
    """The number of the next turn."""
    query = select(func.coalesce(func.max(version.c.number), 0)).where(version.c.school_id == school_id)
    last: int = conn.execute(query).scalar_one()
    return last + 1


def add(uow: db.UnitOfWork, school_id: str, weights_sha256: str, **columns: Any) -> TracerVersion:  # Any: columns
    """Store a turn."""
    row_id = ids.new_id()
    uow.conn.execute(
        version.insert().values(id=row_id, school_id=school_id, weights_sha256=weights_sha256, at=uow.now, **columns)
    )
    found = one(uow.conn, school_id, row_id)
    assert found is not None
    return found[0]


def crown(uow: db.UnitOfWork, school_id: str, version_id: str, reason: str) -> None:
    """Make one version the champion and retire the one before."""
    mine = version.c.school_id == school_id
    retired: State = "retired"
    champion: State = "champion"
    uow.conn.execute(update(version).where(mine, version.c.state == champion).values(state=retired))
    uow.conn.execute(update(version).where(mine, version.c.id == version_id).values(state=champion, reason=reason))


def seen_by_last(conn: Connection, school_id: str) -> int:
    """How many answers the school had at the newest turn, 0 before the first."""
    query = select(version.c.seen).where(version.c.school_id == school_id).order_by(version.c.number.desc())
    return conn.execute(query.limit(1)).scalar_one_or_none() or 0


def _read(row: Row[Any]) -> TracerVersion:
    told = {name: value for name, value in row._mapping.items() if name not in ("school_id", "weights_sha256", "seen")}
    told["conditions"] = tuple(Condition(**condition) for condition in row.conditions)
    return TracerVersion(**told)
