"""Every query of files, batches and their lines. What a person asks for is theirs: school and account are in it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, Select, delete, func, select, update

from shuyuan.identity.interface import Principal
from shuyuan.kernel import db
from shuyuan.maas.gateway.batch import jsonl
from shuyuan.maas.gateway.batch.jobtables import batch as _b
from shuyuan.maas.gateway.batch.jobtables import file as _f
from shuyuan.maas.gateway.batch.jobtables import line as _l

if TYPE_CHECKING:
    from shuyuan.maas.gateway.batch.files import File

ACTIVE = ("validating", "in_progress", "finalizing", "cancelling")  # OpenAI's words
Rows = Sequence[Row[Any]]  # Any: a row's values


# --- files ---


def add_file(
    conn: Connection, owner: Principal, file: "File", scan: jsonl.Scan | None, sealed: Mapping[str, bytes]
) -> None:
    conn.execute(
        _f.insert().values(
            id=file.id,
            school_id=owner.school_id,
            account_id=owner.account_id,
            purpose=file.purpose,
            size_bytes=file.size_bytes,
            endpoint=scan.endpoint if scan else "",
            lines=scan.lines if scan else 0,
            offsets=list(scan.offsets) if scan else [],
            created_at=file.created_at,
            expires_at=file.expires_at,
            **sealed,
        )
    )


def file(conn: Connection, owner: Principal, file_id: str, now: datetime) -> Row[Any] | None:
    return conn.execute(_files_of(owner).where(_f.c.id == file_id, _f.c.expires_at > now)).one_or_none()


def files(
    conn: Connection, owner: Principal, *, purpose: str | None, limit: int, after: str | None, newest_first: bool
) -> Rows:
    query = _files_of(owner).order_by(_f.c.id.desc() if newest_first else _f.c.id).limit(limit)
    if purpose is not None:
        query = query.where(_f.c.purpose == purpose)
    if after is not None:
        query = query.where(_f.c.id < after if newest_first else _f.c.id > after)
    return conn.execute(query).all()


def owned(conn: Connection, owner: Principal) -> tuple[int, int]:
    """How many files, of how many bytes together."""
    query = select(func.count(), func.coalesce(func.sum(_f.c.size_bytes), 0)).where(*_mine(_f, owner))
    count, size = conn.execute(query).one()
    return int(count), int(size)


def is_read(conn: Connection, owner: Principal, file_id: str) -> bool:
    """Whether a batch under way reads the file."""
    query = select(_b.c.id).where(*_mine(_b, owner), _b.c.input_file_id == file_id, _b.c.status.in_(ACTIVE)).limit(1)
    return conn.execute(query).first() is not None


def drop_file(conn: Connection, owner: Principal, file_id: str) -> None:
    conn.execute(delete(_f).where(*_mine(_f, owner), _f.c.id == file_id))


def drop_expired_files(conn: Connection, now: datetime) -> list[str]:
    return list(conn.execute(delete(_f).where(_f.c.expires_at <= now).returning(_f.c.id)).scalars())


def file_ids(conn: Connection) -> set[str]:
    return set(conn.execute(select(_f.c.id)).scalars())


# --- batches ---


def add_batch(conn: Connection, values: Mapping[str, Any]) -> None:
    conn.execute(_b.insert().values(**values))


def batch(conn: Connection, owner: Principal, batch_id: str) -> Row[Any] | None:
    return conn.execute(_batches_of(owner).where(_b.c.id == batch_id)).one_or_none()


def batches(conn: Connection, owner: Principal, *, limit: int, after: str | None) -> Rows:
    query = _batches_of(owner).order_by(_b.c.id.desc()).limit(limit)
    return conn.execute(query if after is None else query.where(_b.c.id < after)).all()


def active(conn: Connection, owner: Principal) -> int:
    """How many of the owner's batches are under way."""
    query = select(func.count()).select_from(_b).where(*_mine(_b, owner), _b.c.status.in_(ACTIVE))
    return int(conn.execute(query).scalar_one())


