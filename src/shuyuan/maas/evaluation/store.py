"""Every query of evaluation, scoped to a school."""

from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from shuyuan.kernel import db, ids
from shuyuan.maas.evaluation.interface import Gate, NewGate, NewReport, Reading, Report, Verdict
from shuyuan.maas.evaluation.tables import gate, reading, report, verdict


def add_report(uow: db.UnitOfWork, head: Report, new: NewReport, home_id: str = "") -> Report:
    """Store a report that is being made. home_id: of the installation that makes it; empty: any goes on with it."""
    uow.conn.execute(
        report.insert().values(
            id=head.id,
            school_id=head.school_id,
            subject=head.subject,
            data=head.data,
            data_sha256=head.data_sha256,
            part=head.part,
            task=head.task,
            family=head.family,
            state="running",
            wanted=new.model_dump(mode="json"),
            error=None,
            figures={},
            rows=0,
            test_readings=head.test_readings,
            report_sha256="",
            html_sha256={},
            seconds=0.0,
            home_id=home_id,
            created_by=head.created_by,
            created_at=uow.now,
        )
    )
    return head.model_copy(update={"created_at": uow.now})


def finish_report(uow: db.UnitOfWork, school_id: str, report_id: str, **columns: Any) -> bool:  # Any: columns
    """Write what came of a running report; False when somebody else already did."""
    mine = (report.c.school_id == school_id, report.c.id == report_id, report.c.state == "running")
    return bool(uow.conn.execute(update(report).where(*mine).values(**columns)).rowcount)


def report_by_id(conn: Connection, school_id: str, report_id: str) -> Report | None:
    """Head and figures."""
    row = conn.execute(select(report).where(report.c.school_id == school_id, report.c.id == report_id)).one_or_none()
    return None if row is None else _report(row)


def reports(
    conn: Connection, school_id: str, subject: str | None, data: str | None, limit: int, state: str | None = None
) -> list[Report]:
    """Newest first."""
    query = select(report).where(report.c.school_id == school_id)
    for column, wanted in ((report.c.subject, subject), (report.c.data, data), (report.c.state, state)):
        query = query if wanted is None else query.where(column == wanted)
    query = query.order_by(report.c.created_at.desc(), report.c.id.desc()).limit(limit)
    return [_report(row) for row in conn.execute(query)]


def unfinished(conn: Connection, home_id: str | None = None) -> list[tuple[Report, NewReport]]:
    """Of every school: what a server of this home (None: of any) that ended had begun."""
    query = select(report).where(report.c.state == "running").order_by(report.c.created_at)
    if home_id is not None:
        query = query.where(report.c.home_id.in_((home_id, "")))
    return [(_report(row), NewReport.model_validate(row.wanted)) for row in conn.execute(query)]


def add_reading(uow: db.UnitOfWork, school_id: str, actor_id: str, **columns: Any) -> Reading:  # Any: columns
    """Note that somebody reads a test part."""
    row_id = ids.new_id()
    uow.conn.execute(reading.insert().values(id=row_id, school_id=school_id, read_by=actor_id, at=uow.now, **columns))
    return _reading(uow.conn.execute(select(reading).where(reading.c.id == row_id)).one())


def count_readings(conn: Connection, school_id: str, data_sha256: str) -> int:
    """How often this very part was read."""
    query = select(func.count()).select_from(reading)
    found: int = conn.execute(
        query.where(reading.c.school_id == school_id, reading.c.data_sha256 == data_sha256)
    ).scalar_one()
    return found


def readings(conn: Connection, school_id: str, data: str | None, limit: int) -> list[Reading]:
    """Newest first."""
    query = select(reading).where(reading.c.school_id == school_id)
    query = query if data is None else query.where(reading.c.data == data)
    return [
        _reading(row) for row in conn.execute(query.order_by(reading.c.at.desc(), reading.c.id.desc()).limit(limit))
    ]


def add_gate(uow: db.UnitOfWork, school_id: str, actor_id: str, name: str, new: NewGate) -> Gate:
    """Insert with the next number of this name."""
    _add_gate(uow, school_id, actor_id, name, removed=False, **new.model_dump(mode="json", exclude={"expected"}))
    found = gate_by_name(uow.conn, school_id, name)
    assert found is not None
    return found


def remove_gate(uow: db.UnitOfWork, school_id: str, actor_id: str, name: str, reason: str) -> int:
    """Note that it is no longer in force; the number of this change."""
    return _add_gate(uow, school_id, actor_id, name, removed=True, conditions=[], part=None, reason=reason)


def _add_gate(uow: db.UnitOfWork, school_id: str, actor_id: str, name: str, **columns: Any) -> int:  # Any: columns
    number = db.next_number(uow.conn, gate.c.number, school_id=school_id, name=name)
    told = {"id": ids.new_id(), "school_id": school_id, "name": name, "number": number}
    uow.conn.execute(gate.insert().values(**told, created_by=actor_id, created_at=uow.now, **columns))
    return number


def gate_by_name(conn: Connection, school_id: str, name: str) -> Gate | None:
    """As it is now; None once it was removed."""
    query = select(gate).where(gate.c.school_id == school_id, gate.c.name == name)
    row = conn.execute(query.order_by(gate.c.number.desc()).limit(1)).one_or_none()
    return None if row is None or row.removed else Gate.model_validate(dict(row._mapping))


def gates(conn: Connection, school_id: str) -> list[Gate]:
    """Each that is in force, as it is now, by name."""
    query = select(gate).where(gate.c.school_id == school_id).order_by(gate.c.name, gate.c.number)
    newest = {row.name: row for row in conn.execute(query)}
    return [Gate.model_validate(dict(row._mapping)) for row in newest.values() if not row.removed]


def add_verdict(uow: db.UnitOfWork, school_id: str, actor_id: str, said: Verdict) -> Verdict:
    """Store a verdict."""
    stored = said.model_copy(update={"id": ids.new_id(), "judged_by": actor_id, "at": uow.now})
    values = stored.model_dump(mode="json") | {"at": uow.now}
    uow.conn.execute(verdict.insert().values(school_id=school_id, **values))
    return stored


def verdict_by_id(conn: Connection, school_id: str, verdict_id: str) -> Verdict | None:
    """One verdict of the school."""
    query = select(verdict).where(verdict.c.school_id == school_id, verdict.c.id == verdict_id)
    row = conn.execute(query).one_or_none()
    return None if row is None else Verdict.model_validate(dict(row._mapping))


def verdicts(conn: Connection, school_id: str, report_id: str) -> list[Verdict]:
    """Newest first."""
    query = select(verdict).where(verdict.c.school_id == school_id, verdict.c.report_id == report_id)
    found = conn.execute(query.order_by(verdict.c.at.desc(), verdict.c.id.desc()))
    return [Verdict.model_validate(dict(row._mapping)) for row in found]


def _report(row: Row[Any]) -> Report:  # Any: a row's columns
    return Report.model_validate(
        {name: value for name, value in row._mapping.items() if name not in ("wanted", "home_id")}
    )


def _reading(row: Row[Any]) -> Reading:  # Any: a row's columns
    return Reading.model_validate(dict(row._mapping))
