"""Periodic background work of one process: small, idempotent functions on a single thread, and rounds aside of it.

Where several servers share a database, each does what is its own; a round is done by one of them (see `leases`).
"""

import contextvars
import functools
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from shuyuan.kernel import inhand, log
from shuyuan.kernel import leases as kernel_leases

ASK_EVERY_S = 60.0  # how often one of several servers asks whether a round is due
GRACE_S = 2.0  # for a round to come to the end of its member when everything stops
_logger = log.get("kernel.jobs")
_aside: "contextvars.ContextVar[Aside | None]" = contextvars.ContextVar("aside", default=None)


def is_stopping() -> bool:
    """Whether the work in hand shall end at its next step: it goes on aside, and everything stops. Elsewhere False."""
    aside = _aside.get()
    return aside is not None and aside.is_stopping


@dataclass
class _Periodic:
    name: str
    every_s: float
    work: Callable[[], object]
    due_at: float = field(default=0.0)


class Scheduler:
    """Runs each function every `every_s` seconds. A failure is logged and tried again at the next turn."""

    def __init__(self, leases: kernel_leases.Leases | None = None) -> None:
        """leases: None where no other server works on this database."""
        self._leases = leases
        self._jobs: list[_Periodic] = []
        self._asides: list[Aside] = []
        self.in_hand = inhand.InHand()  # what rounds are at, and what somebody asked for
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def every(
        self,
        every_s: float,
        name: str,
        work: Callable[[], object],
        *,
        first_s: float | None = None,
        alone: bool = False,
    ) -> None:
        """Register work; the first run comes `first_s` from now, else one period.

        alone: on one server of the database at a time, and not again within the period on another.
        """
        due_at = time.monotonic() + (every_s if first_s is None else first_s)
        if alone:
            every_s, work = self._alone(every_s, name, work)
        self._jobs.append(_Periodic(name, every_s, work, due_at))

    def round(
        self,
        every_s: float,
        name: str,
        members: Callable[[], Iterable[str]],
        work: Callable[[str], object],
        *,
        first_s: float | None = None,
        aside: "Aside | None" = None,
    ) -> None:
        """Register work for one after the other of `members` (schools, say), as `Round` does it: alone.

        aside: a thread it shares with other work.
        """
        aside = aside or self.aside(name)
        ask_s, go = self._alone(every_s, name, Round(name, members, work, aside, self.in_hand).go)
        self.every(ask_s, name, functools.partial(aside.begin, go), first_s=every_s if first_s is None else first_s)

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

    def _alone(self, every_s: float, name: str, work: Callable[[], object]) -> tuple[float, Callable[[], object]]:
        """How often to call what, so that of several servers one does it."""
        if self._leases is None:
            return every_s, work
        return min(every_s, ASK_EVERY_S), functools.partial(self._leases.run, name, every_s, work)

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
            thread = threading.Thread(target=self._do, args=(work,), name=f"shuyuan-{self._name}", daemon=True)
            thread.start()
            self._thread = thread
        return True

    def ends_within(self, seconds: float) -> bool:
        """Wait for the work in hand, if any; False when it takes longer."""
        if self._thread is not None:
            self._thread.join(seconds)
        return not self.is_working

    def _do(self, work: Callable[[], object]) -> None:
        _aside.set(self)  # a thread has a context of its own
        try:
            work()
        except Exception as failure:
            _logger.error("job_failed", job=self._name, error=repr(failure))


class Round:
    """Work on one member after the other, aside. What fails is logged, and the next member has its turn.

    in_hand: where it is seen what the round is at; a member that somebody else is at is passed over."""

    def __init__(
        self,
        name: str,
        members: Callable[[], Iterable[str]],
        work: Callable[[str], object],
        aside: Aside,
        in_hand: inhand.InHand | None = None,
    ) -> None:
        self._name, self._members, self._work, self._aside = name, members, work, aside
        self._in_hand = in_hand or inhand.InHand()

    def go(self) -> bool:
        """Once round; False when it stopped on the way. Raises what `members` raises."""
        for one in self._members():
            if self._aside.is_stopping:
                return False
            with self._in_hand.take(self._name, one) as free:
                if free:
                    self._one(one)
        return not self._aside.is_stopping

    def _one(self, member: str) -> None:
        try:
            self._work(member)
        except Exception as failure:
            _logger.error("job_failed", job=self._name, member=member, error=repr(failure))


def _run_one(job: _Periodic) -> None:
    try:
        job.work()
    except Exception as failure:
        _logger.error("job_failed", job=job.name, error=repr(failure))
    job.due_at = time.monotonic() + job.every_s
