"""Every query on compressions, scoped to a school; only the worker's own questions are not."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from shuyuan.kernel import db, ids
from shuyuan.maas.compression import interface
from shuyuan.maas.compression.tables import compression as _C

_INNER = ("worker", "seconds", "home_id")  # for the workers alone


def add(uow: db.UnitOfWork, school_id: str, **columns: Any) -> interface.Compression:  # Any: columns
    """Queue one, with the school's next number."""
    number = db.next_number(uow.conn, _C.c.number, school_id=school_id)
    queued: interface.State = "queued"
    row = uow.conn.execute(
        _C.insert()
        .values(
            id=ids.new_id(),
            school_id=school_id,
            number=number,
            state=queued,
            result={},
            seconds=0.0,
            created_at=uow.now,
            **columns,
        )
        .returning(_C)
    ).one()
    return read(row)


def one(conn: Connection, school_id: str, compression_id: str) -> interface.Compression | None:
    """The school's own."""
    row = conn.execute(select(_C).where(_C.c.school_id == school_id, _C.c.id == compression_id)).one_or_none()
    return None if row is None else read(row)


def newest_first(conn: Connection, school_id: str, parent: str | None, limit: int) -> list[interface.Compression]:
    """The school's, of one version or of all."""
    query = select(_C).where(_C.c.school_id == school_id).order_by(_C.c.number.desc()).limit(limit)
    if parent is not None:
        query = query.where(_C.c.parent == parent)
    return [read(row) for row in conn.execute(query)]


def waiting(conn: Connection, school_id: str) -> int:
    """How many of the school have not ended."""
    states: tuple[interface.State, ...] = ("queued", "running")
    query = select(func.count()).select_from(_C).where(_C.c.school_id == school_id, _C.c.state.in_(states))
    found: int = conn.execute(query).scalar_one()
    return found


def begin(uow: db.UnitOfWork, compression_id: str, worker: int) -> interface.Compression | None:
    """Take a queued one; None when it was cancelled or taken meanwhile."""
    return _change(uow, compression_id, "queued", {"state": "running", "worker": worker, "started_at": uow.now})


def end(
    uow: db.UnitOfWork, compression_id: str, state: interface.State, seconds: float, **columns: Any
) -> interface.Compression | None:
    """The end of a running one; None when it is not running any more."""
    told = {"state": state, "ended_at": uow.now, "seconds": seconds, "worker": None, **columns}
    return _change(uow, compression_id, "running", told)


def cancel(uow: db.UnitOfWork, school_id: str, compression_id: str) -> interface.Compression | None:
    """A queued or running one of the school; None when it has ended."""
    for state in ("queued", "running"):
        told = {"state": "cancelled", "ended_at": uow.now, "worker": None}
        if (row := _change(uow, compression_id, state, told, school_id)) is not None:
            return row
    return None


def left(conn: Connection, home_id: str | None) -> list[tuple[interface.Compression, int | None]]:
    """What is queued or running in any school, oldest first, and the process that works on it. None: of every home."""
    query = select(_C).where(_C.c.state.in_(("queued", "running"))).order_by(_C.c.created_at)
    if home_id is not None:
        query = query.where(_C.c.home_id.in_((home_id, "")))
    return [(read(row), row.worker) for row in conn.execute(query)]


def requeue(uow: db.UnitOfWork, compression_id: str, worker: int | None) -> bool:
    """Put one whose process is gone back; False when another process took care of it."""
    done = uow.conn.execute(
        update(_C)
        .where(_C.c.id == compression_id, _C.c.state == "running", _C.c.worker == worker)
        .values(state="queued", worker=None, started_at=None)
    )
    return bool(done.rowcount)


def _change(
    uow: db.UnitOfWork, compression_id: str, was: str, values: Mapping[str, Any], school_id: str | None = None
) -> interface.Compression | None:
    query = update(_C).where(_C.c.id == compression_id, _C.c.state == was).values(**values).returning(_C)
    if school_id is not None:
        query = query.where(_C.c.school_id == school_id)
    row = uow.conn.execute(query).one_or_none()
    return None if row is None else read(row)


def read(row: Row[Any]) -> interface.Compression:
    """A row as a fact."""
    columns = {name: value for name, value in row._mapping.items() if name not in ("result", *_INNER)}
    return interface.Compression.model_validate(columns | row.result)
