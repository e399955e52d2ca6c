"""Which worker process hosts which model: small tensor models share one, what only waits has none."""

import asyncio

from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.serving.inhouse import InHouse
from shuyuan.maas.serving.worker import Worker

_SHARING = {"onnx": "small models", "embed": "small models", "remote": "in house"}  # by runner: process name
_WAITING = frozenset({"remote"})  # runners that compute nothing: no process at all


def waits(model: catalogue.Loadable) -> bool:
    """Whether it only waits for another machine: it has no process, and so no replicas."""
    return model.runner in _WAITING


class Workers:
    """The worker processes of one engine; only those it started are ever stopped."""

    def __init__(self) -> None:
        self._shared: dict[str, Worker] = {}
        self._own: set[Worker] = set()
        self._starting = asyncio.Lock()

    async def place(self, model: catalogue.Loadable, *, alone: bool = False) -> Worker:
        """A living worker for this model, started if need be. alone: a replica of several has its own."""
        name = "" if alone and not waits(model) else _SHARING.get(model.runner, "")
        async with self._starting:
            worker = self._shared.get(name)
            if worker is None or not worker.alive:
                worker = InHouse() if waits(model) else Worker()
                await worker.start()
                if name:
                    self._shared[name] = worker
                else:
                    self._own.add(worker)
            worker.hosts.add(model.key)
            return worker

    async def release(self, model: catalogue.Loadable, worker: Worker) -> None:
        """Free a model's memory: the worker ends with its last model, otherwise it drops this one."""
        async with self._starting:
            worker.hosts.discard(model.key)
            ends = not worker.hosts
            if ends:
                self._own.discard(worker)
                self._shared = {name: other for name, other in self._shared.items() if other is not worker}
        if not worker.alive:
            return
        await (worker.stop() if ends else worker.unload(model.key))

    async def close(self) -> None:
        """Stop every worker."""
        async with self._starting:
            workers, self._shared = [*self._own, *self._shared.values()], {}
            self._own.clear()
            await asyncio.gather(*(worker.stop() for worker in workers if worker.alive))
