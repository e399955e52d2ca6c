"""The parent's side of the grader child: start it lazily, ask, time out, kill, start again.

One child per process, one question at a time, safe from many threads. The child gets a clean environment.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, cast

from shuyuan.learning.courses import interface
from shuyuan.learning.courses.grading import child, equivalence

TIMEOUT_S = 1.0
START_TIMEOUT_S = 10.0
_SOURCE_ROOT = Path(__file__).resolve().parents[4]


class _Lost(Exception):
    """The child died, hung or spoke nonsense."""


class Sandbox:
    """A persistent grader child. `ask` raises GraderUnavailable after one restart in vain."""

    def __init__(self, command: tuple[str, ...] | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self._command = command or (sys.executable, "-S", "-P", "-m", child.__name__)
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self.restarts = 0

    def ask(self, request: Mapping[str, object]) -> equivalence.Judgement:
        message = json.dumps(request).encode()
        with self._lock:
            try:
                return self._exchange(message)
            except _Lost:
                self.restarts += 1
            try:
                return self._exchange(message)
            except _Lost as lost:
                raise interface.GraderUnavailable(
                    f"the grader did not answer within {self._timeout_s} s", fix="send the answer again"
                ) from lost

    def close(self) -> None:
        with self._lock:
            self._stop()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def _exchange(self, message: bytes) -> equivalence.Judgement:
        process, fresh = self._running()
        deadline = time.monotonic() + (START_TIMEOUT_S if fresh else self._timeout_s)
        try:
            child.write(cast("IO[bytes]", process.stdin), message)  # type: ignore[arg-type]
            reply = _read(cast("IO[bytes]", process.stdout).fileno(), deadline)
            return cast(equivalence.Judgement, json.loads(reply))
        except (OSError, ValueError, TimeoutError, EOFError) as error:
            self._stop()
            raise _Lost from error

    def _running(self) -> tuple[subprocess.Popen[bytes], bool]:
        """The child and whether it was started just now. A forked process starts its own."""
        if self._process and self._owner == os.getpid() and self._process.poll() is None:
            return self._process, False
        self._stop()  # a child that died by itself, or the parent's in a forked process, leaves open pipes
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONPATH": str(_SOURCE_ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
            bufsize=0,
        )
        self._owner = os.getpid()
        atexit.register(self.close)
        return self._process, True

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        atexit.unregister(self.close)
        if self._owner == os.getpid():
            process.kill()
            process.wait()
        else:
            process.returncode = 0  # another process's child: not ours to wait for
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()


def _read(descriptor: int, deadline: float) -> bytes:
    (size,) = child.HEADER.unpack(_read_exactly(descriptor, child.HEADER.size, deadline))
    if size > child.MAX_MESSAGE_BYTES:
        raise ValueError(f"a reply of {size} bytes")
    return _read_exactly(descriptor, size, deadline)


def _read_exactly(descriptor: int, size: int, deadline: float) -> bytes:
    """Wait with poll, not select: select fails on descriptors over 1023."""
    poller = select.poll()
    poller.register(descriptor, select.POLLIN | select.POLLHUP)
    received = b""
    while len(received) < size:
        if not poller.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise TimeoutError
        chunk = os.read(descriptor, size - len(received))
        if not chunk:
            raise EOFError
        received += chunk
    return received
