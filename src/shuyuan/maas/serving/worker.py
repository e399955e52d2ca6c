"""The server's side of one worker process: start it, talk to it, notice its death, end it."""

import asyncio
import contextlib
import itertools
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import shuyuan
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.runners import interface as runners
from shuyuan.maas.serving import wire

_MODULE = "shuyuan.entrypoints.worker"


class WorkerDied(Exception):
    """The process ended while something was expected of it."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the worker said when a model was ready."""

    slots: int
    load_s: float


@dataclass(slots=True, eq=False)
class Ticket:
    """One request inside the worker. `finished` once the worker will say no more about it."""

    id: int
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    _arrived: asyncio.Queue[runners.Chunk | Exception] = field(default_factory=asyncio.Queue)

    async def next(self) -> runners.Chunk:
        """The next chunk. Raises WorkerDied, or what the runner raised."""
        found = await self._arrived.get()
        if isinstance(found, Exception):
            raise found
        return found

    def put(self, found: runners.Chunk | Exception) -> None:
        """Called as the worker answers."""
        self._arrived.put_nowait(found)
        if isinstance(found, Exception) or found.finish_reason:
            self.finished.set()


class Worker:
    """One child process, used from one event loop. `alive` turns False once, for good."""

    def __init__(self) -> None:
        self.alive = False
        self.rss_bytes = 0
        self.on_death: list[Callable[[], None]] = []
        self._tickets: dict[int, Ticket] = {}
        self._waiting: dict[tuple[str, str], asyncio.Future[wire.Frame]] = {}
        self._ids = itertools.count(1)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    async def start(self) -> None:
        """Start the process; returns at once, `load` waits for what matters."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.to_thread(_spawn, theirs.fileno())
        reader, self._writer = await asyncio.open_connection(sock=ours)
        self.alive = True
        self._reading = asyncio.create_task(self._read(reader))

    async def load(self, model: catalogue.Loadable) -> Loaded:
        """Load a model. Raises WorkerDied, or what the runner raised."""
        said = await self._ask(
            "load", model.version, runner=model.runner, path=str(model.path), context_tokens=model.context_tokens
        )
        return Loaded(slots=int(str(said["slots"])), load_s=float(str(said["load_s"])))

    async def unload(self, version: str) -> None:
        """Free a model; returns when it is gone. Raises WorkerDied."""
        await self._ask("unload", version)

    def submit(self, version: str, task: str, payload: runners.Payload) -> Ticket:
        """Hand over a request. Raises WorkerDied, TooLarge."""
        ticket = Ticket(next(self._ids))
        self._send({"op": "submit", "id": ticket.id, "model": version, "task": task, "payload": dict(payload)})
        self._tickets[ticket.id] = ticket
        return ticket

    def cancel(self, ticket: Ticket) -> None:
        """Ask the worker to stop; `ticket.finished` is set when it has."""
        with contextlib.suppress(WorkerDied):
            self._send({"op": "cancel", "id": ticket.id})

    async def stop(self) -> None:
        """End the process; it holds nothing that would need saving."""
        self.on_death.clear()
        self._writer.close()
        await self._reading

    async def _ask(self, op: str, version: str, **details: object) -> wire.Frame:
        """Send a frame about a model and wait for the worker's word on it; askers of the same share it."""
        key = ("loaded" if op == "load" else "unloaded", version)
        if key not in self._waiting:
            self._waiting[key] = asyncio.get_running_loop().create_future()
            self._send({"op": op, "model": version, **details})
        try:
            return await asyncio.shield(self._waiting[key])
        finally:
            if (future := self._waiting.get(key)) and future.done():
                del self._waiting[key]

    def _send(self, frame: wire.Frame) -> None:
        if not self.alive:
            raise WorkerDied("the worker is not running")
        self._writer.write(wire.encode(frame))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                head = await reader.readexactly(wire.LENGTH.size)
                self._on_frame(wire.decode(await reader.readexactly(wire.body_bytes(head))))
        except (asyncio.IncompleteReadError, OSError, wire.BrokenFrame):
            await self._bury()

    def _on_frame(self, frame: wire.Frame) -> None:
        self.rss_bytes = int(str(frame.get("rss_bytes") or 0)) or self.rss_bytes
        if frame["op"] in ("chunk", "error"):
            self._on_answer(frame)
            return
        key = ("unloaded" if frame["op"] == "unloaded" else "loaded", str(frame["model"]))
        future = self._waiting.get(key)
        if future is None or future.done():
            return
        if frame["op"] == "failed":
            future.set_exception(wire.error_of(frame))
        else:
            future.set_result(frame)

    def _on_answer(self, frame: wire.Frame) -> None:
        ticket = self._tickets.get(int(str(frame["id"])))
        if ticket is None:
            return
        ticket.put(wire.error_of(frame) if frame["op"] == "error" else wire.chunk_of(frame))
        if ticket.finished.is_set():
            del self._tickets[ticket.id]

    async def _bury(self) -> None:
        """Tell everybody who waits, and collect the process."""
        self.alive, self.rss_bytes = False, 0
        self._writer.close()
        self._process.kill()
        code = await asyncio.to_thread(self._process.wait)
        died = WorkerDied(f"worker {self.pid} ended with code {code}")
        for ticket in self._tickets.values():
            ticket.put(died)
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(died)
                future.exception()  # it may be that nobody waits any more
        self._tickets.clear()
        for tell in self.on_death:
            tell()


def _spawn(descriptor: int) -> subprocess.Popen[bytes]:
    source = str(Path(str(shuyuan.__file__)).parent.parent)
    path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.Popen(
        [sys.executable, "-m", _MODULE, "--fd", str(descriptor)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=[descriptor],
        env=environment,
        start_new_session=True,  # Ctrl-C goes to the server alone
    )
