"""Keep the books of running calls from coroutines that may be cancelled at any await.

Nothing here ever cancels a queued write: a caller that leaves while its reservation is on the way to the
disk has it released when it lands, and a settlement goes on by itself.
"""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from shuyuan.kernel import db, errors, ids, log
from shuyuan.maas.gateway import interface, store

T = TypeVar("T")
LONGEST_CALL = timedelta(minutes=20)  # every deadline is shorter
_logger = log.get("gateway.booking")


@dataclass
class Booking:
    """One call on the books. What runs it notes here what is known of its cost."""

    id: str
    allowances: tuple[interface.Allowance, ...]
    overhead_ms: float = 0.0
    expected_prompt_tokens: int = 0
    begun: bool = False  # the model has given something
    finished: bool = False  # it has given everything
    pieces: int = 0  # chunks so far: at least one token each
    usage: interface.Usage | None = None  # what the worker reported last

    def note(self, usage: interface.Usage) -> None:
        """The model has given everything, at this cost."""
        self.begun, self.finished, self.usage = True, True, usage

    def cost(self) -> tuple[int, int]:
        """Prompt and completion tokens, as far as they are known."""
        if self.usage is not None:
            return self.usage.prompt_tokens, self.usage.completion_tokens
        return self.expected_prompt_tokens, self.pieces


class Books:
    """Reserves, settles and releases; `owner` names this process in the ledger."""

    def __init__(self, database: db.Database) -> None:
        self._db = database
        self._host = socket.gethostname()[:64].replace(":", "_")
        self.owner = f"{self._host}:{os.getpid()}:{ids.new_id()}"
        self._running: set[asyncio.Task[Any]] = set()  # Any: each write has its own result

    @asynccontextmanager
    async def booked(self, ask: store.Ask, began: float) -> AsyncIterator[Booking]:
        """Reserve, run the body, then settle or release exactly once.

        Settled: the model gave something, or the caller left while it worked. Released: an error before that.
        began: `time.perf_counter()` when the request arrived.
        """
        booking = await self._reserve(ask)
        booking.overhead_ms = (time.perf_counter() - began) * 1000
        outcome, given_back = "ok", False
        try:
            yield booking
            outcome = "ok" if booking.finished else "left"
        except errors.ShuyuanError as failure:
            outcome, given_back = failure.error_code, not booking.begun
            raise
        except Exception as defect:
            outcome, given_back = type(defect).__name__, not booking.begun
            raise
        except BaseException:
            outcome = "left"
            raise
        finally:
            await asyncio.shield(self._start(self._close(booking, outcome, given_back)))

    async def _reserve(self, ask: store.Ask) -> Booking:
        request_id = ids.new_id()
        reserving = self._start(self._db.write_async(lambda uow: store.reserve(uow, ask, request_id)))
        try:
            reserved = await asyncio.shield(reserving)
        except asyncio.CancelledError:
            self._start(self._undo(reserving))
            raise
        return Booking(reserved.id, reserved.allowances)

    async def _undo(self, reserving: "asyncio.Task[store.Reserved]") -> None:
        try:
            reserved = await reserving
        except errors.ShuyuanError:
            return  # it was refused: nothing is held
        await self._db.write_async(lambda uow: store.release(uow, reserved.id, "left"))

    async def _close(self, booking: Booking, outcome: str, given_back: bool) -> None:
        if given_back:
            await self._db.write_async(lambda uow: store.release(uow, booking.id, outcome))
            return
        prompt, completion = booking.cost()
        await self._db.write_async(
            lambda uow: store.settle(
                uow,
                booking.id,
                prompt_tokens=prompt,
                completion_tokens=completion,
                outcome=outcome,
                overhead_ms=booking.overhead_ms,
            )
        )

    def _start(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def drain(self) -> None:
        """Wait for every write under way."""
        while self._running:
            await asyncio.gather(*self._running, return_exceptions=True)

    def recover(self, now: datetime, alive: Callable[[int], bool] | None = None) -> int:
        """Release what dead processes left reserved; returns how many calls that were."""
        alive = alive or _alive
        with self._db.read() as conn:
            rows = store.left_over(conn, host=self._host, me=self.owner, started_before=now - LONGEST_CALL)
        dead = [row.id for row in rows if row.started_at < now - LONGEST_CALL or not self._lives(row.owner, alive)]
        if not dead:
            return 0
        released = self._db.write(lambda uow: sum(store.release(uow, call, "crashed") for call in dead))
        _logger.warning("left_over_calls_released", calls=released)
        return released

    def _lives(self, owner: str, alive: Callable[[int], bool]) -> bool:
        _host, pid, _start = owner.split(":")
        return int(pid) != os.getpid() and alive(int(pid))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
