"""One model's way to its workers: wait in a fair, bounded line, load once, stream, come back after a crash."""

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.serving import fairness, interface, wire
from shuyuan.maas.serving.call import Call
from shuyuan.maas.serving.loading import Attempts, threads_each
from shuyuan.maas.serving.placement import Workers
from shuyuan.maas.serving.residency import Budget, Unwanted
from shuyuan.maas.serving.worker import Loaded, Worker, WorkerDied

_log = structlog.get_logger(module="serving.lane")

_LOAD_LIMIT_S = 300.0
_BATCH_QUEUE = 4  # times as many items may wait where they share passes
_WINDOW_OVERFLOW = 4  # times the window, for people who have nothing in the worker yet
_TRIES = 3  # workers a request may see die before it is given up; the last time it runs alone
_PACE = 0.1  # weight of the newest gap in the moving mean


@dataclass(slots=True, eq=False)
class _Replica:
    """The model, loaded in a living worker."""

    worker: Worker
    loaded: Loaded
    load: int = 0  # items in it
    calls: set[Call] = field(default_factory=set)
    people: Counter[tuple[str, str]] = field(default_factory=Counter)
    leaving: bool = False  # gets nothing more
    suspect: Call | None = None  # was there when two workers died; runs alone

    def weight(self, call: Call) -> int:
        """How much of its room a call takes."""
        return call.items if self.loaded.window else 1

    def has_room(self, call: Call) -> bool:
        """Whether it may be handed this call now."""
        if self.leaving or self.suspect or not self.worker.alive:
            return False
        if call.tries >= _TRIES - 1:
            return not self.calls  # if it is the cause, it falls alone
        if not self.loaded.window:
            return self.load < self.loaded.slots
        if self.load < self.loaded.window:
            return True
        return self.load < self.loaded.window * _WINDOW_OVERFLOW and _person(call) not in self.people

    def take(self, call: Call) -> None:
        """It was handed this call."""
        self.calls.add(call)
        self.load += self.weight(call)
        self.people[_person(call)] += 1
        if call.tries >= _TRIES - 1:
            self.suspect = call

    def let_go(self, call: Call) -> None:
        """It is done with this call."""
        self.calls.discard(call)
        self.load -= self.weight(call)
        person = _person(call)
        self.people[person] -= 1
        if not self.people[person]:
            del self.people[person]
        if self.suspect is call:
            self.suspect = None


