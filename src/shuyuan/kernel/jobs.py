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
        self._asides: list[Aside] = []
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
        self.every(every_s, name, Round(name, members, work, self.aside(name)).begin, first_s=first_s)

    def aside(self, name: str) -> "Aside":
        """A thread for work that takes minutes; it is asked to stop, and waited for a moment, when everything stops."""
        self._asides.append(Aside(name, self._stop))
        return self._asides[-1]

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="shuyuan-jobs", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop after the function in hand; what goes on aside stops between two members, or is left behind."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        for one in self._asides:
            one.ends_within(GRACE_S)

    def _run(self) -> None:
        while not self._stop.wait(0.5):
            for job in self._jobs:
                if time.monotonic() >= job.due_at and not self._stop.is_set():
                    _run_one(job)


class Aside:
    """Work on a thread of its own, never twice at a time: what takes minutes holds up nobody else's work.

    The thread ends with the process: every step of the work can be lost.
    """

    def __init__(self, name: str, stop: threading.Event) -> None:
        self._name, self._stop = name, stop
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def is_stopping(self) -> bool:
        """Whether everything stops: the work in hand ends at its next step."""
        return self._stop.is_set()

    @property
    def is_working(self) -> bool:
        """Whether it is at it."""
        return self._thread is not None and self._thread.is_alive()

    def begin(self, work: Callable[[], object]) -> bool:
        """Unless it is still at it; whether it began. A failure is logged."""
        with self._lock:
            if self.is_working or self.is_stopping:
                return False
            self._thread = threading.Thread(target=self._do, args=(work,), name=f"shuyuan-{self._name}", daemon=True)
            self._thread.start()
        return True

    def ends_within(self, seconds: float) -> bool:
        """Wait for the work in hand, if any; False when it takes longer."""
        if self._thread is not None:
            self._thread.join(seconds)
        return not self.is_working

    def _do(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as failure:
            _logger.error("job_failed", job=self._name, error=repr(failure))


class Round:
    """Work on one member after the other, aside. What fails is logged, and the next member has its turn."""

    def __init__(
        self, name: str, members: Callable[[], Iterable[str]], work: Callable[[str], object], aside: Aside
    ) -> None:
        self._name, self._members, self._work, self._aside = name, members, work, aside

    def begin(self) -> None:
        """Unless it is still at it."""
        self._aside.begin(self.go)

    def go(self) -> None:
        """Once round. Raises what `members` raises."""
        for one in self._members():
            if self._aside.is_stopping:
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
