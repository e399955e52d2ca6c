"""Periodic background work of one process: small, idempotent functions on a single thread."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from shuyuan.kernel import log

_logger = log.get("kernel.jobs")


@dataclass
class _Periodic:
    name: str
    every_s: float
    work: Callable[[], object]
    due_at: float = field(default=0.0)


class Scheduler:
    """Runs each function every `every_s` seconds. A failure is logged and tried again at the next turn."""

    def __init__(self) -> None:
        self._jobs: list[_Periodic] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def every(self, every_s: float, name: str, work: Callable[[], object]) -> None:
        """Register work; the first run comes one period after `start`."""
        self._jobs.append(_Periodic(name, every_s, work, time.monotonic() + every_s))

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="shuyuan-jobs", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop after the function in hand."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.5):
            for job in self._jobs:
                if time.monotonic() >= job.due_at and not self._stop.is_set():
                    _run_one(job)


def _run_one(job: _Periodic) -> None:
    try:
        job.work()
    except Exception as failure:
        _logger.error("job_failed", job=job.name, error=repr(failure))
    job.due_at = time.monotonic() + job.every_s
