"""The hot write path: many calls begin and end in one unit of work.

`post` locks the quota rows of all of them, counts in memory and writes each row once. What ends is counted before
what begins, so that room given back is room at once. A ledger row's status makes both ends happen once: `reserved`
→ `settled` (true cost) or `released` (nothing was given); a released row may still be settled by a late answer, a
settled one never changes again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from sqlalchemy import BindParameter, Row, Select, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from shuyuan.kernel import db, ids
from shuyuan.maas.gateway import interface, tables
from shuyuan.maas.gateway.books import quota

_q, _l = tables.quota, tables.ledger
_SCOPES = ("school", "account", "key", "class")

# The statements of every call, built once: building them costs more than running them.
_BY_SCOPE = (
    select(_q)
    .where(
        _q.c.school_id.in_(bindparam("schools", expanding=True)),
        _q.c.scope.in_(_SCOPES),  # all there are: with it the index is used to its last column
        _q.c.scope_id.in_(bindparam("scopes", expanding=True)),
    )
    .order_by(_q.c.id)
)
_BY_ID = select(_q).where(_q.c.id.in_(bindparam("quotas", expanding=True))).order_by(_q.c.id)
_ENDING = (
    select(_l.c.id, _l.c.status, _l.c.tokens_reserved, _l.c.charged)
    .where(_l.c.id.in_(bindparam("calls", expanding=True)))
    .order_by(_l.c.id)
)
_BY_SCOPE_LOCKED, _BY_ID_LOCKED, _ENDING_LOCKED = (query.with_for_update() for query in (_BY_SCOPE, _BY_ID, _ENDING))
_COUNTED = ("tokens_used", "tokens_reserved", "requests_used", "streams_held", "window_start")


def _new(name: str) -> BindParameter[Any]:  # Any: columns of different types
    return bindparam(f"new_{name}", type_=_q.c[name].type)


_COUNT = update(_q).where(_q.c.id == bindparam("row")).values({name: _new(name) for name in _COUNTED})
_BEGIN = _l.insert()
_END = (
    update(_l)
    .where(_l.c.id == bindparam("call"))
    .values(
        status=bindparam("to"),
        outcome=bindparam("ended"),
        finished_at=bindparam("at"),
        prompt_tokens=bindparam("prompt"),
        completion_tokens=bindparam("completion"),
        overhead_ms=bindparam("added_ms"),
        cost_micros=bindparam("cost"),
    )
)


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Reserved:
    """A call that may begin."""

    id: str
    allowances: tuple[interface.Allowance, ...]


@dataclass(frozen=True, slots=True)
class Close:
    """How a call ended. released: nothing was given, so nothing is charged."""

    call_id: str
    outcome: str
    released: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 0
    overhead_ms: float = 0.0
    cost_micros: int = 0


Answer = Reserved | interface.QuotaFull


def post(
    uow: db.UnitOfWork, closes: Sequence[Close], opens: Sequence[tuple[str, Ask]], *, zone: tzinfo = UTC
) -> tuple[list[bool], list[Answer]]:
    """End and begin calls. For each end: did it change anything; for each beginning: reserved, or which quota is full.

    A beginning charges every quota of its call or none.  zone: where the school's day begins.
    """
    ending = _ending(uow, closes)
    book = _Book(uow, zone)
    book.load([ask for _, ask in opens], [row.charged for row, _ in ending.values()])
    ended = [_close(book, close, ending) for close in closes]
    answers = [_open(book, call_id, ask) for call_id, ask in opens]
    book.write()
    begun = [
        _ledger_row(uow, call_id, ask, book)
        for (call_id, ask), answer in zip(opens, answers, strict=True)
        if isinstance(answer, Reserved)
    ]
    if begun:
        uow.conn.execute(_BEGIN, begun)
    done = [_end_row(uow, close) for close, changed in zip(closes, ended, strict=True) if changed]
    if done:
        uow.conn.execute(_END, done)
    return ended, answers


def allowances(
    uow: db.UnitOfWork, school_id: str, charges: Sequence[quota.Charge], *, zone: tzinfo = UTC
) -> list[interface.Allowance]:
    """The quotas of a caller as they stand in the current period."""
    book = _Book(uow, zone)
    book.load_charges([(school_id, charges)])
    book.write()
    return [line.allowance() for line in book.lines_of(school_id, charges)]


def standing(row: Row[Any], now: datetime, zone: tzinfo) -> interface.Allowance:
    """A quota row as it is in the current period; nothing is written."""
    line = _Line(row, zone)
    line.roll(now)
    return line.allowance()


class _Line:
    """A quota row being counted."""

    __slots__ = ("changed", "row", "zone", *_COUNTED)

    def __init__(self, row: Row[Any], zone: tzinfo) -> None:
        self.row, self.zone, self.changed = row, zone, False
        self.tokens_used: int = row.tokens_used
        self.tokens_reserved: int = row.tokens_reserved
        self.requests_used: int = row.requests_used
        self.streams_held: int = row.streams_held
        self.window_start: datetime = row.window_start

    def roll(self, now: datetime) -> None:
        """Begin the current period, if it has not begun. What is held stays held."""
        if self.row.period == "term":
            return
        start = quota.window_start(self.row.period, now, self.zone)
        if self.window_start < start:
            self.window_start, self.tokens_used, self.requests_used, self.changed = start, 0, 0, True

    def add(self, *, held: int = 0, used: int = 0, requests: int = 0, streams: int = 0) -> None:
        self.tokens_reserved += held
        self.tokens_used += used
        self.requests_used = max(0, self.requests_used + requests)  # a new period may have begun since
        self.streams_held = max(0, self.streams_held + streams)
        self.changed = True

    def lacks(self, tokens: int, now: datetime) -> str:
        """What does not fit: "" | "term" | "requests" | "tokens" | "streams"."""
        row = self.row
        if row.period == "term" and not (self.window_start <= now < row.window_end):
            return "term"
        if row.requests_limit is not None and self.requests_used + 1 > row.requests_limit:
            return "requests"
        taken = self.tokens_used + self.tokens_reserved
        if tokens and row.tokens_limit is not None and taken + tokens > row.tokens_limit:
            return "tokens"
        full = row.streams_limit is not None and self.streams_held + 1 > row.streams_limit
        return "streams" if full else ""

    def allowance(self) -> interface.Allowance:
        row = self.row
        return interface.Allowance(
            row.scope,
            row.scope_id,
            row.period,
            row.tokens_limit,
            self.tokens_used,
            self.tokens_reserved,
            row.requests_limit,
            self.requests_used,
            row.window_end or quota.window_end(row.period, self.window_start, self.zone),
            row.streams_limit,
            self.streams_held,
            self.window_start,
        )


class _Book:
    """The quota rows of one unit, each read and written once."""

    def __init__(self, uow: db.UnitOfWork, zone: tzinfo) -> None:
        self.uow, self.zone = uow, zone
        self._locked = uow.conn.dialect.name == "postgresql"  # SQLite's unit holds the whole file
        self._lines: dict[tuple[str, str, str], _Line] = {}
        self.by_id: dict[str, _Line] = {}

    def load(self, asks: Sequence[Ask], charged: Iterable[Sequence[str]]) -> None:
        """Everything that will be counted, in one or two queries, in the order of ids."""
        self.load_charges([(ask.school_id, ask.charges) for ask in asks])
        others = {quota_id for row in charged for quota_id in row} - self.by_id.keys()
        if others:
            self._take(_BY_ID_LOCKED if self._locked else _BY_ID, {"quotas": list(others)})

    def load_charges(self, wanted: Sequence[tuple[str, Sequence[quota.Charge]]]) -> None:
        """The rows of these charges, created where there is a default, moved to the current period."""
        if not wanted:
            return
        query = _BY_SCOPE_LOCKED if self._locked else _BY_SCOPE
        schools = list({school_id for school_id, _ in wanted})
        scopes = list({charge.scope_id for _, charges in wanted for charge in charges})
        self._take(query, {"schools": schools, "scopes": scopes})
        missing = {
            (school_id, charge.scope, charge.scope_id): charge
            for school_id, charges in wanted
            for charge in charges
            if charge.default is not None and (school_id, charge.scope, charge.scope_id) not in self._lines
        }
        if missing:
            for (school_id, _, _), charge in missing.items():
                create(self.uow, school_id, charge, zone=self.zone)
            self._take(query, {"schools": schools, "scopes": scopes})

    def lines_of(self, school_id: str, charges: Sequence[quota.Charge]) -> list[_Line]:
        found = (self._lines.get((school_id, charge.scope, charge.scope_id)) for charge in charges)
        return [line for line in found if line is not None]

    def write(self) -> None:
        rows = [
            {"row": quota_id, **{f"new_{name}": getattr(line, name) for name in _COUNTED}}
            for quota_id, line in self.by_id.items()
            if line.changed
        ]
        if rows:
            self.uow.conn.execute(_COUNT, rows)

    def _take(self, query: Select[Any], values: dict[str, list[str]]) -> None:
        for row in self.uow.conn.execute(query, values):
            if row.id not in self.by_id:
                line = _Line(row, self.zone)
                line.roll(self.uow.now)
                self.by_id[row.id] = self._lines[row.school_id, row.scope, row.scope_id] = line


def create(uow: db.UnitOfWork, school_id: str, charge: quota.Charge, *, zone: tzinfo = UTC) -> None:
    """A quota row with its default limits, if it is not there yet."""
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
            window_start=quota.window_start("day", uow.now, zone),
            tokens_limit=limits.tokens,
            requests_limit=limits.requests,
            streams_limit=limits.streams,
            tokens_used=0,
            tokens_reserved=0,
            requests_used=0,
            streams_held=0,
        )
        .on_conflict_do_nothing(index_elements=["school_id", "scope", "scope_id"])
    )


def _ending(uow: db.UnitOfWork, closes: Sequence[Close]) -> dict[str, tuple[Row[Any], list[str]]]:
    """Call id → its ledger row, and the state it is in as this unit goes on."""
    if not closes:
        return {}
    query = _ENDING_LOCKED if uow.conn.dialect.name == "postgresql" else _ENDING
    rows = uow.conn.execute(query, {"calls": [close.call_id for close in closes]})
    return {row.id: (row, [row.status]) for row in rows}


def _close(book: _Book, close: Close, ending: dict[str, tuple[Row[Any], list[str]]]) -> bool:
    if close.call_id not in ending:
        return False
    row, state = ending[close.call_id]
    was, to = state[0], "released" if close.released else "settled"
    if was == "settled" or (was == "released" and close.released):
        return False
    state[0] = to
    running = was == "reserved"
    requests = -1 if close.released else 0 if running else 1
    for line in (book.by_id[quota_id] for quota_id in row.charged if quota_id in book.by_id):
        line.add(
            held=-row.tokens_reserved if running else 0,
            used=close.prompt_tokens + close.completion_tokens,
            requests=requests,
            streams=-1 if running else 0,
        )
    return True


def _open(book: _Book, call_id: str, ask: Ask) -> Answer:
    lines = book.lines_of(ask.school_id, ask.charges)
    for line in lines:
        if lacking := line.lacks(ask.tokens, book.uow.now):
            return quota.refusal(
                line.allowance(), lacking, ask.tokens, book.uow.now, [one.allowance() for one in lines], book.zone
            )
    for line in lines:
        line.add(held=ask.tokens, requests=1, streams=1)
    return Reserved(call_id, tuple([line.allowance() for line in lines]))


def _ledger_row(uow: db.UnitOfWork, call_id: str, ask: Ask, book: _Book) -> dict[str, object]:
    return {
        "id": call_id,
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
        "cost_micros": 0,
        "charged": [line.row.id for line in book.lines_of(ask.school_id, ask.charges)],
        "owner": ask.owner,
        "started_at": uow.now,
    }


def _end_row(uow: db.UnitOfWork, close: Close) -> dict[str, object]:
    return {
        "call": close.call_id,
        "to": "released" if close.released else "settled",
        "ended": close.outcome[:48],
        "at": uow.now,
        "prompt": close.prompt_tokens,
        "completion": close.completion_tokens,
        "added_ms": close.overhead_ms,
        "cost": close.cost_micros,
    }
