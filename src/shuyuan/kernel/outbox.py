"""Events, delivered at least once after the commit that caused them.

A row commits with the change; a dispatcher, woken after the commit, hands it to each subscriber in order
and marks it delivered. One queue in id order keeps every learner's events in order. Handlers are
idempotent: after a crash an event may come twice. A failing handler is retried with growing pauses (0.5 s,
doubling); meanwhile the later events of that learner wait and everybody else's go on. After `MAX_TRIES`, about
a minute, the row is parked and logged.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Index, Integer, Row, String, Table, delete, func, insert, select, update

from shuyuan.kernel import clock, db, ids, log

MAX_TRIES, FIRST_PAUSE_S = 8, 0.5
KEPT_DAYS = 7
_BATCH, _IDLE_S = 200, 5.0
_GATHER_S = 0.05  # after the first wake-up: what comes together is delivered together
event = Table(
    "outbox_event",
    db.metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("school_id", String(ids.LENGTH), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("subject_id", String(ids.LENGTH), nullable=True),
    Column("payload", db.Json, nullable=False),
    Column("at", db.UtcDateTime, nullable=False),
    Column("delivered_at", db.UtcDateTime, nullable=True),
    Column("tries", Integer, nullable=False, default=0),
    sqlite_autoincrement=True,
)
Index(
    "ix_outbox_event_waiting",
    event.c.seq,
    postgresql_where=event.c.delivered_at.is_(None),
    sqlite_where=event.c.delivered_at.is_(None),
)
_INSERT = insert(event)  # built once: an answer pays for it
_logger = log.get("kernel.outbox")


@dataclass(frozen=True)
class Event:
    """What a handler receives. `seq` is unique and grows; use it to recognise a second delivery."""

    seq: int
    school_id: str
    kind: str
    subject_id: str | None
    payload: Mapping[str, Any]  # Any: JSON
    at: datetime


Handler = Callable[[Event], None]


class Outbox:
    """Stores events inside units of work and delivers them on its own thread."""

    def __init__(self, database: db.Database) -> None:
        self._db = database
        self._handlers: dict[str, list[Handler]] = defaultdict(list)
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._not_before: dict[int, float] = {}  # failed event → when to try again; a new process tries at once

    def subscribe(self, kind: str, handler: Handler) -> None:
        """Call `handler(event)` for each event of `kind`. Handlers are idempotent and short."""
        self._handlers[kind].append(handler)

    def emit(
        self, uow: db.UnitOfWork, kind: str, *, school_id: str, subject_id: str | None = None, **payload: Any
    ) -> None:
        """Store an event with the change it tells of; it is delivered after the commit."""
        uow.conn.execute(
            _INSERT,
            {
                "school_id": school_id,
                "kind": kind,
                "subject_id": subject_id,
                "payload": payload,
                "at": uow.now,
                "tries": 0,
            },
        )
        uow.after_commit(self._wake.set)

    def start(self) -> None:
        """Deliver in the background, beginning with what an earlier process left."""
        self._thread = threading.Thread(target=self._run, name="shuyuan-outbox", daemon=True)
        self._wake.set()
        self._thread.start()

    def close(self) -> None:
        """Stop after the event in hand."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def drain(self) -> int:
        """Deliver everything that waits, now, on this thread, pauses or not; returns how many were delivered."""
        return self._pass(due_only=False)

    def prune(self) -> int:
        """Forget what was delivered more than a week ago; returns how many events."""
        before = clock.now() - timedelta(days=KEPT_DAYS)
        return self._db.write(lambda uow: uow.conn.execute(delete(event).where(event.c.delivered_at < before)).rowcount)

    def parked(self) -> int:
        """How many events were given up after `MAX_TRIES`; the log says why."""
        with self._db.read() as conn:
            query = select(func.count()).select_from(event)
            return conn.execute(query.where(event.c.delivered_at.is_(None), event.c.tries >= MAX_TRIES)).scalar_one()

    def backlog(self) -> int:
        """How many events wait; parked ones do not."""
        with self._db.read() as conn:
            return conn.execute(select(func.count()).select_from(event).where(_waits())).scalar_one()

    def _run(self) -> None:
        pause_s = 0.05
        while not self._stop.is_set():
            if self._wake.wait(timeout=self._until_due_s()):
                self._stop.wait(_GATHER_S)
            self._wake.clear()
            try:
                self._pass(due_only=True)
                pause_s = 0.05
            except Exception as failure:
                _logger.error("delivery_failed", error=repr(failure))
                self._stop.wait(pause_s)
                pause_s = min(pause_s * 2, 5.0)

    def _pass(self, *, due_only: bool) -> int:
        """Once through all that waits, in order. Behind a learner's failed event that learner's next ones wait."""
        delivered, after, held = 0, 0, set[str | None]()
        while not self._stop.is_set() and (rows := self._waiting(after)):
            done = [row.seq for row in rows if self._try(row, held, due_only)]
            self._mark(done)
            delivered, after = delivered + len(done), rows[-1].seq
        return delivered

    def _waiting(self, after: int) -> list[Row[Any]]:
        with self._db.read() as conn:
            query = select(event).where(_waits(), event.c.seq > after)
            return list(conn.execute(query.order_by(event.c.seq).limit(_BATCH)))

    def _try(self, row: Row[Any], held: set[str | None], due_only: bool) -> bool:
        if self._stop.is_set() or row.subject_id in held:
            return False
        early = due_only and self._not_before.get(row.seq, 0.0) > time.monotonic()
        if not early and self._deliver(row):
            self._not_before.pop(row.seq, None)
            return True
        if row.subject_id is not None:
            held.add(row.subject_id)
        return False

    def _deliver(self, row: Row[Any]) -> bool:
        told = Event(row.seq, row.school_id, row.kind, row.subject_id, row.payload, row.at)
        try:
            for handler in self._handlers[row.kind]:
                handler(told)
        except Exception as failure:
            tries = row.tries + 1
            outcome = "handler_failed" if tries < MAX_TRIES else "event_parked"
            _logger.error(outcome, kind=row.kind, seq=row.seq, tries=tries, error=repr(failure))
            self._postpone(row.seq, tries)
            return False
        return True

    def _postpone(self, seq: int, tries: int) -> None:
        self._not_before[seq] = time.monotonic() + FIRST_PAUSE_S * 2 ** (tries - 1)
        if tries >= MAX_TRIES:
            del self._not_before[seq]
        self._count_try(seq)

    def _until_due_s(self) -> float:
        soonest = min(self._not_before.values(), default=float("inf")) - time.monotonic()
        return min(max(soonest, 0.05), _IDLE_S)

    def _mark(self, seqs: list[int]) -> None:
        if seqs:
            self._db.write(
                lambda uow: uow.conn.execute(update(event).where(event.c.seq.in_(seqs)).values(delivered_at=uow.now))
            )

    def _count_try(self, seq: int) -> None:
        self._db.write(
            lambda uow: uow.conn.execute(update(event).where(event.c.seq == seq).values(tries=event.c.tries + 1))
        )


def _waits() -> ColumnElement[bool]:
    return event.c.delivered_at.is_(None) & (event.c.tries < MAX_TRIES)
