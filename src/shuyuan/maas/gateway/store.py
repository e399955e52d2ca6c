"""Every query of quotas and the ledger.

A call's life: `reserve` (quota rows raised by a conditional UPDATE, ledger row `reserved`, one unit) →
`settle` (true cost) or `release` (nothing was given). The ledger row's status is the lock that makes both
happen once: a released row may still be settled by a late answer, a settled one never changes again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Integer,
    Row,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from shuyuan.kernel import db, ids
from shuyuan.maas.gateway import interface, quota, tables

_q, _l = tables.quota, tables.ledger


def _fits(tokens: BindParameter[int]) -> ColumnElement[bool]:
    return and_(
        or_(_q.c.tokens_limit.is_(None), _q.c.tokens_used + _q.c.tokens_reserved + tokens <= _q.c.tokens_limit),
        or_(_q.c.requests_limit.is_(None), _q.c.requests_used + 1 <= _q.c.requests_limit),
    )


# The statements of every call, built once: building them costs more than running them.
_QUOTAS = select(_q).where(
    _q.c.school_id == bindparam("school"), _q.c.scope_id.in_(bindparam("scopes", expanding=True))
)
_CHARGE_IF_FITS = (
    update(_q)
    .where(_q.c.id.in_(bindparam("quotas", expanding=True)), _fits(bindparam("asked", type_=Integer)))
    .values(
        tokens_reserved=_q.c.tokens_reserved + bindparam("asked", type_=Integer), requests_used=_q.c.requests_used + 1
    )
    .returning(_q)
)
_BEGIN = _l.insert()
_CALL = select(_l).where(_l.c.id == bindparam("call"))
_END = (
    update(_l)
    .where(_l.c.id == bindparam("call"), _l.c.status == bindparam("was"))
    .values(
        status=bindparam("to"),
        outcome=bindparam("ended"),
        finished_at=bindparam("at"),
        prompt_tokens=bindparam("prompt"),
        completion_tokens=bindparam("completion"),
        overhead_ms=bindparam("added_ms"),
    )
)
_requests_after = _q.c.requests_used + bindparam("more_requests", type_=Integer)
_CHARGE = (
    update(_q)
    .where(_q.c.id.in_(bindparam("quotas", expanding=True)))
    .values(
        tokens_reserved=_q.c.tokens_reserved - bindparam("held", type_=Integer),
        tokens_used=_q.c.tokens_used + bindparam("spent", type_=Integer),
        requests_used=case((_requests_after < 0, 0), else_=_requests_after),  # a new period may have begun since
    )
)


@dataclass(frozen=True)
class Ask:
    """A call about to begin: who is charged, for what, how much at most."""

    school_id: str
    account_id: str
    key_id: str | None
    charges: Sequence[quota.Charge]
    tokens: int
    model: str
    version: str
    endpoint: str
    purpose: str
    owner: str


@dataclass(frozen=True)
class Reserved:
    """A call that may begin."""

    id: str
    allowances: tuple[interface.Allowance, ...]


def reserve(uow: db.UnitOfWork, ask: Ask, request_id: str) -> Reserved:
    """Charge every quota of the call or none. Raises QuotaFull, naming the one that is full."""
    current = _current_rows(uow, ask.school_id, ask.charges)
    charged = uow.conn.execute(_CHARGE_IF_FITS, {"quotas": [row.id for row in current], "asked": ask.tokens}).all()
    if len(charged) < len(current):
        raise _full(current, {row.id for row in charged}, ask.tokens, uow.now)
    uow.conn.execute(
        _BEGIN,
        {
            "id": request_id,
            "school_id": ask.school_id,
            "account_id": ask.account_id,
            "key_id": ask.key_id,
            "model": ask.model,
            "version": ask.version,
            "endpoint": ask.endpoint,
            "purpose": ask.purpose,
            "tokens_reserved": ask.tokens,
            "prompt_tokens": 0,
            "completion_tokens": 0,
            "status": "reserved",
            "outcome": "",
            "overhead_ms": 0.0,
            "charged": [row.id for row in charged],
            "owner": ask.owner,
            "started_at": uow.now,
        },
    )
    return Reserved(request_id, tuple(_allowance(row) for row in charged))


def settle(
    uow: db.UnitOfWork, request_id: str, *, prompt_tokens: int, completion_tokens: int, outcome: str, overhead_ms: float
) -> bool:
    """Replace the reservation by the true cost. False when it was settled before: then nothing changes."""
    before = _end(
        uow, request_id, ("reserved", "released"), "settled", outcome, prompt_tokens, completion_tokens, overhead_ms
    )
    if before is None:
        return False
    held, again = (before.tokens_reserved, 0) if before.status == "reserved" else (0, 1)
    _charge(uow, before.charged, held=held, used=prompt_tokens + completion_tokens, requests=again)
    return True


def release(uow: db.UnitOfWork, request_id: str, outcome: str) -> bool:
    """Give everything back: nothing was answered. False when the call was settled or released before."""
    before = _end(uow, request_id, ("reserved",), "released", outcome)
    if before is None:
        return False
    _charge(uow, before.charged, held=before.tokens_reserved, used=0, requests=-1)
    return True


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


def allowances(uow: db.UnitOfWork, school_id: str, charges: Sequence[quota.Charge]) -> list[interface.Allowance]:
    """The quotas of a caller as they stand in the current period."""
    return [_allowance(row) for row in _current_rows(uow, school_id, charges)]


def set_limits(
    uow: db.UnitOfWork, school_id: str, charge: quota.Charge, limits: quota.Limits, period: interface.Period
) -> interface.Allowance:
    """Store the limits of one scope; what is used and reserved stays."""
    _create(uow, school_id, quota.Charge(charge.scope, charge.scope_id, limits))
    start = quota.window_start(period, uow.now)
    uow.conn.execute(
        update(_q)
        .where(*_is(school_id, charge))
        .values(
            tokens_limit=limits.tokens,
            requests_limit=limits.requests,
            period=period,
            window_start=case((_q.c.period == period, _q.c.window_start), else_=start),
        )
    )
    return _allowance(uow.conn.execute(select(_q).where(*_is(school_id, charge))).one())


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
        )
        .where(_l.c.school_id == school_id, _l.c.started_at >= since, _l.c.status == "settled")
        .group_by(_l.c.account_id, _l.c.model)
        .order_by(tokens.desc())
    )
    if account_id is not None:
        query = query.where(_l.c.account_id == account_id)
    return [
        interface.Total(r.account_id, r.model, int(r.requests), int(r.prompt), int(r.completion))
        for r in conn.execute(query)
    ]


def _current_rows(uow: db.UnitOfWork, school_id: str, charges: Sequence[quota.Charge]) -> list[Row[Any]]:
    """The quota rows of these charges, created where there is a default, moved to the current period."""
    rows = _rows(uow.conn, school_id, charges)
    here = {(row.scope, row.scope_id) for row in rows}
    missing = [c for c in charges if c.default is not None and (c.scope, c.scope_id) not in here]
    stale = [row for row in rows if row.window_start < quota.window_start(row.period, uow.now)]
    if not missing and not stale:
        return rows
    for charge in missing:
        _create(uow, school_id, charge)
    for row in stale:
        start = quota.window_start(row.period, uow.now)
        uow.conn.execute(
            update(_q)
            .where(_q.c.id == row.id, _q.c.window_start < start)
            .values(window_start=start, tokens_used=0, requests_used=0)
        )
    return _rows(uow.conn, school_id, charges)


def _rows(conn: Connection, school_id: str, charges: Sequence[quota.Charge]) -> list[Row[Any]]:
    wanted = {(c.scope, c.scope_id) for c in charges}
    found = conn.execute(_QUOTAS, {"school": school_id, "scopes": [c.scope_id for c in charges]})
    return [row for row in found if (row.scope, row.scope_id) in wanted]


def _create(uow: db.UnitOfWork, school_id: str, charge: quota.Charge) -> None:
    limits = charge.default or quota.Limits(None, None)
    insert = postgresql.insert if uow.conn.dialect.name == "postgresql" else sqlite.insert
    uow.conn.execute(
        insert(_q)
        .values(
            id=ids.new_id(),
            school_id=school_id,
            scope=charge.scope,
            scope_id=charge.scope_id,
            period="day",
            window_start=quota.window_start("day", uow.now),
            tokens_limit=limits.tokens,
            requests_limit=limits.requests,
            tokens_used=0,
            tokens_reserved=0,
            requests_used=0,
        )
        .on_conflict_do_nothing(index_elements=["school_id", "scope", "scope_id"])
    )


def _is(school_id: str, charge: quota.Charge) -> tuple[ColumnElement[bool], ...]:
    return (_q.c.school_id == school_id, _q.c.scope == charge.scope, _q.c.scope_id == charge.scope_id)


def _end(
    uow: db.UnitOfWork,
    request_id: str,
    states: tuple[str, ...],
    to: str,
    outcome: str,
    prompt_tokens: int = 0,
    completion_tokens: int = 0,
    overhead_ms: float = 0.0,
) -> Row[Any] | None:
    """Move a ledger row to its last state, once; the row as it was, or None when it is not in `states`."""
    row = uow.conn.execute(_CALL, {"call": request_id}).one_or_none()
    if row is None or row.status not in states:
        return None
    moved = uow.conn.execute(
        _END,
        {
            "call": request_id,
            "was": row.status,
            "to": to,
            "ended": outcome[:48],
            "at": uow.now,
            "prompt": prompt_tokens,
            "completion": completion_tokens,
            "added_ms": overhead_ms,
        },
    )
    return row if moved.rowcount == 1 else None


def _charge(uow: db.UnitOfWork, quota_ids: Sequence[str], *, held: int, used: int, requests: int) -> None:
    uow.conn.execute(_CHARGE, {"quotas": list(quota_ids), "held": held, "spent": used, "more_requests": requests})


def _full(current: Sequence[Row[Any]], fitting: set[str], tokens: int, now: datetime) -> interface.QuotaFull:
    allowances = tuple(_allowance(row) for row in current)
    full = next(_allowance(row) for row in current if row.id not in fitting)
    if full.requests_left == 0:
        told = f"all {full.requests_limit} requests of this {full.period} are used"
    else:
        told = f"this request may need {tokens} tokens, {full.tokens_left} of {full.tokens_limit} are left"
    return interface.QuotaFull(
        f"the allowance of your {full.scope} is not enough: {told}",
        fix=f"it is full again at {full.resets_at:%Y-%m-%d %H:%M} UTC; an administrator can raise it",
        retry_after_s=max(1.0, (full.resets_at - now).total_seconds()),
        allowances=allowances,
    )


def _allowance(row: Row[Any]) -> interface.Allowance:
    return interface.Allowance(
        row.scope,
        row.scope_id,
        row.period,
        row.tokens_limit,
        row.tokens_used,
        row.tokens_reserved,
        row.requests_limit,
        row.requests_used,
        quota.window_end(row.period, row.window_start),
    )


def _call(row: Row[Any]) -> interface.Call:
    return interface.Call(**{name: getattr(row, name) for name in interface.Call.__dataclass_fields__})
