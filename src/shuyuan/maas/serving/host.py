"""Inside the worker process: load runners by dotted name and answer frames until the socket closes.

A model library is imported only here and only when a model needs it. When the server goes away, by
whatever means, the socket closes and the worker ends: nothing is left behind.
"""

import contextlib
import importlib
import inspect
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from shuyuan.kernel import memory
from shuyuan.maas.runners import interface as runners
from shuyuan.maas.serving import batcher, fairness, inbox, measuring, wire

_WINDOW_ITEMS = 128  # handed over before their turn: among so many some are of like length, also in a flood
_RSS_EVERY_S = 1.0
_CANCELLED = runners.Chunk(finish_reason="cancelled", usage=runners.Usage(0))


def serve(descriptor: int) -> None:
    """Answer until the peer closes, then end the process at once."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the server, which closes the socket
    with contextlib.suppress(OSError, wire.BrokenFrame):
        Host(socket.socket(fileno=descriptor)).run()
    os._exit(0)  # a generation may be deep inside C code: do not wait for it


class Host:
    """The models of one worker process."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._inbox = inbox.Inbox(connection, self._on_frame)
        self._moving = ThreadPoolExecutor(1)  # loads and unloads in order, so that what each takes can be told apart
        self._models: dict[str, _Model] = {}
        self._batched: dict[int, batcher.Batcher] = {}  # request → who will answer it
        self._cancels: dict[int, threading.Event] = {}
        self._rss_told_at = 0.0

    def run(self) -> None:
        """Read frames until the socket closes. Raises BrokenFrame."""
        self._inbox.run(lambda: any(model.shared and model.shared.active for model in list(self._models.values())))

    def _on_frame(self, frame: wire.Frame) -> None:
        match frame["op"]:
            case "submit":
                self._on_submit(frame)
            case "cancel":
                self._on_cancel(frame)
            case "load":
                self._moving.submit(self._load, frame)
            case "unload":
                self._moving.submit(self._unload, frame)

    def _send(self, frame: wire.Frame) -> None:
        data = wire.encode(frame)
        with self._sending:
            self._connection.sendall(data)

    def _load(self, frame: wire.Frame) -> None:
        key = str(frame["model"])
        try:
            before = memory.rss_bytes() if self._models else 0
            model = self._models[key] = self._loaded(key, frame)
            memory.give_back()
            rss_bytes = memory.rss_bytes()
        except Exception as wrong:  # reported to the server, which decides
            self._send({"op": "failed", "model": key, "error": wire.error_to_dict(wrong)})
            return
        self._send(
            {
                "op": "loaded",
                "model": key,
                "slots": model.runner.slots,
                "window": _WINDOW_ITEMS if model.shared else 0,
                "load_s": model.runner.stats().load_s,
                "memory_bytes": max(rss_bytes - before, 0),
                "rss_bytes": rss_bytes,
            }
        )

    def _loaded(self, key: str, frame: wire.Frame) -> "_Model":
        path, threads = Path(str(frame["path"])), int(str(frame["threads"]))
        runner = _new_runner(str(frame["runner"]))
        _load_runner(runner, path, context_tokens=frame["context_tokens"], spec=frame["spec"], threads=threads)
        if not (isinstance(runner, runners.BatchRunner) and runner.batching):
            return _Model(runner, pool=ThreadPoolExecutor(runner.slots, thread_name_prefix=key))
        costs = measuring.curve_of(runner, path, threads)
        look, rest = self._inbox.drain, self._inbox.rest
        return _Model(runner, shared=batcher.Batcher(runner, costs, self._send_answers, look=look, rest=rest))

    def _on_submit(self, frame: wire.Frame) -> None:
        request, payload = int(str(frame["id"])), frame["payload"]
        model = self._models.get(str(frame["model"]))
        if model is None or not isinstance(payload, dict):
            wrong = runners.BadPayload("a payload must be a map for a loaded model", fix="send a map")
            self._send_answers([(request, wrong)])
        elif model.shared:
            flow = fairness.Flow(*frame["flow"])  # type: ignore[misc]  # our own server wrote the frame
            self._batched[request] = model.shared
            model.shared.put(batcher.Request(request, str(frame["task"]), payload, flow))
        elif model.pool:
            self._cancels[request] = threading.Event()
            model.pool.submit(self._answer, request, model.runner, str(frame["task"]), payload)

    def _answer(self, request: int, runner: runners.Runner, task: str, payload: runners.Payload) -> None:
        cancelled = self._cancels[request]
        try:
            if cancelled.is_set():  # it left before it cost anything
                self._send_answers([(request, _CANCELLED)])
                return
            for chunk in runner.submit(task, payload, cancelled):
                self._send_answers([(request, chunk)])
        except OSError:  # the server is gone; `run` ends the process
            return
        except Exception as wrong:  # a bad request must not end the worker
            self._send_answers([(request, wrong)])
        finally:
            self._cancels.pop(request, None)

    def _send_answers(self, answers: Sequence[batcher.Answer]) -> None:
        frame: wire.Frame = {"op": "answers", "of": [wire.answer_to_list(*answer) for answer in answers]}
        for request, _ in answers:
            self._batched.pop(request, None)
        if time.monotonic() - self._rss_told_at > _RSS_EVERY_S:
            self._rss_told_at = time.monotonic()
            frame["rss_bytes"] = memory.rss_bytes()
        self._send(frame)

    def _on_cancel(self, frame: wire.Frame) -> None:
        request = int(str(frame["id"]))
        if found := self._batched.get(request):
            found.cancel(request)
        if cancelled := self._cancels.get(request):
            cancelled.set()

    def _unload(self, frame: wire.Frame) -> None:
        key = str(frame["model"])
        if model := self._models.pop(key, None):
            model.close()
        memory.give_back()
        self._send({"op": "unloaded", "model": key, "rss_bytes": memory.rss_bytes()})


@dataclass(frozen=True, slots=True)
class _Model:
    """A loaded model and what runs it: a batcher, or as many threads as it has slots."""

    runner: runners.Runner
    shared: batcher.Batcher | None = None
    pool: ThreadPoolExecutor | None = None

    def close(self) -> None:
        if self.shared:
            self.shared.close()
        if self.pool:
            self.pool.shutdown(wait=True)
        self.runner.close()


def _new_runner(kind: str) -> runners.Runner:
    found = runners.kinds().get(kind)
    if found is None:
        raise runners.BadModelFile(f"there is no runner {kind!r} here", fix=f"use one of {', '.join(runners.kinds())}")
    module, name = found.split(":")
    made: runners.Runner = getattr(importlib.import_module(module), name)()
    return made


def _load_runner(runner: runners.Runner, path: Path, **options: object) -> None:
    """A runner may leave out the options it does not need."""
    known = inspect.signature(runner.load).parameters
    load: Callable[..., None] = runner.load
    load(path, **{name: value for name, value in options.items() if name in known})
