"""Every query on the loop's versions, scoped to a school."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from shuyuan.kernel import db, ids
from shuyuan.learning.improvement.interface import Condition, State, TracerVersion, Trial
from shuyuan.learning.improvement.tables import kept, version

CHANGED = "changed"  # why a trial ended: another version was put in use, or took its place
_INNER = ("school_id", "weights_sha256", "seen", "reference")
_DATA = (kept.c.school_id == version.c.school_id) & (kept.c.sha256 == version.c.data_sha256)
_VERSIONS = select(version, kept.c.deleted_at.label("answers_deleted_at")).join(kept, _DATA, isouter=True)


def newest_first(conn: Connection, school_id: str) -> list[TracerVersion]:
    """The school's turns."""
    query = _VERSIONS.where(version.c.school_id == school_id).order_by(version.c.number.desc())
    return [_read(row) for row in conn.execute(query)]


def one(conn: Connection, school_id: str, version_id: str) -> tuple[TracerVersion, str] | None:
    """A turn and the address of its weights."""
    query = _VERSIONS.where(version.c.school_id == school_id, version.c.id == version_id)
    row = conn.execute(query).one_or_none()
    return None if row is None else (_read(row), row.weights_sha256)


def next_number(conn: Connection, school_id: str) -> int:
    """The number of the next turn."""
    return db.next_number(conn, version.c.number, school_id=school_id)


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
    """Make one version the champion and retire the one before; another one's trial ends."""
    champion: State = "champion"
    retire(uow, school_id, but=version_id)
    change(uow, school_id, version_id, state=champion, reason=reason)


def retire(uow: db.UnitOfWork, school_id: str, *, but: str = "") -> None:
    """Retire the champion, whatever serves from now on; the trial of another version than `but` ends."""
    retired: State = "retired"
    champion: State = "champion"
    withdraw(uow, school_id, CHANGED, but=but)
    old = version.c.state == champion
    uow.conn.execute(update(version).where(version.c.school_id == school_id, old).values(state=retired))


def withdraw(uow: db.UnitOfWork, school_id: str, reason: str, *, but: str = "") -> None:
    """End the trial of the canary, unless it is `but`."""
    state: State = "withdrawn"
    tried: State = "canary"
    mine = (version.c.school_id == school_id, version.c.state == tried, version.c.id != but)
    uow.conn.execute(update(version).where(*mine).values(state=state, reason=reason))


def change(uow: db.UnitOfWork, school_id: str, version_id: str, **columns: Any) -> None:  # Any: columns
    """Set columns of one version."""
    mine = (version.c.school_id == school_id, version.c.id == version_id)
    uow.conn.execute(update(version).where(*mine).values(**columns))


def in_state(conn: Connection, school_id: str, state: State) -> tuple[TracerVersion, str] | None:
    """The newest version in this state, and the address of its weights."""
    query = _VERSIONS.where(version.c.school_id == school_id, version.c.state == state)
    row = conn.execute(query.order_by(version.c.number.desc()).limit(1)).one_or_none()
    return None if row is None else (_read(row), row.weights_sha256)


def has_served(conn: Connection, school_id: str) -> bool:
    """Whether any version of the school's own serves or ever did."""
    states: tuple[State, ...] = ("champion", "retired")
    query = select(version.c.id).where(version.c.school_id == school_id, version.c.state.in_(states))
    return conn.execute(query.limit(1)).first() is not None


def same(conn: Connection, school_id: str, data_sha256: str, weights_sha256: str) -> int | None:
    """The newest version that is these very weights, judged on this very data: its number."""
    mine = (version.c.school_id == school_id, version.c.weights_sha256 == weights_sha256)
    query = select(func.max(version.c.number)).where(*mine, version.c.data_sha256 == data_sha256)
    number: int | None = conn.execute(query).scalar_one()
    return number


def reference(conn: Connection, school_id: str, version_id: str) -> Mapping[str, Any]:  # Any: JSON
    """What a version was fitted on, as `stability.Population`; empty for one from before this was kept."""
    query = select(version.c.reference).where(version.c.school_id == school_id, version.c.id == version_id)
    return conn.execute(query).scalar_one_or_none() or {}


def seen_by_last(conn: Connection, school_id: str) -> int:
    """How many answers the school had at the newest turn, 0 before the first."""
    query = select(version.c.seen).where(version.c.school_id == school_id).order_by(version.c.number.desc())
    return conn.execute(query.limit(1)).scalar_one_or_none() or 0


def _read(row: Row[Any]) -> TracerVersion:
    told = {name: value for name, value in row._mapping.items() if name not in _INNER}
    told["conditions"] = tuple(Condition(**condition) for condition in row.conditions)
    told["kind"] = row.kind or "online"
    told["canary"] = None if row.canary is None else _trial(row.canary)
    return TracerVersion(**told)


def trial_row(trial: Trial) -> dict[str, Any]:  # Any: JSON
    """As the column `canary` holds it."""
    times = {"begun_at": trial.begun_at.isoformat(), "ends_at": trial.ends_at.isoformat()}
    return {**vars(trial), **times}


def _trial(row: Mapping[str, Any]) -> Trial:
    times = {name: datetime.fromisoformat(row[name]) for name in ("begun_at", "ends_at")}
    return Trial(**{**row, **times})
