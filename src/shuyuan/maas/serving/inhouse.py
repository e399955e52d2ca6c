"""Models that only wait for another machine, answered on the server's own event loop.

To `placement` this is a worker like any other, without a process: there is nothing here to compute, to block or to
crash, and two hops between processes would cost more than the work itself.
"""

import asyncio
import importlib
import os
from contextlib import aclosing

from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.runners import interface as runners
from shuyuan.maas.serving import wire
from shuyuan.maas.serving.call import Call
from shuyuan.maas.serving.worker import Loaded, Worker


class InHouse(Worker):
    """Used from one event loop."""

    def __init__(self) -> None:
        super().__init__()
        self._runners: dict[str, runners.WaitingRunner] = {}
        self._answers: dict[Call, asyncio.Task[None]] = {}  # not yet given in full
        self._running: set[asyncio.Task[None]] = set()  # those too that still read what follows the last word

    @property
    def pid(self) -> int:
        """This process."""
        return os.getpid()

    async def start(self) -> None:
        """Nothing to start."""
        self.alive = True

    async def load(self, model: catalogue.Loadable, threads: int) -> Loaded:
        """Read the model's file. Raises what the runner raised."""
        runner = _new(model.runner)
        await asyncio.to_thread(runner.load, model.path, context_tokens=model.context_tokens)
        self._runners[model.key] = runner
        return Loaded(runner.slots, window=0, load_s=runner.stats().load_s, memory_bytes=0)

    async def end(self) -> None:
        """Nothing to kill: what hangs here is a thread that reads a file."""

    async def unload(self, key: str) -> None:
        """Close a model's connections."""
        if runner := self._runners.pop(key, None):
            await runner.leave()

    def submit(self, key: str, call: Call) -> None:
        """Begin an answer."""
        task = asyncio.get_running_loop().create_task(self._answer(key, call))
        self._running.add(task)
        self._answers[call] = task
        task.add_done_callback(self._running.discard)
        task.add_done_callback(lambda _: self._over(key, call))  # even of one cancelled before its first step

    def cancel(self, call: Call) -> None:
        """Stop an answer; `on_over` tells when it has."""
        if task := self._answers.get(call):
            task.cancel()

    async def stop(self) -> None:
        """End every answer and close every connection."""
        self.alive = False
        self.on_death.clear()
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for key in list(self._runners):
            await self.unload(key)

    async def _answer(self, key: str, call: Call) -> None:
        try:
            async with aclosing(self._runners[key].answer(call.task, call.payload)) as chunks:
                async for chunk in chunks:
                    call.put(chunk)
                    if chunk.finish_reason:
                        self._over(key, call)
        except errors.ShuyuanError as wrong:
            call.put(wrong)
        except Exception as wrong:  # a defect of ours looks the same as in a worker
            call.put(wire.RunnerDefect(f"{type(wrong).__name__}: {wrong}"))

    def _over(self, key: str, call: Call) -> None:
        """Give the place back, once: with the last word, or when the task ends without one."""
        if self._answers.pop(call, None) and (told := self.on_over.get(key)):
            told(call)


def _new(kind: str) -> runners.WaitingRunner:
    module, name = runners.kinds()[kind].split(":")
    made: runners.WaitingRunner = getattr(importlib.import_module(module), name)()
    return made
