"""One queue before the writer: calls that begin and end while a unit is under way are counted in the next, together.

A beginning is written at once and awaited. An end is written with the next beginning, or `LAZY_S` later: nobody
waits for it, and until then its reservation is still held. Nothing here is ever cancelled: a caller who leaves
while a reservation is on its way to the disk has it given back when it lands. When a unit fails, its ends are tried
one by one in the next: one that cannot be written is released and noted, and holds up nobody else's.
"""

import asyncio
import contextlib
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from sqlalchemy import exc

from shuyuan.kernel import db, log
from shuyuan.maas.gateway.books import ledger

LAZY_S = 0.01
_MOST_KEPT = 100_000  # ends that could not be written, kept for the next unit
_logger = log.get("gateway.till")
_OUTAGE = (exc.OperationalError, exc.InterfaceError)  # the database's fault, not that of what is written
Waiting = asyncio.Future[ledger.Reserved]


@dataclass(frozen=True, slots=True)
class _Opening:
    call_id: str
    ask: ledger.Ask
    loop: asyncio.AbstractEventLoop
    waiting: Waiting


@dataclass
class _Batch:
    """What one unit takes. Filled when the unit begins, so that it takes everything there is by then."""

    openings: list[_Opening] = field(default_factory=list)
    closes: list[ledger.Close] = field(default_factory=list)
    doubtful: list[ledger.Close] = field(default_factory=list)  # ends of a unit that failed: one of them may be why
    begun: bool = False

    def __bool__(self) -> bool:
        return bool(self.openings or self.closes or self.doubtful)


class Till:
    """Safe to share between threads and event loops."""

    def __init__(self, database: db.Database, zone: tzinfo = UTC) -> None:
        self._db, self._zone = database, zone
        self._next = _Batch()
        self._queued = False  # a unit that will take `_next` is on its way
        self._last: Future[None] | None = None
        self._lock = threading.Lock()
        self._alarm: asyncio.AbstractEventLoop | None = None  # whose timer will write the ends that wait

    def open(self, call_id: str, ask: ledger.Ask) -> Waiting:
        """Reserve. The future ends with what was reserved, or QuotaFull."""
        loop = asyncio.get_running_loop()
        waiting: Waiting = loop.create_future()
        with self._lock:
            self._next.openings.append(_Opening(call_id, ask, loop, waiting))
        self._write()
        return waiting

    def close(self, close: ledger.Close) -> None:
        """Settle or release, soon."""
        with self._lock:
            self._next.closes.append(close)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._write()
            return
        if self._alarm is not loop:
            self._alarm = loop
            loop.call_later(LAZY_S, self._ring)

    def push(self) -> None:
        """Queue what was handed in now instead of in `LAZY_S`: whatever is written after this comes after it."""
        self._write()

    def flush(self) -> None:
        """Return once everything that was handed in is durable. Blocks: not for an event loop."""
        self._write()
        last = self._last
        if last is not None:
            last.exception()

    async def drain(self) -> None:
        """`flush` for coroutines; what callers left behind while reserving is given back too."""
        while True:
            await asyncio.to_thread(self.flush)
            for _ in range(3):  # reservations are told, callers wake, and what they left is handed in
                await asyncio.sleep(0)
            if not self._next:
                return

    def _ring(self) -> None:
        self._alarm = None
        with contextlib.suppress(RuntimeError):  # the database is closed: what still waits is recovered at the start
            self._write()

    def _write(self) -> None:
        with self._lock:
            if self._queued or not self._next:
                return
            batch = _Batch()
            self._last = done = self._db.submit(lambda uow: self._post(uow, batch))
            self._queued = not batch.begun  # it may have been taken already
        done.add_done_callback(lambda done: self._failed(batch, done))

    def _post(self, uow: db.UnitOfWork, batch: _Batch) -> None:
        with self._lock:
            taken, self._next, self._queued = self._next, _Batch(), False
            batch.openings, batch.closes, batch.doubtful = taken.openings, taken.closes, taken.doubtful
            batch.begun = True
        _one_by_one(uow, batch.doubtful, self._zone)
        opens = [(one.call_id, one.ask) for one in batch.openings]
        _, answers = ledger.post(uow, batch.closes, opens, zone=self._zone)
        uow.after_commit(lambda: self._deliver(batch.openings, answers))

    def _failed(self, batch: _Batch, done: "Future[None]") -> None:
        failure = done.exception()
        if failure is None:
            return
        with self._lock:
            self._queued = False
            self._keep(batch, failure)
            unheard = batch.openings
            if not batch.begun:
                unheard, self._next.openings = self._next.openings, []
        _logger.error("calls_not_written", begun=len(unheard), ended=len(batch.closes), error=repr(failure))
        self._deliver(unheard, [failure] * len(unheard))

    def _keep(self, batch: _Batch, failure: BaseException) -> None:
        """What could not be written, for the next unit."""
        kept = self._next
        if len(kept.closes) + len(kept.doubtful) >= _MOST_KEPT:
            return
        kept.doubtful[:0] = batch.doubtful
        if isinstance(failure, _OUTAGE):
            kept.closes[:0] = batch.closes
        else:
            kept.doubtful.extend(batch.closes)

    def _deliver(self, openings: Sequence[_Opening], answers: Sequence[ledger.Answer | BaseException]) -> None:
        """Wake each event loop once with all its answers."""
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Opening, ledger.Answer | BaseException]]] = {}
        for opening, answer in zip(openings, answers, strict=True):
            by_loop.setdefault(opening.loop, []).append((opening, answer))
        for loop, told in by_loop.items():
            try:
                loop.call_soon_threadsafe(self._tell, told)
            except RuntimeError:  # that loop is closed: nobody waits any more; this is the writer's thread
                with self._lock:
                    self._next.closes += [close for one in told if (close := _given_back(*one)) is not None]

    def _tell(self, told: Sequence[tuple[_Opening, ledger.Answer | BaseException]]) -> None:
        for opening, answer in told:
            if opening.waiting.done():  # cancelled: the caller left
                if (close := _given_back(opening, answer)) is not None:
                    self.close(close)
            elif isinstance(answer, BaseException):
                opening.waiting.set_exception(answer)
            else:
                opening.waiting.set_result(answer)


def _given_back(opening: _Opening, answer: ledger.Answer | BaseException) -> ledger.Close | None:
    """The end of a call whose caller left before it was reserved; None when nothing was."""
    return ledger.Close(opening.call_id, "left", released=True) if isinstance(answer, ledger.Reserved) else None


def _one_by_one(uow: db.UnitOfWork, closes: Sequence[ledger.Close], zone: tzinfo) -> None:
    """Write each end by itself: what cannot be settled is released, what cannot even be released is left out."""
    for close in closes:
        for tried in (close, ledger.Close(close.call_id, "unwritable", released=True)):
            try:
                with uow.conn.begin_nested():
                    ledger.post(uow, [tried], [], zone=zone)
                break
            except _OUTAGE:
                raise
            except Exception as failure:
                _logger.error("call_not_written", call=close.call_id, to=tried.outcome, error=repr(failure))
