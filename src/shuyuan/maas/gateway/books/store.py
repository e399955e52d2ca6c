"""Every query of quotas and the ledger that is not on the hot path; `ledger.py` holds the hot one."""

from datetime import UTC, datetime, tzinfo
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, or_, select, update

from shuyuan.kernel import db
from shuyuan.maas.gateway import interface, tables
from shuyuan.maas.gateway.books import ledger, quota

_q, _l = tables.quota, tables.ledger


def left_over(conn: Connection, *, host: str, me: str, started_before: datetime) -> list[Row[Any]]:
    """Reservations of other processes on this host, and any that outlived the longest call."""
    return list(
        conn.execute(
            select(_l.c.id, _l.c.owner, _l.c.started_at).where(
                _l.c.status == "reserved",
                or_(
                    and_(_l.c.owner.startswith(f"{host}:", autoescape=True), _l.c.owner != me),
                    _l.c.started_at < started_before,
                ),
            )
        )
    )


def set_limits(
    uow: db.UnitOfWork,
    school_id: str,
    charge: quota.Charge,
    limits: quota.Limits,
    period: interface.Period,
    term: quota.Term | None = None,
    *,
    zone: tzinfo = UTC,
) -> interface.Allowance:
    """Store the limits of one scope; what is used and reserved stays. term: where `period` is one."""
    ledger.create(uow, school_id, quota.Charge(charge.scope, charge.scope_id, limits), zone=zone)
    start, end = term if term is not None else (quota.window_start(period, uow.now, zone), None)
    uow.conn.execute(
        update(_q)
        .where(*_is(school_id, charge))
        .values(
            tokens_limit=limits.tokens,
            requests_limit=limits.requests,
            streams_limit=limits.streams,
            period=period,
            window_start=case((_q.c.period == period, _q.c.window_start), else_=start) if end is None else start,
            window_end=end,
        )
    )
    return ledger.allowances(uow, school_id, [charge], zone=zone)[0]


def allowances(conn: Connection, school_id: str, now: datetime, zone: tzinfo = UTC) -> list[interface.Allowance]:
    """Every quota of a school as it stands in the current period, widest first."""
    rank = case({"school": 0, "class": 1, "account": 2}, value=_q.c.scope, else_=3)
    rows = conn.execute(select(_q).where(_q.c.school_id == school_id).order_by(rank, _q.c.scope_id))
    return [ledger.standing(row, now, zone) for row in rows]


def set_term(uow: db.UnitOfWork, school_id: str, term: quota.Term) -> None:
    """Give every budget of a term these dates; one that begins anew is full again."""
    start, end = term
    anew = _q.c.window_start != start
    uow.conn.execute(
        update(_q)
        .where(_q.c.school_id == school_id, _q.c.period == "term")
        .values(
            tokens_used=case((anew, 0), else_=_q.c.tokens_used),
            requests_used=case((anew, 0), else_=_q.c.requests_used),
            window_start=start,
            window_end=end,
        )
    )


def calls(
    conn: Connection, school_id: str, *, account_id: str | None, limit: int, before: str | None
) -> list[interface.Call]:
    """Ledger lines, newest first."""
    query = select(_l).where(_l.c.school_id == school_id).order_by(_l.c.id.desc()).limit(limit)
    if account_id is not None:
        query = query.where(_l.c.account_id == account_id)
    if before is not None:
        query = query.where(_l.c.id < before)
    return [_call(row) for row in conn.execute(query)]


def totals(conn: Connection, school_id: str, *, account_id: str | None, since: datetime) -> list[interface.Total]:
    """Calls and tokens since a time, per account and model, most tokens first."""
    tokens = func.sum(_l.c.prompt_tokens + _l.c.completion_tokens)
    query = (
        select(
            _l.c.account_id,
            _l.c.model,
            func.count().label("requests"),
            func.sum(_l.c.prompt_tokens).label("prompt"),
            func.sum(_l.c.completion_tokens).label("completion"),
            func.sum(_l.c.cost_micros).label("cost"),
        )
        .where(_l.c.school_id == school_id, _l.c.started_at >= since, _l.c.status == "settled")
        .group_by(_l.c.account_id, _l.c.model)
        .order_by(tokens.desc())
    )
    if account_id is not None:
        query = query.where(_l.c.account_id == account_id)
    return [
        interface.Total(r.account_id, r.model, int(r.requests), int(r.prompt), int(r.completion), int(r.cost))
        for r in conn.execute(query)
    ]


def _is(school_id: str, charge: quota.Charge) -> tuple[ColumnElement[bool], ...]:
    return (_q.c.school_id == school_id, _q.c.scope == charge.scope, _q.c.scope_id == charge.scope_id)


def _call(row: Row[Any]) -> interface.Call:
    return interface.Call(**{name: getattr(row, name) for name in interface.Call.__dataclass_fields__})
