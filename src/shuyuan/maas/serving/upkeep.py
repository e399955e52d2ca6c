"""One model's replicas: load them within the budget, free them, bring them back after a crash.

Knows who is in a worker, and of the line only whether anybody waits: that is `lane`, which stands on this.
"""

import abc
import asyncio
import contextlib

import structlog

from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.serving import interface, placement, wire
from shuyuan.maas.serving.call import Call
from shuyuan.maas.serving.loading import Attempts, threads_each
from shuyuan.maas.serving.replica import Replica
from shuyuan.maas.serving.residency import Budget, Unwanted
from shuyuan.maas.serving.worker import Worker, WorkerDied

_log = structlog.get_logger(module="serving.upkeep")

_LOAD_LIMIT_S = 300.0
_READY_LIMIT_S = 300.0  # for whoever asks that a model be loaded: waiting for room and for other loads included
_DRAIN_LIMIT_S = 60.0  # what is being answered may take this long when the number of replicas changes
_DRAIN_LOOK_S = 0.01


class Upkeep(abc.ABC):
    """Used from one event loop."""

    def __init__(self, model: catalogue.Loadable, workers: placement.Workers, budget: Budget) -> None:
        self.model, self.name = model, model.name
        self.state: interface.State = "pulled"
        self.reason = ""
        self.restarts = 0
        self.pinned = False
        self.used_at = 0.0
        self.keep_alive_s: float | None = None
        self.measured_bytes = 0  # of one replica
        self._workers, self._budget = workers, budget
        self._replicas: list[Replica] = []
        self._wanted_replicas = 1
        self._before: tuple[int, bool] | None = None  # replicas to go back to if the new number fails; was it loaded?
        self._loading: asyncio.Task[None] | None = None
        self._warming = 0
        self._unloading: asyncio.Task[None] | None = None
        self._open = False  # loaded and within the budget: calls may be handed over
        self._attempts = Attempts()
        self._farewell: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def in_flight(self) -> int:
        """Calls in a worker, cancelled ones included until it has let go."""
        return sum(len(replica.calls) for replica in self._replicas)

    @property
    @abc.abstractmethod
    def waiting(self) -> int:
        """Calls in line."""

    @abc.abstractmethod
    def _pump(self) -> None:
        """There is room: hand calls over."""

    @abc.abstractmethod
    def _over(self, replica: Replica, call: Call) -> None:
        """The worker will say no more about this call."""

    @abc.abstractmethod
    def _save(self, call: Call) -> None:
        """The worker of this call is gone."""

    @abc.abstractmethod
    def _turn_away(self, why: errors.ShuyuanError) -> None:
        """Tell everybody in line that there will be no model."""

    @property
    def busy(self) -> bool:
        """Answering, being asked, or between two states."""
        if self.waiting or self._warming or self._loading_now or self._unloading:
            return True
        return any(replica.calls for replica in self._replicas)

    @property
    def idle(self) -> bool:
        """See Resident.idle."""
        return bool(self._replicas) and not self.busy

    async def ready(self, replicas: int | None = None) -> None:
        """Load now if need be. replicas: of a model that only waits for another machine there is always one.

        Raises LoadFailed, NeverFits, DeadlineExceeded, and Conflict when it does not stop answering meanwhile;
        another number that cannot be had leaves the present one as it is.
        """
        self._warming += 1
        try:
            async with asyncio.timeout(_READY_LIMIT_S):
                if replicas is not None:
                    await self._resize(1 if placement.waits(self.model) else replicas)
                while len(self._replicas) < self._wanted_replicas:
                    await asyncio.shield(self._ensure_loaded())
        except TimeoutError:
            told = f"model {self.name!r} was not loaded within {_READY_LIMIT_S:g} s"
            raise interface.DeadlineExceeded(told, fix="try again when other models are less busy") from None
        finally:
            self._warming -= 1
            self._rest_if_idle()

    def follow(self, other: "Upkeep") -> None:
        """Be kept as another version was, whose name this one has now."""
        self.pinned, self.keep_alive_s = other.pinned, other.keep_alive_s
        self._wanted_replicas = 1 if placement.waits(self.model) else other._wanted_replicas

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
        self._stay()
        self._rest_if_idle()

    def pin(self, pinned: bool) -> None:
        """See Engine.pin."""
        self.pinned = pinned
        self._budget.changed()
        self._rest_if_idle()

    @property
    def _loading_now(self) -> bool:
        return self._loading is not None and not self._loading.done()

    def _need_bytes(self, replicas: int = 0) -> int:
        return (self.measured_bytes or self.model.memory_bytes) * (replicas or self._wanted_replicas)

    def _ensure_loaded(self) -> "asyncio.Task[None]":
        if self._loading is None or self._loading.done():
            self._loading = asyncio.create_task(self._load())
            self._loading.add_done_callback(_retrieve)
        return self._loading

    async def _load(self) -> None:
        try:
            await self._attempts.pause(self.name, self.reason)
            while self._unloading:
                await asyncio.wait([self._unloading])
            self.state, self.reason = "loading", ""
            if not self._replicas:
                await self._budget.admit(self, self._need_bytes(), self._still_wanted)
            while len(self._replicas) < self._wanted_replicas:
                self._replicas.append(await self._load_one())
            await self._settle()
            self._open = True
        except Unwanted:
            self.state = "pulled"
            self._go_back()
        except asyncio.CancelledError as why:
            self._fail(why)
            raise
        except errors.ShuyuanError as why:
            if not self._open:  # a first load that came half way: nobody could use what there is
                await self._free(self._replicas)
            self._fail(why)
            raise
        else:
            self.state, self._before = "ready", None
            self._pump()
            self._rest_if_idle()

    async def _load_one(self) -> Replica:
        worker: Worker | None = None
        try:
            worker = await self._workers.place(self.model, alone=self._wanted_replicas > 1)
            threads = threads_each(self._wanted_replicas)
            loaded = await asyncio.wait_for(worker.load(self.model, threads), _LOAD_LIMIT_S)
            if not worker.alive:
                raise WorkerDied("it ended right after loading")
        except (WorkerDied, wire.RunnerDefect, errors.ShuyuanError, OSError, TimeoutError) as wrong:
            if worker:
                if isinstance(wrong, TimeoutError):
                    await worker.end()  # whatever it is asked now would wait behind that load
                await self._release(worker)
            self.reason = f"it could not be loaded: {wrong}"
            self._attempts.failed()
            _log.warning("model_load_failed", model=self.name, error=str(wrong))
            raise self._attempts.error(self.name, self.reason) from wrong
        replica = Replica(worker, loaded)
        worker.on_death[self.model.key] = lambda: self._on_death(replica)
        worker.on_over[self.model.key] = lambda call: self._over(replica, call)
        _log.info("model_loaded", model=self.name, load_s=round(loaded.load_s, 2), pid=worker.pid)
        return replica

    def _note_growth(self) -> None:
        """What answering takes counts too, as far as it is known: of workers that have no other model."""
        alone = [replica.worker for replica in self._replicas if len(replica.worker.hosts) == 1]
        others_bytes = (len(self._replicas) - len(alone)) * self.measured_bytes
        self._budget.grew(self, others_bytes + sum(max(one.rss_bytes, self.measured_bytes) for one in alone))

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
        if isinstance(why, errors.ShuyuanError) and not self._go_back():
            self._turn_away(why)

    def _still_wanted(self) -> bool:
        """Whether to go on waiting for room; who waits in line is served sooner by the old number of replicas."""
        return bool(self._warming or (self.waiting and self._before is None))

    def _go_back(self) -> bool:
        """The new number of replicas failed: take the old one again, and load it if anybody would miss it."""
        if self._before is None or self._closed:
            return False
        (self._wanted_replicas, loaded), self._before = self._before, None
        if loaded or self.waiting:
            asyncio.get_running_loop().call_soon(self._revive)  # once this load is over
        return True

    async def _free(self, replicas: list[Replica]) -> None:
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
        if self.waiting and not self._closed:
            self._ensure_loaded()

    async def _resize(self, replicas: int) -> None:
        """Another number of replicas: let the present ones finish, free them, start anew with other threads."""
        while doing := self._unloading or (self._loading if self._loading_now else None):
            await asyncio.wait([doing])
        if replicas == self._wanted_replicas:
            return
        self._budget.check_fits(self, self._need_bytes(replicas))
        self._unloading = asyncio.create_task(self._make_way(replicas))
        self._unloading.add_done_callback(self._unloaded)
        await asyncio.shield(self._unloading)

    async def _make_way(self, replicas: int) -> None:
        """Hand nothing over until the present calls are answered, then free. Raises Conflict if that takes too long."""
        loaded, was_open, self._open = bool(self._replicas), self._open, False
        try:
            async with asyncio.timeout(_DRAIN_LIMIT_S):
                while self.in_flight:
                    await asyncio.sleep(_DRAIN_LOOK_S)
        except TimeoutError:
            self._open = was_open
            self._pump()
            told = f"model {self.name!r} is still answering after {_DRAIN_LIMIT_S:g} s"
            raise errors.Conflict(told, fix="change its replicas when it is idle") from None
        await self._free(self._replicas)
        self._before = self._before or (self._wanted_replicas, loaded)
        self._wanted_replicas = replicas

    def _rest_if_idle(self) -> None:
        if not self.idle or self._closed:
            return
        self._budget.changed()
        if self.keep_alive_s is not None and not self.pinned and self._farewell is None:
            loop = asyncio.get_running_loop()
            self._farewell = loop.call_later(self.keep_alive_s, self._say_farewell)

    def _stay(self) -> None:
        """It is wanted again: no farewell."""
        if self._farewell:
            self._farewell.cancel()
            self._farewell = None

    def _say_farewell(self) -> None:
        self._farewell = None
        if self.idle and not self.pinned and not self._closed:
            self._begin_unload()

    def _begin_unload(self) -> "asyncio.Task[None]":
        self._unloading = asyncio.create_task(self._free(self._replicas))
        self._unloading.add_done_callback(self._unloaded)
        return self._unloading

    def _on_death(self, replica: Replica) -> None:
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

    def _revive(self) -> None:
        if not self._closed and len(self._replicas) < self._wanted_replicas:
            self._ensure_loaded()


def _retrieve(task: "asyncio.Task[None]") -> None:
    """Mark an error as seen: it is in the lane's reason, and its callers may have left."""
    with contextlib.suppress(asyncio.CancelledError):
        task.exception()