class Lane:
    """Used from one event loop."""

    def __init__(self, model: catalogue.Loadable, workers: Workers, budget: Budget, max_queue: int) -> None:
        self.model, self.name = model, model.name
        self.state: interface.State = "pulled"
        self.reason = ""
        self.requests = self.restarts = 0
        self.pinned = False
        self.used_at = 0.0
        self.keep_alive_s: float | None = None
        self.measured_bytes = 0  # of one replica
        self._workers, self._budget, self._max_queue = workers, budget, max_queue
        self._line: fairness.FairQueue[Call] = fairness.FairQueue()
        self._queued_items = 0
        self._replicas: list[_Replica] = []
        self._wanted_replicas = 1
        self._loading: asyncio.Task[None] | None = None
        self._warming = 0
        self._unloading: asyncio.Task[None] | None = None
        self._shares_passes = model.runner == "embed" or model.spec.get("batch") is True  # then items count
        self._open = False  # loaded and within the budget: calls may be handed over
        self._attempts = Attempts()
        self._gap_s, self._finished_at = 0.0, 0.0  # between two finished items
        self._used: datetime | None = None
        self._farewell: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def in_flight(self) -> int:
        """Calls in a worker, cancelled ones included until it has let go."""
        return sum(len(replica.calls) for replica in self._replicas)

    @property
    def waiting(self) -> int:
        """Calls in line."""
        return len(self._line)

    @property
    def busy(self) -> bool:
        """Answering, being asked, or between two states."""
        if self._line or self._warming or self._loading_now or self._unloading:
            return True
        return any(replica.calls for replica in self._replicas)

    @property
    def idle(self) -> bool:
        """See Resident.idle."""
        return bool(self._replicas) and not self.busy

    def enter(self, call: Call, deadline_s: float) -> None:
        """Put a call on its way; its answers arrive in the call. Raises Overloaded."""
        loop = asyncio.get_running_loop()
        self.used_at = loop.time()
        if self._farewell:
            self._farewell.cancel()
            self._farewell = None
        replica = None if self._line else self._free_replica(call)
        if replica is None:
            self._queue(call)
        call.timer = loop.call_later(deadline_s, self._expire, call, deadline_s)
        if replica:
            self._hand_over(replica, call)
        elif not self._replicas:
            self._ensure_loaded()

    def leave(self, call: Call) -> None:
        """The reader is gone or has the last chunk; what is left of the work is dropped."""
        if call.timer:
            call.timer.cancel()
            call.timer = None
        if call.stage == "waiting":
            self._unqueue(call)
            call.stage = "over"
            self._rest_if_idle()
        elif call.stage == "running":
            call.stage = "leaving"
            for replica in self._replicas:
                if call in replica.calls:
                    replica.worker.cancel(call)

    async def ready(self, replicas: int | None = None) -> None:
        """Load now if need be. Raises LoadFailed, NeverFits."""
        if replicas is not None and replicas != self._wanted_replicas:
            await asyncio.shield(asyncio.create_task(self._resize(replicas)))
        self._warming += 1
        try:
            while len(self._replicas) < self._wanted_replicas:
                await asyncio.shield(self._ensure_loaded())
        finally:
            self._warming -= 1
            self._rest_if_idle()

    async def unload(self) -> None:
        """Free the model. Raises Conflict while it is answering."""
        if self.in_flight or self.waiting:
            raise errors.Conflict(f"model {self.name!r} is answering", fix="wait until it is idle")
        if self._loading_now:
            raise errors.Conflict(f"model {self.name!r} is being loaded", fix="wait until it is ready")
        await asyncio.shield(self._unloading or self._begin_unload())

    def keep_alive(self, seconds: float | None) -> None:
        """See Engine.keep_alive."""
        self.keep_alive_s = seconds
        if self._farewell:
            self._farewell.cancel()
            self._farewell = None
        self._rest_if_idle()

    def pin(self, pinned: bool) -> None:
        """See Engine.pin."""
        self.pinned = pinned
        self._budget.changed()
        self._rest_if_idle()

    def close(self, why: Exception) -> None:
        """Tell everybody who waits; the workers are closed by who owns them."""
        self._closed = True
        if self._farewell:
            self._farewell.cancel()
        if self._loading:
            self._loading.cancel()
        for call in [*self._line.waiting(), *(call for replica in self._replicas for call in replica.calls)]:
            self._end(call, why)

    def status(self, name: str) -> interface.ModelStatus:
        """What this model is doing now."""
        alive = self._replicas
        return interface.ModelStatus(
            model=name,
            school_id=self.model.school_id,
            state=self.state,
            reason=self.reason,
            version=self.model.version,
            rss_bytes=sum(replica.worker.rss_bytes for replica in alive),
            memory_bytes=self._budget.taken_by(self) or self._need_bytes(),
            in_flight=self.in_flight,
            queued=self.waiting,
            slots=sum(replica.loaded.window or replica.loaded.slots for replica in alive),
            load_s=max((replica.loaded.load_s for replica in alive), default=0.0),
            requests=self.requests,
            restarts=self.restarts,
            worker_pid=alive[0].worker.pid if alive else None,
            replicas=len(alive),
            pinned=self.pinned,
            keep_alive_s=self.keep_alive_s,
            last_used=self._used,
        )

    # --- the line

    def _queue(self, call: Call) -> None:
        bound = self._max_queue * (_BATCH_QUEUE if self._shares_passes else 1)
        if self._line and self._queued_items + self._weight(call) > bound:
            wait_s = max(1.0, round(self._gap_s * self._queued_items, 1))
            raise interface.Overloaded(
                f"{self._queued_items} requests already wait for {self.name!r}",
                fix=f"try again in {wait_s:g} s",
                retry_after_s=wait_s,
            )
        self._stand(call)

    def _stand(self, call: Call) -> None:
        call.stage = "waiting"
        call.place = self._line.push(call, call.flow, call.items)
        self._queued_items += self._weight(call)

    def _weight(self, call: Call) -> int:
        return call.items if self._shares_passes else 1

    def _unqueue(self, call: Call) -> None:
        if call.place and call.place.waiting:
            self._line.drop(call.place)
            self._queued_items -= self._weight(call)

    def _pump(self) -> None:
        """Hand over whoever's turn it is, as far as there is room."""
        while (call := self._line.head()) is not None:
            replica = self._free_replica(call)
            if replica is None:
                return
            self._line.pop()
            self._queued_items -= self._weight(call)
            self._hand_over(replica, call)

    def _free_replica(self, call: Call) -> _Replica | None:
        free = [replica for replica in self._replicas if replica.has_room(call)]
        return min(free, key=lambda replica: replica.load) if free and self._open else None

    def _hand_over(self, replica: _Replica, call: Call) -> None:
        call.stage, call.started = "running", asyncio.get_running_loop().time()
        try:
            replica.worker.submit(self.model.key, call)
        except WorkerDied:  # its burial is on the way, and will load another
            self._stand(call)
            return
        except errors.TooLarge as wrong:
            self._end(call, wrong)
            return
        replica.take(call)

    def _over(self, replica: _Replica, call: Call) -> None:
        """The worker will say no more about this call."""
        replica.let_go(call)
        if call.stage == "running":
            self._attempts.succeeded()
            self.requests += 1
            self._used = datetime.now(UTC)
            self._count_pace(call)
        call.stage = "over"
        self._pump()
        self._rest_if_idle()

    def _count_pace(self, call: Call) -> None:
        now = asyncio.get_running_loop().time()
        gap_s = (now - max(self._finished_at, call.started)) / call.items
        self._finished_at = now
        self._gap_s += _PACE * (gap_s - self._gap_s) if self._gap_s else gap_s

    def _expire(self, call: Call, deadline_s: float) -> None:
        call.put(
            interface.DeadlineExceeded(
                f"the answer was not finished within {deadline_s:g} s", fix="ask for less or allow more time"
            )
        )
        self.leave(call)

    def _end(self, call: Call, why: Exception) -> None:
        self._unqueue(call)
        call.stage = "over"
        call.put(why)

    # --- loading and freeing

    @property
    def _loading_now(self) -> bool:
        return self._loading is not None and not self._loading.done()

    def _need_bytes(self) -> int:
        return (self.measured_bytes or self.model.memory_bytes) * self._wanted_replicas

    def _ensure_loaded(self) -> "asyncio.Task[None]":
        if self._loading is None or self._loading.done():
            self._loading = asyncio.create_task(self._load())
            self._loading.add_done_callback(_retrieve)
        return self._loading

    async def _load(self) -> None:
        try:
            await self._attempts.pause(self.name, self.reason)
            if self._unloading:
                await asyncio.shield(self._unloading)
            self.state, self.reason = "loading", ""
            if not self._replicas:
                await self._budget.admit(self, self._need_bytes(), lambda: bool(self._line or self._warming))
            while len(self._replicas) < self._wanted_replicas:
                self._replicas.append(await self._load_one())
            await self._settle()
            self._open = True
        except Unwanted:
            self.state = "pulled"
        except (errors.ShuyuanError, asyncio.CancelledError) as why:
            self._fail(why)
            raise
        else:
            self.state = "ready"
            self._pump()
            self._rest_if_idle()

    async def _load_one(self) -> _Replica:
        worker: Worker | None = None
        try:
            worker = await self._workers.place(self.model, alone=self._wanted_replicas > 1)
            threads = threads_each(self._wanted_replicas)
            loaded = await asyncio.wait_for(worker.load(self.model, threads), _LOAD_LIMIT_S)
            if not worker.alive:
                raise WorkerDied("it ended right after loading")
        except (WorkerDied, wire.RunnerDefect, errors.ShuyuanError, OSError, TimeoutError) as wrong:
            if worker:
                await self._release(worker)
            self.reason = f"it could not be loaded: {wrong}"
            self._attempts.failed()
            _log.warning("model_load_failed", model=self.name, error=str(wrong))
            raise self._attempts.error(self.name, self.reason) from wrong
        replica = _Replica(worker, loaded)
        worker.on_death[self.model.key] = lambda: self._on_death(replica)
        worker.on_over[self.model.key] = lambda call: self._over(replica, call)
        _log.info("model_loaded", model=self.name, load_s=round(loaded.load_s, 2), pid=worker.pid)
        return replica

    async def _settle(self) -> None:
        self.measured_bytes = max(replica.loaded.memory_bytes for replica in self._replicas) or self.measured_bytes
        try:
            await self._budget.settle(self, self._need_bytes())
        except interface.NeverFits:
            await self._free(self._replicas)
            raise

    def _fail(self, why: BaseException) -> None:
        """Everybody who waited for the load hears why it did not happen."""
        self.reason = self.reason or str(why)
        if self._replicas:  # the others go on answering
            self.state = "ready"
            return
        self._budget.release(self)
        self.state = "failed"
        if isinstance(why, errors.ShuyuanError):
            for call in self._line.waiting():
                self._end(call, why)

    async def _free(self, replicas: list[_Replica]) -> None:
        leaving = list(replicas)
        self._open = False
        for replica in leaving:
            self._replicas.remove(replica)
            replica.worker.on_death.pop(self.model.key, None)
            for call in replica.calls:  # none, unless it turned out too large in the midst of it
                self._save(call)
        for replica in leaving:
            await self._release(replica.worker)
        if not self._replicas:
            self.state = "pulled"
            self._budget.release(self)

    async def _release(self, worker: Worker) -> None:
        with contextlib.suppress(WorkerDied):
            await self._workers.release(self.model, worker)

    def _unloaded(self, task: "asyncio.Task[None]") -> None:
        self._unloading = None
        _retrieve(task)
        self._budget.changed()
        if self._line and not self._closed:
            self._ensure_loaded()

    async def _resize(self, replicas: int) -> None:
        """Another number of replicas: let the present ones finish, free them, start anew with other threads."""
        self._wanted_replicas = replicas
        for replica in self._replicas:
            replica.leaving = True
        while self._loading_now or any(replica.calls for replica in self._replicas):
            await asyncio.sleep(0.01)
        await self._free(self._replicas)
        if self._line:
            self._ensure_loaded()

    def _rest_if_idle(self) -> None:
        if not self.idle or self._closed:
            return
        self._budget.changed()
        if self.keep_alive_s is not None and not self.pinned and self._farewell is None:
            loop = asyncio.get_running_loop()
            self._farewell = loop.call_later(self.keep_alive_s, self._say_farewell)

    def _say_farewell(self) -> None:
        self._farewell = None
        if self.idle and not self.pinned and not self._closed:
            self._begin_unload()

    def _begin_unload(self) -> "asyncio.Task[None]":
        self._unloading = asyncio.create_task(self._free(self._replicas))
        self._unloading.add_done_callback(self._unloaded)
        return self._unloading

    def _on_death(self, replica: _Replica) -> None:
        """The worker of a loaded model has ended: its calls go back into the line, another is started."""
        if replica in self._replicas:
            self._replicas.remove(replica)
        self.restarts += 1
        self.reason = "its worker ended unexpectedly"
        self._attempts.failed()
        _log.warning("worker_lost", model=self.name, failures=self._attempts.failures)
        for call in replica.calls:
            self._save(call)
        if not self._replicas:
            self.state = "failed"
            self._budget.release(self)
        if not self._closed and not self._attempts.exhausted:
            asyncio.get_running_loop().call_later(self._attempts.pause_left_s(), self._revive)

    def _save(self, call: Call) -> None:
        """What had said nothing yet is tried again, unseen."""
        call.tries += 1
        if call.stage == "leaving":
            call.stage = "over"
        elif call.given or call.tries >= _TRIES or self._closed:
            lost = f"the worker of {self.name!r} ended while answering"
            self._end(call, interface.WorkerLost(lost, fix="send the request again", retry_after_s=1))
        else:
            self._stand(call)

    def _revive(self) -> None:
        if not self._closed and len(self._replicas) < self._wanted_replicas:
            self._ensure_loaded()


def _person(call: Call) -> tuple[str, str]:
    return call.flow.group, call.flow.person


def _retrieve(task: "asyncio.Task[None]") -> None:
    """Mark an error as seen: it is in the lane's reason, and its callers may have left."""
    with contextlib.suppress(asyncio.CancelledError):
        task.exception()
