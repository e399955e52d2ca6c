"""Every query of pipelines. The school is in each; turns of a job go by its id, which nobody outside can name."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from shuyuan.kernel import db, ids
from shuyuan.maas.pipelines import interface, specs, tables

_J, _S, _T = tables.job, tables.step, tables.schedule
ACTIVE: tuple[interface.State, ...] = ("queued", "running", "held")
Values = Mapping[str, Any]  # Any: JSON and columns


def add(uow: db.UnitOfWork, school_id: str, actor_id: str, spec: interface.Spec, schedule_id: str | None = None) -> str:
    """Insert a pipeline with its steps; returns its id."""
    number = db.next_number(uow.conn, _J.c.number, school_id=school_id)
    pipeline_id = ids.new_id()
    uow.conn.execute(
        _J.insert().values(
            id=pipeline_id,
            school_id=school_id,
            number=number,
            name=spec.name,
            model=spec.model,
            spec=spec.model_dump(mode="json"),
            state="queued",
            schedule_id=schedule_id,
            created_by=actor_id,
            created_at=uow.now,
        )
    )
    for position, name in enumerate(spec.steps):
        values = {"pipeline_id": pipeline_id, "position": position, "school_id": school_id, "name": name}
        uow.conn.execute(_S.insert().values(state="waiting", output={}, **values))
    return pipeline_id


def one(conn: Connection, school_id: str, named: str) -> interface.Pipeline | None:
    """By id, or by number."""
    number = int(named) if named.isascii() and named.isdigit() and len(named) < 10 else None
    which = _J.c.number == number if number is not None else _J.c.id == named
    row = conn.execute(select(_J).where(_J.c.school_id == school_id, which)).one_or_none()
    return None if row is None else _with_steps(conn, [row])[0]


def listed(conn: Connection, school_id: str, *, limit: int, before: int | None) -> list[interface.Pipeline]:
    query = select(_J).where(_J.c.school_id == school_id).order_by(_J.c.number.desc()).limit(limit)
    rows = conn.execute(query if before is None else query.where(_J.c.number < before)).all()
    return _with_steps(conn, rows)


def job(conn: Connection, pipeline_id: str) -> interface.Pipeline | None:
    """For whoever does it."""
    row = conn.execute(select(_J).where(_J.c.id == pipeline_id)).one_or_none()
    return None if row is None else _with_steps(conn, [row])[0]


def under_way(conn: Connection, school_id: str) -> int:
    query = select(func.count()).select_from(_J).where(_J.c.school_id == school_id, _J.c.state.in_(ACTIVE))
    return int(conn.execute(query).scalar_one())


def active(conn: Connection, school_id: str) -> list[interface.Pipeline]:
    """Those of the school that have not ended, newest first."""
    query = select(_J).where(_J.c.school_id == school_id, _J.c.state.in_(ACTIVE)).order_by(_J.c.number.desc())
    return _with_steps(conn, conn.execute(query).all())


def unfinished(conn: Connection) -> Sequence[Row[Any]]:
    """Every pipeline under way, of any school: id and workflow_id."""
    found: Sequence[Row[Any]] = list(conn.execute(select(_J.c.id, _J.c.workflow_id).where(_J.c.state.in_(ACTIVE))))
    return found


def change(uow: db.UnitOfWork, pipeline_id: str, **values: Any) -> bool:
    """Set values of a pipeline that has not ended."""
    query = update(_J).where(_J.c.id == pipeline_id, _J.c.state.in_(ACTIVE)).values(**values)
    return uow.conn.execute(query).rowcount == 1


def change_step(uow: db.UnitOfWork, pipeline_id: str, position: int, **values: Any) -> None:
    """Set values of a step that has not ended."""
    query = update(_S).where(
        _S.c.pipeline_id == pipeline_id, _S.c.position == position, _S.c.state.in_(("waiting", "running"))
    )
    uow.conn.execute(query.values(**values))


def cancel_rest(uow: db.UnitOfWork, pipeline_id: str) -> None:
    """Steps that will not be done any more."""
    query = update(_S).where(_S.c.pipeline_id == pipeline_id, _S.c.state.in_(("waiting", "running")))
    uow.conn.execute(query.values(state="cancelled"))


def tried(uow: db.UnitOfWork, pipeline_id: str, position: int) -> int:
    """Count a try that went wrong on our side; returns how many."""
    mine = _S.c.pipeline_id == pipeline_id, _S.c.position == position
    uow.conn.execute(update(_S).where(*mine).values(tries=_S.c.tries + 1))
    return int(uow.conn.execute(select(_S.c.tries).where(*mine)).scalar_one())


# --- schedules ---


def add_schedule(uow: db.UnitOfWork, school_id: str, actor_id: str, new: interface.NewSchedule, last: str) -> str:
    schedule_id = ids.new_id()
    values = {**new.model_dump(mode="json"), "id": schedule_id, "school_id": school_id, "last": last}
    uow.conn.execute(_T.insert().values(**values, created_by=actor_id, created_at=uow.now))
    return schedule_id


def schedules(conn: Connection, school_id: str | None) -> list[interface.Schedule]:
    """Of a school; None: of all, for the clock."""
    query = select(_T).order_by(_T.c.id)
    rows = conn.execute(query if school_id is None else query.where(_T.c.school_id == school_id))
    return [interface.Schedule.model_validate(_readable(row)) for row in rows]


def claim(uow: db.UnitOfWork, schedule: interface.Schedule, now_for: str) -> bool:
    """Note what it starts for; False when another process was faster."""
    query = update(_T).where(_T.c.id == schedule.id, _T.c.last == schedule.last, _T.c.paused.is_(False))
    return uow.conn.execute(query.values(last=now_for, error="")).rowcount == 1


def change_schedule(uow: db.UnitOfWork, school_id: str, schedule_id: str, **values: Any) -> bool:
    query = update(_T).where(_T.c.school_id == school_id, _T.c.id == schedule_id)
    return uow.conn.execute(query.values(**values)).rowcount == 1


def note_schedule(uow: db.UnitOfWork, schedule_id: str, **values: Any) -> None:
    uow.conn.execute(update(_T).where(_T.c.id == schedule_id).values(**values))


def drop_schedule(uow: db.UnitOfWork, school_id: str, schedule_id: str) -> bool:
    query = delete(_T).where(_T.c.school_id == school_id, _T.c.id == schedule_id)
    return uow.conn.execute(query).rowcount == 1


def _with_steps(conn: Connection, rows: Sequence[Row[Any]]) -> list[interface.Pipeline]:
    wanted = [row.id for row in rows]
    query = select(_S).where(_S.c.pipeline_id.in_(wanted)).order_by(_S.c.pipeline_id, _S.c.position)
    steps = dict[str, list[interface.Step]]()
    for found in conn.execute(query):
        steps.setdefault(found.pipeline_id, []).append(interface.Step.model_validate(dict(found._mapping)))
    return [
        interface.Pipeline.model_validate({**_readable(row), "steps": tuple(steps.get(row.id, ()))}) for row in rows
    ]


def _readable(row: Row[Any]) -> dict[str, Any]:  # Any: its columns
    """The row with its spec as it is read today, and a note of what that took."""
    spec, note = specs.read(row.spec)
    return {**row._mapping, "spec": spec, "note": note}
