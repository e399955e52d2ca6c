"""One model's way to its workers: wait in a fair, bounded line, be handed over, be answered or tried again."""

import asyncio
from datetime import UTC, datetime

from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.serving import fairness, interface
from shuyuan.maas.serving.call import Call
from shuyuan.maas.serving.pace import Pace
from shuyuan.maas.serving.placement import Workers
from shuyuan.maas.serving.replica import TRIES, Replica
from shuyuan.maas.serving.residency import Budget
from shuyuan.maas.serving.upkeep import Upkeep
from shuyuan.maas.serving.worker import WorkerDied

_BATCH_QUEUE = 4  # times as many items may wait where they share passes


class Lane(Upkeep):
    """Used from one event loop."""

    def __init__(self, model: catalogue.Loadable, workers: Workers, budget: Budget, max_queue: int) -> None:
        super().__init__(model, workers, budget)
        self.requests = 0
        self._max_queue = max_queue
        self._line: fairness.FairQueue[Call] = fairness.FairQueue()
        self._queued_items = 0
        self._shares_passes = model.runner == "embed" or model.spec.get("batch") is True  # then items count
        self._pace = Pace()
        self._used: datetime | None = None

    @property
    def waiting(self) -> int:
        """Calls in line."""
        return len(self._line)

    def enter(self, call: Call, deadline_s: float) -> None:
        """Put a call on its way; its answers arrive in the call. Raises Overloaded."""
        loop = asyncio.get_running_loop()
        self.used_at = loop.time()
        self._stay()
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

    def close(self, why: Exception) -> None:
        """Tell everybody who waits; the workers are closed by who owns them."""
        self._closed = True
        self._stay()
        if self._loading:
            self._loading.cancel()
        for call in [*self._line.waiting(), *(call for replica in self._replicas for call in replica.calls)]:
            self._end(call, why)

    def status(self, name: str) -> interface.ModelStatus:
        """What this model is doing now."""
        alive = list(self._replicas)  # a page asks from a thread
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

    def check_room(self, items: int) -> None:
        """Raise Overloaded when the line is full; nothing is queued."""
        bound = self._max_queue * (_BATCH_QUEUE if self._shares_passes else 1)
        if self._line and self._queued_items + (items if self._shares_passes else 1) > bound:
            ahead = self._queued_items + sum(replica.load for replica in self._replicas)
            wait_s = max(1.0, round(self._pace.gap_s * ahead, 1))
            raise interface.Overloaded(
                f"{self._queued_items} requests already wait for {self.name!r}",
                fix=f"try again in {wait_s:g} s",
                retry_after_s=wait_s,
            )

    def _queue(self, call: Call) -> None:
        self.check_room(call.items)
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

    def _free_replica(self, call: Call) -> Replica | None:
        free = [replica for replica in self._replicas if replica.has_room(call)]
        return min(free, key=lambda replica: replica.load) if free and self._open else None

    def _hand_over(self, replica: Replica, call: Call) -> None:
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

    def _over(self, replica: Replica, call: Call) -> None:
        """The worker will say no more about this call."""
        replica.let_go(call)
        if call.stage == "running":
            self._attempts.succeeded()
            self.requests += 1
            self._used = datetime.now(UTC)
            self._pace.note(call.items, call.started, asyncio.get_running_loop().time())
            self._note_growth()
        call.stage = "over"
        self._pump()
        self._rest_if_idle()

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

    def _turn_away(self, why: errors.ShuyuanError) -> None:
        for call in self._line.waiting():
            self._end(call, why)

    def _save(self, call: Call) -> None:
        """What had said nothing yet is tried again, unseen."""
        call.tries += 1
        if call.stage == "leaving":
            call.stage = "over"
        elif call.given or call.tries >= TRIES or self._closed:
            lost = f"the worker of {self.name!r} ended while answering"
            self._end(call, interface.WorkerLost(lost, fix="send the request again", retry_after_s=1))
        else:
            self._stand(call)
