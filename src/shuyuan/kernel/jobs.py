"""Periodic background work of one process: small, idempotent functions on a single thread, and rounds aside of it."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from shuyuan.kernel import log

GRACE_S = 2.0  # for a round to come to the end of its member when everything stops
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
        self._rounds: list[Round] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def every(self, every_s: float, name: str, work: Callable[[], object], *, first_s: float | None = None) -> None:
        """Register work; the first run comes `first_s` from now, else one period."""
        due_at = time.monotonic() + (every_s if first_s is None else first_s)
        self._jobs.append(_Periodic(name, every_s, work, due_at))

    def round(
        self,
        every_s: float,
        name: str,
        members: Callable[[], Iterable[str]],
        work: Callable[[str], object],
        *,
        first_s: float | None = None,
    ) -> None:
        """Register work for one after the other of `members` (schools, say), as `Round` does it."""
        self._rounds.append(Round(name, members, work, self._stop))
        self.every(every_s, name, self._rounds[-1].begin, first_s=first_s)

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="shuyuan-jobs", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop after the function in hand; rounds stop between two members, and are not waited for any longer."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        for one in self._rounds:
            one.ends_within(GRACE_S)

    def _run(self) -> None:
        while not self._stop.wait(0.5):
            for job in self._jobs:
                if time.monotonic() >= job.due_at and not self._stop.is_set():
                    _run_one(job)


class Round:
    """Work on one member after the other, on a thread of its own: what takes minutes holds up nobody else's work.

    Never twice at a time. What fails is logged, and the next member has its turn. The thread ends with the process:
    every step of it can be lost.
    """

    def __init__(
        self, name: str, members: Callable[[], Iterable[str]], work: Callable[[str], object], stop: threading.Event
    ) -> None:
        self._name, self._members, self._work, self._stop = name, members, work, stop
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Unless it is still at it."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self.go, name=f"shuyuan-{self._name}", daemon=True)
            self._thread.start()

    def ends_within(self, seconds: float) -> bool:
        """Wait for the one that goes round, if any; False when it takes longer."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    def go(self) -> None:
        """Once round."""
        try:
            members = list(self._members())
        except Exception as failure:
            _logger.error("job_failed", job=self._name, error=repr(failure))
            return
        for one in members:
            if self._stop.is_set():
                return
            try:
                self._work(one)
            except Exception as failure:
                _logger.error("job_failed", job=self._name, member=one, error=repr(failure))


def _run_one(job: _Periodic) -> None:
    try:
        job.work()
    except Exception as failure:
        _logger.error("job_failed", job=job.name, error=repr(failure))
    job.due_at = time.monotonic() + job.every_s
