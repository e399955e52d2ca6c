"""Inside the worker process: load runners by dotted name and answer frames until the socket closes.

A model library is imported only here and only when a model needs it. When the server goes away, by
whatever means, the socket closes and the worker ends: nothing is left behind.
"""

import contextlib
import importlib
import os
import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from shuyuan.maas.runners import interface as runners
from shuyuan.maas.serving import memory, wire


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
        self._models: dict[str, runners.Runner] = {}
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._cancels: dict[int, threading.Event] = {}

    def run(self) -> None:
        """Read frames until the socket closes. Raises BrokenFrame."""
        handlers: dict[str, Callable[[wire.Frame], None]] = {
            "load": self._on_load,
            "submit": self._on_submit,
            "cancel": self._on_cancel,
            "unload": self._on_unload,
        }
        while (frame := wire.receive(self._connection)) is not None:
            handlers[str(frame["op"])](frame)

    def _send(self, frame: wire.Frame) -> None:
        data = wire.encode(frame)
        with self._sending:
            self._connection.sendall(data)

    def _on_load(self, frame: wire.Frame) -> None:
        threading.Thread(target=self._load, args=(frame,), daemon=True).start()

    def _load(self, frame: wire.Frame) -> None:
        model = str(frame["model"])
        try:
            runner = _new_runner(str(frame["runner"]))
            runner.load(Path(str(frame["path"])), context_tokens=int(str(frame["context_tokens"])))
        except Exception as wrong:  # reported to the server, which decides
            self._send({"op": "failed", "model": model, "error": wire.error_to_dict(wrong)})
            return
        self._models[model] = runner
        self._pools[model] = ThreadPoolExecutor(runner.slots, thread_name_prefix=model)
        self._send(
            {
                "op": "loaded",
                "model": model,
                "slots": runner.slots,
                "load_s": runner.stats().load_s,
                "rss_bytes": memory.rss_bytes(),
            }
        )

    def _on_submit(self, frame: wire.Frame) -> None:
        request, model = int(str(frame["id"])), str(frame["model"])
        self._cancels[request] = threading.Event()
        self._pools[model].submit(self._answer, request, model, frame)

    def _answer(self, request: int, model: str, frame: wire.Frame) -> None:
        payload = frame["payload"]
        try:
            if not isinstance(payload, dict):
                raise runners.BadPayload("a payload must be a map", fix="send a map")
            chunks = self._models[model].submit(str(frame["task"]), payload, self._cancels[request])
            for chunk in chunks:
                self._send(wire.chunk_to_frame(request, chunk) | {"rss_bytes": _rss_at_end(chunk)})
        except OSError:  # the server is gone; `run` ends the process
            return
        except Exception as wrong:  # a bad request must not end the worker
            self._send({"op": "error", "id": request, "error": wire.error_to_dict(wrong)})
        finally:
            self._cancels.pop(request, None)

    def _on_cancel(self, frame: wire.Frame) -> None:
        if cancelled := self._cancels.get(int(str(frame["id"]))):
            cancelled.set()

    def _on_unload(self, frame: wire.Frame) -> None:
        model = str(frame["model"])
        if pool := self._pools.pop(model, None):
            pool.shutdown(wait=True)
        if runner := self._models.pop(model, None):
            runner.close()
        self._send({"op": "unloaded", "model": model, "rss_bytes": memory.rss_bytes()})


def _new_runner(kind: str) -> runners.Runner:
    module, name = runners.RUNNERS[kind].split(":")
    made: runners.Runner = getattr(importlib.import_module(module), name)()
    return made


def _rss_at_end(chunk: runners.Chunk) -> int:
    return memory.rss_bytes() if chunk.finish_reason else 0
