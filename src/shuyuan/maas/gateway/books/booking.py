"""Keep the books of running calls from coroutines that may be cancelled at any await."""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

from shuyuan.kernel import db, errors, ids, log
from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.books import ledger, quota, store, till

MOST_TOKENS = 2**31 - 1  # of one side of one call, whatever its server told
LONGEST_CALL = timedelta(minutes=20)  # every deadline is shorter
_logger = log.get("gateway.booking")


@dataclass(slots=True)
class Booking:
    """One call on the books. What runs it notes here what is known of its cost.

    A call that began `early` is still on its way to the disk: nothing of its answer leaves before `confirmed`.
    """

    id: str
    allowances: tuple[interface.Allowance, ...]
    school_id: str = ""
    price: interface.Price | None = None
    overhead_ms: float = 0.0
    expected_prompt_tokens: int = 0
    begun: bool = False  # the model has given something
    finished: bool = False  # it has given everything
    pieces: int = 0  # chunks so far: at least one token each
    usage: interface.Usage | None = None  # what the worker reported last
    cache: Literal["", "hit", "miss"] = ""  # a hit costs no tokens
    opening: till.Waiting | None = None  # the reservation on its way
    sure: bool = True  # the reservation is durable
    keep_s: float | None = None  # how long its school keeps answers; None: it does not

    async def confirmed(self) -> None:
        """Wait until the reservation is durable. Raises QuotaFull: nothing was charged or may be given."""
        if self.sure or self.opening is None:
            return
        waited = time.perf_counter()
        reserved = await asyncio.shield(self.opening)  # who leaves now is charged for what the model did
        if self.sure:
            return  # another choice of this call waited just as long
        self.allowances, self.sure = reserved.allowances, True
        self.overhead_ms += (time.perf_counter() - waited) * 1000

    def note_part(self, usage: interface.Usage) -> None:
        """The model has given a part, at this cost so far: it stays charged, whatever becomes of the rest."""
        self.begun, self.usage = True, usage

    def note(self, usage: interface.Usage) -> None:
        """The model has given everything, at this cost."""
        self.begun, self.finished, self.usage = True, True, usage

    def cost(self) -> tuple[int, int]:
        """Prompt and completion tokens, as far as they are known; never less than 0, never more than the books hold."""
        if self.cache == "hit":
            return 0, 0
        if self.usage is not None:
            return _counted(self.usage.prompt_tokens), _counted(self.usage.completion_tokens)
        return _counted(self.expected_prompt_tokens), self.pieces


class Books:
    """Reserves, settles and releases; `owner` names this process in the ledger.  zone: where days begin."""

    def __init__(self, database: db.Database, zone: tzinfo = UTC) -> None:
        self._db, self._zone = database, zone
        self._host = socket.gethostname()[:64].replace(":", "_")
        self.owner = f"{self._host}:{os.getpid()}:{ids.new_id()}"
        self._till = till.Till(database, zone)

    @asynccontextmanager
    async def booked(
        self,
        ask: ledger.Ask,
        began: float,
        price: interface.Price | None = None,
        *,
        early: tuple[interface.Allowance, ...] | None = None,
        on_reserved: Callable[[tuple[interface.Allowance, ...]], None] = lambda _: None,
    ) -> AsyncIterator[Booking]:
        """Reserve, run the body, then settle or release exactly once.

        Settled: the model gave something, or the caller left while it worked. Released: an error before that.
        began: `time.perf_counter()` when the request arrived.  early: allowances that were known to have plenty of
        room; the body begins while the reservation is written, and awaits `Booking.confirmed` before it gives anything.
        on_reserved: told the allowances as soon as they are known.
        """
        call_id = ids.new_id()
        opening = self._till.open(call_id, ask)
        opening.add_done_callback(lambda done: _tell(done, on_reserved))
        if early is None:
            reserved = await opening
            booking = Booking(call_id, reserved.allowances, ask.school_id, price)
        else:
            booking = Booking(call_id, early, ask.school_id, price, opening=opening, sure=False)
        booking.overhead_ms = (time.perf_counter() - began) * 1000
        outcome, given_back = "ok", False
        try:
            yield booking
            outcome = ("cached" if booking.cache == "hit" else "ok") if booking.finished else "left"
        except errors.ShuyuanError as failure:
            outcome, given_back = failure.error_code, not booking.begun
            await _landed(opening)
            raise
        except Exception as defect:
            outcome, given_back = type(defect).__name__, not booking.begun
            await _landed(opening)
            raise
        except BaseException:
            outcome = "left"
            raise
        finally:
            close = _close(booking, outcome, given_back)
            if opening.done():
                self._end(opening, close)
            else:
                opening.add_done_callback(lambda _: self._end(opening, close))

    def _end(self, opening: till.Waiting, close: ledger.Close) -> None:
        """Close what was opened. What was refused, or could not be written, holds nothing."""
        if not opening.cancelled() and opening.exception() is None:
            self._till.close(close)

    def flush(self) -> None:
        """Return once every call that ended is settled for good."""
        self._till.flush()

    def push(self) -> None:
        """Queue every end of a call before what is written next."""
        self._till.push()

    async def drain(self) -> None:
        """`flush` for coroutines."""
        await self._till.drain()

    def recover(self, now: datetime, alive: Callable[[int], bool] | None = None) -> int:
        """Release what dead processes left reserved; returns how many calls that were."""
        alive = alive or _alive
        with self._db.read() as conn:
            rows = store.left_over(conn, host=self._host, me=self.owner, started_before=now - LONGEST_CALL)
        dead = [row.id for row in rows if row.started_at < now - LONGEST_CALL or not self._lives(row.owner, alive)]
        if not dead:
            return 0
        closes = [ledger.Close(call, "crashed", released=True) for call in dead]
        released = self._db.write(lambda uow: sum(ledger.post(uow, closes, [], zone=self._zone)[0]))
        _logger.warning("left_over_calls_released", calls=released)
        return released

    def _lives(self, owner: str, alive: Callable[[int], bool]) -> bool:
        _host, pid, _start = owner.split(":")
        return int(pid) != os.getpid() and alive(int(pid))


def _tell(opening: till.Waiting, on_reserved: Callable[[tuple[interface.Allowance, ...]], None]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        on_reserved(opening.result().allowances)


async def _landed(opening: till.Waiting) -> None:
    """Whoever is told of a failure finds nothing reserved any more."""
    with contextlib.suppress(Exception):
        await asyncio.shield(opening)


def _counted(tokens: int) -> int:
    return min(max(tokens, 0), MOST_TOKENS)


def _close(booking: Booking, outcome: str, given_back: bool) -> ledger.Close:
    if given_back:
        return ledger.Close(booking.id, outcome, released=True)
    prompt, completion = booking.cost()
    cost = quota.cost_micros(booking.price, prompt, completion)
    return ledger.Close(booking.id, outcome, False, prompt, completion, booking.overhead_ms, cost)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
