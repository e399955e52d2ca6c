"""Rows of the last look at a version, and of alarms; scoped to a school."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from shuyuan.kernel import db, ids
from shuyuan.learning.improvement.interface import Alarm, Condition, Watch
from shuyuan.learning.improvement.tables import alarm, version, watch


def last(conn: Connection, school_id: str) -> Watch | None:
    """The school's newest look."""
    row = conn.execute(select(watch).where(watch.c.school_id == school_id)).one_or_none()
    if row is None:
        return None
    conditions = tuple(Condition(**one) for one in row.conditions)
    return Watch(row.version, row.at, row.answers, row.learners, row.since, conditions)


def keep(uow: db.UnitOfWork, school_id: str, found: Watch) -> None:
    """It takes the place of the look before."""
    uow.conn.execute(delete(watch).where(watch.c.school_id == school_id))
    conditions = [asdict(one) for one in found.conditions]
    uow.conn.execute(watch.insert().values({**vars(found), "school_id": school_id, "conditions": conditions}))


def raised(uow: db.UnitOfWork, school_id: str, found: Watch) -> list[str]:
    """Add an alarm for each figure past its limit that this version had none for; their ids. One that was over stands
    again: a version may serve a second time."""
    mine = (alarm.c.school_id == school_id, alarm.c.version == found.version)
    failed = [one.name for one in found.conditions if not one.passed]
    uow.conn.execute(update(alarm).where(*mine, alarm.c.name.in_(failed)).values(ended_at=None))
    told = set(uow.conn.execute(select(alarm.c.name).where(*mine)).scalars())
    new = [one for one in found.conditions if not one.passed and one.name not in told]
    rows = [
        {
            **asdict(one),
            "id": ids.new_id(),
            "school_id": school_id,
            "version": found.version,
            "answers": found.answers,
            "raised_at": found.at,
        }
        for one in new
    ]
    if rows:
        uow.conn.execute(alarm.insert(), rows)
    return [str(row["id"]) for row in rows]


def ended(uow: db.UnitOfWork, school_id: str, found: Watch) -> None:
    """Alarms of other versions, and of figures that keep their limit again."""
    kept = [one.name for one in found.conditions if one.passed]
    over = (alarm.c.version != found.version) | alarm.c.name.in_(kept)
    mine = (alarm.c.school_id == school_id, alarm.c.ended_at.is_(None))
    uow.conn.execute(update(alarm).where(*mine, over).values(ended_at=found.at))


def end_all(uow: db.UnitOfWork, school_id: str) -> None:
    """Nothing of the school's own serves any longer: no alarm stands, and the last look is over."""
    mine = (alarm.c.school_id == school_id, alarm.c.ended_at.is_(None))
    uow.conn.execute(update(alarm).where(*mine).values(ended_at=uow.now))
    uow.conn.execute(delete(watch).where(watch.c.school_id == school_id))


def alarms(conn: Connection, school_id: str) -> list[Alarm]:
    """Newest first, with the numbers of their versions."""
    numbers = select(version.c.version, version.c.number).where(version.c.school_id == school_id).subquery()
    query = select(alarm, numbers.c.number).join(numbers, numbers.c.version == alarm.c.version)
    return [_read(row) for row in _newest(conn, query.where(alarm.c.school_id == school_id))]


def see(uow: db.UnitOfWork, school_id: str, alarm_id: str, by: str) -> bool:
    """False where there is no such alarm, or somebody saw it before."""
    mine = (alarm.c.school_id == school_id, alarm.c.id == alarm_id, alarm.c.seen_at.is_(None))
    return bool(uow.conn.execute(update(alarm).where(*mine).values(seen_at=uow.now, seen_by=by)).rowcount)


def known(conn: Connection, school_id: str, alarm_id: str) -> bool:
    """Whether the school has such an alarm, seen or not."""
    mine = (alarm.c.school_id == school_id, alarm.c.id == alarm_id)
    return conn.execute(select(alarm.c.id).where(*mine)).first() is not None


def _newest(conn: Connection, query: Any) -> Sequence[Row[Any]]:  # Any: a query, a row's values
    rows: Sequence[Row[Any]] = conn.execute(query.order_by(alarm.c.raised_at.desc(), alarm.c.id)).all()
    return rows


def _read(row: Row[Any]) -> Alarm:  # Any: a row's values
    condition = Condition(row.name, row.figure, row.limit, row.comparison)
    return Alarm(row.id, row.number, row.version, condition, row.answers, row.raised_at, row.ended_at, row.seen_at)
