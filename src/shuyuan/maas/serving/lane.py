"""One model's way to its worker: load once, wait in a bounded line, stream, come back after a crash."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.runners import interface as runners
from shuyuan.maas.serving import interface, wire
from shuyuan.maas.serving.placement import Workers
from shuyuan.maas.serving.worker import Loaded, Ticket, Worker, WorkerDied

T = TypeVar("T")

_log = structlog.get_logger(module="serving.lane")

_LOAD_LIMIT_S = 300.0
_LONGEST_PAUSE_S = 30.0
_PATIENCE_S = 2.0  # callers wait this long for the next start; above it they are told to come back
_GIVE_UP_AFTER = 5  # crashes in a row after which only a call starts the worker again


class Deadline:
    """A moment by which an answer must be complete."""

    def __init__(self, seconds: float) -> None:
        self._at = asyncio.get_running_loop().time() + seconds
        self._seconds = seconds

    async def wait(self, awaitable: Awaitable[T]) -> T:
        """Await within what is left. Raises DeadlineExceeded."""
        try:
            async with asyncio.timeout_at(self._at):
                return await awaitable
        except TimeoutError as late:
            raise interface.DeadlineExceeded(
                f"the answer was not finished within {self._seconds:g} s", fix="ask for less or allow more time"
            ) from late


@dataclass(slots=True)
class _Live:
    """A loaded model in a living worker."""

    worker: Worker
    loaded: Loaded
    free: asyncio.Semaphore
    drains: set[asyncio.Task[None]] = field(default_factory=set)


class Lane:
    """Used from one event loop."""

    def __init__(self, model: catalogue.Loadable, workers: Workers, max_queue: int) -> None:
        self.model = model
        self.state: interface.State = "pulled"
        self.reason = ""
        self.in_flight = self.waiting = self.requests = self.restarts = 0
        self._workers, self._max_queue = workers, max_queue
        self._live: _Live | None = None
        self._loading: asyncio.Task[_Live] | None = None
        self._failures, self._not_before = 0, 0.0
        self._service_s = 1.0  # moving mean of an answer's time in the worker
        self._closed = False

    async def stream(
        self, task: str, payload: runners.Payload, deadline: Deadline
    ) -> AsyncGenerator[runners.Chunk, None]:
        """Answer one request. Raises WorkerDied when the worker ends before the answer does."""
        live = await self._enter(deadline)
        started = time.perf_counter()
        try:
            ticket = live.worker.submit(self.model.version, task, payload)
        except BaseException:
            live.free.release()
            raise
        self.in_flight += 1
        try:
            while True:
                chunk = await deadline.wait(ticket.next())
                if chunk.finish_reason:
                    self._count_success(time.perf_counter() - started)
                yield chunk
                if chunk.finish_reason:
                    return
        finally:
            self._leave(live, ticket)

    async def ready(self) -> None:
        """Load now if need be. Raises LoadFailed."""
        await self._ready()

    async def unload(self) -> None:
        """Free the model. Raises Conflict while it is answering."""
        if self.in_flight or self.waiting:
            raise errors.Conflict(f"model {self.model.name!r} is answering", fix="wait until it is idle")
        live, self._live, self.state = self._live, None, "pulled"
        if live:
            live.worker.on_death.remove(self._on_death)
            await self._workers.release(self.model, live.worker)

    def close(self) -> None:
        """No more loads; the workers are closed by who owns them."""
        self._closed = True
        if self._loading:
            self._loading.cancel()

    def status(self, name: str) -> interface.ModelStatus:
        """What this model is doing now."""
        live = self._live
        return interface.ModelStatus(
            model=name,
            state=self.state,
            reason=self.reason,
            version=self.model.version,
            rss_bytes=live.worker.rss_bytes if live else 0,
            in_flight=self.in_flight,
            queued=self.waiting,
            slots=live.loaded.slots if live else 0,
            load_s=live.loaded.load_s if live else 0.0,
            requests=self.requests,
            restarts=self.restarts,
            worker_pid=live.worker.pid if live else None,
        )

    async def _enter(self, deadline: Deadline) -> _Live:
        """Wait for the model and for a free slot of it."""
        if self.waiting >= self._max_queue:
            slots = self._live.loaded.slots if self._live else 1
            wait_s = max(1.0, round(self._service_s * self.waiting / slots, 1))
            raise interface.Overloaded(
                f"{self.waiting} requests already wait for {self.model.name!r}",
                fix=f"try again in {wait_s:g} s",
                retry_after_s=wait_s,
            )
        self.waiting += 1
        try:
            live = await deadline.wait(self._ready())
            await deadline.wait(live.free.acquire())
            return live
        finally:
            self.waiting -= 1

    def _leave(self, live: _Live, ticket: Ticket) -> None:
        """Give the slot back, at once or as soon as the worker has let go of a cancelled request."""
        if ticket.finished.is_set():
            self._free(live)
            return
        live.worker.cancel(ticket)
        drain = asyncio.create_task(self._drain(live, ticket))
        live.drains.add(drain)
        drain.add_done_callback(live.drains.discard)

    async def _drain(self, live: _Live, ticket: Ticket) -> None:
        await ticket.finished.wait()
        self._free(live)

    def _free(self, live: _Live) -> None:
        self.in_flight -= 1
        live.free.release()

    async def _ready(self) -> _Live:
        if self._live and self._live.worker.alive:
            return self._live
        if self._loading is None or self._loading.done():
            self._loading = asyncio.create_task(self._load())
            self._loading.add_done_callback(_retrieve)
        return await asyncio.shield(self._loading)

    async def _load(self) -> _Live:
        await self._pause()
        self.state, self.reason = "loading", ""
        try:
            worker = await self._workers.place(self.model)
            loaded = await asyncio.wait_for(worker.load(self.model), _LOAD_LIMIT_S)
        except (WorkerDied, wire.RunnerDefect, errors.ShuyuanError, OSError, TimeoutError) as wrong:
            self._count_failure(f"it could not be loaded: {wrong}")
            _log.warning("model_load_failed", model=self.model.name, error=str(wrong))
            raise self._load_failed() from wrong
        self._live = _Live(worker, loaded, asyncio.Semaphore(loaded.slots))
        worker.on_death.append(self._on_death)
        self.state = "ready"
        _log.info("model_loaded", model=self.model.name, load_s=round(loaded.load_s, 2), pid=worker.pid)
        return self._live

    async def _pause(self) -> None:
        wait_s = self._not_before - asyncio.get_running_loop().time()
        if wait_s > _PATIENCE_S:
            raise self._load_failed()
        await asyncio.sleep(max(0.0, wait_s))

    def _load_failed(self) -> interface.LoadFailed:
        wait_s = max(0.1, self._not_before - asyncio.get_running_loop().time())
        return interface.LoadFailed(
            f"model {self.model.name!r} is not running: {self.reason}",
            fix=f"it is tried again in {wait_s:.1f} s",
            retry_after_s=wait_s,
        )

    def _count_failure(self, reason: str) -> None:
        """First time: try again at once. Then 0.5 s, doubling, up to 30 s."""
        self._failures += 1
        pause_s = 0.0 if self._failures == 1 else min(_LONGEST_PAUSE_S, 0.5 * 2 ** (self._failures - 2))
        self._not_before = asyncio.get_running_loop().time() + pause_s
        self.state, self.reason = "failed", reason

    def _count_success(self, service_s: float) -> None:
        self._failures = 0
        self.requests += 1
        self._service_s += 0.2 * (service_s - self._service_s)

    def _on_death(self) -> None:
        """The worker of a loaded model has ended: start another, unless it keeps dying."""
        self._live = None
        self.restarts += 1
        self._count_failure("its worker ended unexpectedly")
        _log.warning("worker_lost", model=self.model.name, failures=self._failures)
        if not self._closed and self._failures < _GIVE_UP_AFTER:
            asyncio.get_running_loop().call_later(self._pause_left_s(), self._revive)

    def _pause_left_s(self) -> float:
        return max(0.0, self._not_before - asyncio.get_running_loop().time())

    def _revive(self) -> None:
        if self._closed or self._live or (self._loading and not self._loading.done()):
            return
        self._loading = asyncio.create_task(self._load())
        self._loading.add_done_callback(_retrieve)


def _retrieve(task: asyncio.Task[_Live]) -> None:
    """Mark a load's error as seen: it is in the lane's reason, and its callers may have left."""
    with contextlib.suppress(asyncio.CancelledError):
        task.exception()
