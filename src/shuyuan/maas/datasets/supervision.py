"""Starts the child process of a work, waits for it, and reads what it says. One work at a time; the others wait."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from shuyuan.kernel import children, log
from shuyuan.maas.datasets import folder, interface
from shuyuan.maas.datasets.pool import raised

_logger = log.get("datasets.supervision")
_TAIL_CHARS = 2000


class Cancelled(Exception):
    """Somebody stopped it."""


class Supervision:
    """The children of this process."""

    def __init__(self) -> None:
        self._line = ThreadPoolExecutor(1, thread_name_prefix="shuyuan-datasets")
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._stopped: set[str] = set()
        self._lock = threading.Lock()
        self._closed = False

    def start(self, work_id: str, job: Callable[[], None]) -> None:
        """Run `job` when it is its turn."""
        self._line.submit(_quietly, work_id, job)

    def run(self, work_id: str, home: Path, key: str = "") -> folder.Json:
        """The child on a folder. Raises what it told, Cancelled, or BadData for a crash."""
        with self._lock:
            if work_id in self._stopped or self._closed:
                raise Cancelled
            with (home / "log").open("wb") as out:
                child = subprocess.Popen(
                    [sys.executable, "-m", "shuyuan.maas.datasets.child", str(home)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=out,
                    env={**children.environment(), "OPENBLAS_NUM_THREADS": "1"},  # its matrices are small
                    start_new_session=True,  # one signal ends its pool as well, and Ctrl-C goes to the server alone
                )
            self._children[work_id] = child
        try:
            with contextlib.suppress(BrokenPipeError):
                child.communicate(key.encode() + b"\n")
        finally:
            with self._lock:
                del self._children[work_id]
        return self._outcome(work_id, home, child.returncode)

    def stop(self, work_id: str) -> None:
        """End its child, and let it not begin."""
        with self._lock:
            self._stopped.add(work_id)
            child = self._children.get(work_id)
            if child is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)

    def close(self) -> None:
        """End every child; what had not ended is taken up by the next process."""
        with self._lock:
            self._closed = True
            running = list(self._children)
        for work_id in running:
            self.stop(work_id)
        self._line.shutdown(cancel_futures=True)

    @property
    def closed(self) -> bool:
        """Whether this process is ending."""
        return self._closed

    def _outcome(self, work_id: str, home: Path, code: int) -> folder.Json:
        if work_id in self._stopped:
            raise Cancelled
        result = folder.read(home / folder.RESULT) if code == 0 else None
        if result is not None:
            return result
        if code == folder.BAD_INPUT and (said := folder.read(home / folder.ERROR) or _last_line(home)):
            raise raised(said)
        _logger.error("work_crashed", work_id=work_id, code=code, tail=_tail(home))
        died = f"signal {-code}" if code < 0 else f"code {code}"
        raise interface.BadData(
            f"the work ended with {died} before it was finished", fix="send smaller data; the log says more"
        )


def remove(home: Path) -> None:
    """A folder, whatever lies in it."""
    shutil.rmtree(home, ignore_errors=True)


def _quietly(work_id: str, job: Callable[[], None]) -> None:
    try:
        job()
    except Exception as defect:
        _logger.error("work_failed", work_id=work_id, error=repr(defect))


def _tail(home: Path) -> str:
    with contextlib.suppress(OSError):
        return (home / "log").read_text("utf-8", "replace")[-_TAIL_CHARS:]
    return ""


def _last_line(home: Path) -> folder.Json | None:
    """What it said where error.json found no room."""
    said = _tail(home).strip().splitlines()
    with contextlib.suppress(ValueError, IndexError):
        found = json.loads(said[-1])
        return found if isinstance(found, dict) else None
    return None
