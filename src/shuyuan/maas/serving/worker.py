"""The server's side of one worker process: start it, talk to it, notice its death, end it."""

import asyncio
import contextlib
import itertools
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import shuyuan
from shuyuan.maas.catalogue import interface as catalogue
from shuyuan.maas.runners import interface as runners
from shuyuan.maas.serving import wire
from shuyuan.maas.serving.call import Call

_MODULE = "shuyuan.entrypoints.worker"
_UNLOAD_LIMIT_S = 120.0  # it may stand behind another model's load


class WorkerDied(Exception):
    """The process ended while something was expected of it."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the worker said when a model was ready."""

    slots: int
    window: int  # items it takes before their turn; 0: no more than it has slots
    load_s: float
    memory_bytes: int


class Worker:
    """One child process, used from one event loop. `alive` turns False once, for good."""

    def __init__(self) -> None:
        self.alive = False
        self.rss_bytes = 0
        self.hosts: set[str] = set()  # keys of the models in it
        self.on_death: dict[str, Callable[[], None]] = {}  # by model
        self.on_over: dict[str, Callable[[Call], None]] = {}  # by model: a call needs no more room
        self._calls: dict[int, tuple[str, Call]] = {}
        self._numbers: dict[Call, int] = {}
        self._said: dict[tuple[str, str], asyncio.Future[wire.Frame]] = {}
        self._ids = itertools.count(1)
        self._unsent: list[bytes] = []

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    async def start(self) -> None:
        """Start the process; returns at once, `load` waits for what matters."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.to_thread(_spawn, theirs.fileno())
        self._loop = asyncio.get_running_loop()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._transport, _ = await self._loop.create_connection(lambda: _Link(self._on_frame, self._on_lost), sock=ours)
        self.alive = True

    async def load(self, model: catalogue.Loadable, threads: int) -> Loaded:
        """Load a model. Raises WorkerDied, or what the runner raised."""
        said = await self._ask(
            "load",
            model.key,
            runner=model.runner,
            path=str(model.path),
            context_tokens=model.context_tokens,
            spec=dict(model.spec),
            threads=threads,
        )
        slots, window, load_s, memory_bytes = (said[name] for name in ("slots", "window", "load_s", "memory_bytes"))
        return Loaded(int(str(slots)), int(str(window)), float(str(load_s)), int(str(memory_bytes)))

    async def unload(self, key: str) -> None:
        """Free a model; returns when it is gone. A worker that does not do it is ended. Raises WorkerDied."""
        try:
            await asyncio.wait_for(self._ask("unload", key), _UNLOAD_LIMIT_S)
        except TimeoutError:
            await self.end()

    def submit(self, key: str, call: Call) -> None:
        """Hand over a call. Raises WorkerDied, TooLarge."""
        number = next(self._ids)
        frame: wire.Frame = {"op": "submit", "id": number, "model": key, "task": call.task, "payload": call.payload}
        self._send({**frame, "flow": call.flow})
        self._calls[number] = (key, call)
        self._numbers[call] = number

    def cancel(self, call: Call) -> None:
        """Ask the worker to stop; `on_over` tells when it has."""
        if (number := self._numbers.get(call)) is not None:
            with contextlib.suppress(WorkerDied):
                self._send({"op": "cancel", "id": number})

    async def stop(self) -> None:
        """End the process; it holds nothing that would need saving."""
        self.on_death.clear()
        await self.end()

    async def end(self) -> None:
        """It hangs: end the process; the models in it hear of its death and are loaded anew."""
        self._transport.abort()  # without waiting for it to read what was sent
        await asyncio.shield(self._gone)

    async def _ask(self, op: str, key: str, **details: object) -> wire.Frame:
        """Send a frame about a model and wait for the worker's word on it; askers of the same share it."""
        about = ("loaded" if op == "load" else "unloaded", key)
        if about not in self._said:
            self._said[about] = self._loop.create_future()
            self._send({"op": op, "model": key, **details})
        try:
            return await asyncio.shield(self._said[about])
        finally:
            if (future := self._said.get(about)) and future.done():
                del self._said[about]

    def _send(self, frame: wire.Frame) -> None:
        if not self.alive:
            raise WorkerDied("the worker is not running")
        data = wire.encode(frame)
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(data)

    def _flush(self) -> None:
        """What was sent in one turn of the loop goes out in one write."""
        data, self._unsent = self._unsent, []
        if self.alive:
            self._transport.write(data[0] if len(data) == 1 else b"".join(data))

    def _on_frame(self, frame: wire.Frame) -> None:
        self.rss_bytes = int(str(frame.get("rss_bytes") or 0)) or self.rss_bytes
        if frame["op"] == "answers":
            for told in frame["of"]:  # type: ignore[attr-defined]  # our own worker wrote the frame
                self._on_answer(*wire.answer_of(told))
            return
        about = ("unloaded" if frame["op"] == "unloaded" else "loaded", str(frame["model"]))
        future = self._said.get(about)
        if future is None or future.done():
            return
        if frame["op"] == "failed":
            future.set_exception(wire.error_of(frame["error"]))  # type: ignore[arg-type]  # as above
        else:
            future.set_result(frame)

    def _on_answer(self, number: int, answer: runners.Chunk | Exception) -> None:
        key, call = self._calls.get(number, ("", None))
        if call is None:
            return
        call.put(answer)
        if isinstance(answer, Exception) or answer.finish_reason:
            del self._calls[number], self._numbers[call]
            if told := self.on_over.get(key):
                told(call)

    def _on_lost(self) -> None:
        self.alive, self.rss_bytes = False, 0
        self._process.kill()
        self._burying = self._loop.create_task(self._bury())

    async def _bury(self) -> None:
        """Collect the process, and tell everybody who waits."""
        code = await asyncio.to_thread(self._process.wait)
        died = WorkerDied(f"worker {self.pid} ended with code {code}")
        for future in self._said.values():
            if not future.done():
                future.set_exception(died)
                future.exception()  # it may be that nobody waits any more
        tell = list(self.on_death.values())
        self.on_death.clear()
        self._calls.clear()
        self._numbers.clear()
        for told in tell:
            told()
        self._gone.set_result(None)


class _Link(asyncio.Protocol):
    """The socket: bytes in, frames out."""

    def __init__(self, on_frame: Callable[[wire.Frame], None], on_lost: Callable[[], None]) -> None:
        self._on_frame, self._on_lost = on_frame, on_lost
        self._frames = wire.Frames()
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._frames.feed(data):
                self._on_frame(frame)
        except wire.BrokenFrame:
            assert self._transport
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_lost()


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