def job(conn: Connection, batch_id: str) -> Row[Any] | None:
    """A batch for whoever runs it."""
    return conn.execute(select(_b).where(_b.c.id == batch_id)).one_or_none()


def unfinished(conn: Connection) -> Rows:
    """Every batch that is under way, of any school."""
    found: Rows = list(conn.execute(select(_b.c.id, _b.c.workflow_id).where(_b.c.status.in_(ACTIVE))))
    return found


def change(uow: db.UnitOfWork, batch_id: str, was: Sequence[str], **values: Any) -> bool:
    """Set values of a batch that is in one of these states; a new `status` is noted with its time."""
    row = uow.conn.execute(select(_b.c.times, _b.c.status).where(_b.c.id == batch_id)).one_or_none()
    if row is None or row.status not in was:
        return False
    if "status" in values:
        values["times"] = {**row.times, values["status"]: int(uow.now.timestamp())}
    query = update(_b).where(_b.c.id == batch_id, _b.c.status.in_(was)).values(**values)
    return uow.conn.execute(query).rowcount == 1


# --- lines ---


def add_line(uow: db.UnitOfWork, school_id: str, batch_id: str, number: int, *, ok: bool, answer: bytes) -> bool:
    """Keep an answered line and count it; False when it was answered before: then nothing changes."""
    known = select(_l.c.number).where(_l.c.batch_id == batch_id, _l.c.number == number)
    if uow.conn.execute(known).first() is not None:
        return False
    uow.conn.execute(_l.insert().values(batch_id=batch_id, number=number, school_id=school_id, ok=ok, answer=answer))
    counted = _b.c.completed if ok else _b.c.failed
    uow.conn.execute(update(_b).where(_b.c.id == batch_id).values({counted: counted + 1}))
    return True


def answered(conn: Connection, batch_id: str, first: int, last: int) -> set[int]:
    """Which of the lines first..last have an answer."""
    query = select(_l.c.number).where(_l.c.batch_id == batch_id, _l.c.number.between(first, last))
    return set(conn.execute(query).scalars())


def first_gap(conn: Connection, batch_id: str, chunk: int, total: int) -> int | None:
    """The first line of the first chunk that is not answered whole; None when all is."""
    bucket = (_l.c.number - 1) // chunk
    query = select(bucket.label("chunk"), func.count().label("lines")).where(_l.c.batch_id == batch_id)
    full = {int(row.chunk): row.lines for row in conn.execute(query.group_by("chunk"))}
    for at in range(-(-total // chunk)):
        if full.get(at, 0) < min(chunk, total - at * chunk):
            return at * chunk + 1
    return None


def lines(conn: Connection, batch_id: str, *, ok: bool, after: int, limit: int) -> Rows:
    """Answered lines in order."""
    query = select(_l.c.number, _l.c.answer).where(_l.c.batch_id == batch_id, _l.c.ok == ok, _l.c.number > after)
    found: Rows = list(conn.execute(query.order_by(_l.c.number).limit(limit)))
    return found


def drop_lines(conn: Connection, batch_id: str) -> None:
    conn.execute(delete(_l).where(_l.c.batch_id == batch_id))


def drop_expired_batches(conn: Connection, before: datetime) -> int:
    """Forget batches that ended before then."""
    old = select(_b.c.id).where(_b.c.created_at < before, _b.c.status.not_in(ACTIVE))
    conn.execute(delete(_l).where(_l.c.batch_id.in_(old)))
    return conn.execute(delete(_b).where(_b.c.id.in_(old))).rowcount


def _mine(table: Any, owner: Principal) -> tuple[Any, Any]:  # Any: a table's columns
    return table.c.school_id == owner.school_id, table.c.account_id == owner.account_id


def _files_of(owner: Principal) -> Select[Any]:
    return select(_f).where(*_mine(_f, owner))


def _batches_of(owner: Principal) -> Select[Any]:
    return select(_b).where(*_mine(_b, owner))
