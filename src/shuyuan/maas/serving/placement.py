"""Which worker process hosts which model: a chat model has its own, small tensor models share one."""

import asyncio

from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.serving.worker import Worker

_SHARED = "small models"
_OWN_WORKER = frozenset({"llama"})


class Workers:
    """The worker processes of one engine; only those it started are ever stopped."""

    def __init__(self) -> None:
        self._workers: dict[str, Worker] = {}
        self._starting = asyncio.Lock()

    async def place(self, model: catalogue.Loadable) -> Worker:
        """A living worker for this model, started if need be."""
        key = model.version if model.runner in _OWN_WORKER else _SHARED
        async with self._starting:
            found = self._workers.get(key)
            if found is None or not found.alive:
                found = self._workers[key] = Worker()
                await found.start()
            return found

    async def release(self, model: catalogue.Loadable, worker: Worker) -> None:
        """Free a model's memory: its own worker ends, a shared one drops it."""
        if model.runner in _OWN_WORKER:
            self._workers.pop(model.version, None)
            await worker.stop()
        elif worker.alive:
            await worker.unload(model.version)

    async def close(self) -> None:
        """Stop every worker."""
        async with self._starting:
            workers, self._workers = list(self._workers.values()), {}
            await asyncio.gather(*(worker.stop() for worker in workers if worker.alive))
