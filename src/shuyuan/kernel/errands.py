"""Work that somebody asked for and that may take minutes: done aside of the request, and what it came to is kept.

One at a time for each name and owner (a school, say), among them what is done by itself at night: both take work from
the same place (`inhand`). In memory only: what was under way when a process ended is to be asked for again.
"""

import contextlib
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from shuyuan.kernel import clock as kernel_clock
from shuyuan.kernel import errors, jobs, log

_logger = log.get("kernel.errands")


@dataclass(frozen=True)
class Errand:
    """One that has ended. came_to: what its work returned; failure: why it returned nothing."""

    ended_at: datetime
    came_to: object = None
    failure: errors.ShuyuanError | None = None


class Errands:
    """Of one process."""

    def __init__(self, scheduler: jobs.Scheduler, *, clock: kernel_clock.Clock = kernel_clock.now) -> None:
        self._scheduler, self._clock, self._lock = scheduler, clock, threading.Lock()
        self._asides: dict[tuple[str, str], jobs.Aside] = {}
        self._ended: dict[tuple[str, str], Errand] = {}

    def begin(self, name: str, owner: str, work: Callable[[], object]) -> bool:
        """Unless somebody is at it already, or everything stops; whether it began. `since` and `last` tell of it."""
        key = name, owner
        with self._lock, contextlib.ExitStack() as held:
            if not held.enter_context(self.take(name, owner)):
                return False
            if key not in self._asides:
                self._asides[key] = self._scheduler.aside(name)
            self._asides[key].ends_within(jobs.GRACE_S)  # the one before is done, and its thread about to be
            self._ended.pop(key, None)
            taken, began = held.pop_all(), False
            try:
                began = self._asides[key].begin(lambda: self._do(key, work, taken))
            finally:
                if not began:
                    taken.close()
        return began

    def take(self, name: str, owner: str) -> AbstractContextManager[bool]:
        """For work that is done within the request: see `InHand.take`."""
        return self._scheduler.in_hand.take(name, owner)

    def since(self, name: str, owner: str) -> datetime | None:
        """Since when somebody is at it, by hand or by night; None: nobody is."""
        return self._scheduler.in_hand.since(name, owner)

    def last(self, name: str, owner: str) -> Errand | None:
        """What the last one asked for here came to; None: there was none, or it is under way."""
        return self._ended.get((name, owner))

    def ended(self, name: str, owner: str, within_s: float) -> Errand | None:
        """The same, waited for a moment: many are done sooner than a person looks for them."""
        aside = self._asides.get((name, owner))
        return self.last(name, owner) if aside is None or aside.ends_within(within_s) else None

    def _do(self, key: tuple[str, str], work: Callable[[], object], taken: contextlib.ExitStack) -> None:
        with taken:
            try:
                came_to = work()
                ended = Errand(self._clock(), came_to)
            except errors.ShuyuanError as failure:
                ended = Errand(self._clock(), failure=failure)
            except Exception as defect:
                _logger.error("errand_failed", errand=key[0], owner=key[1], error=repr(defect))
                fix = "ask again; if it goes on, the server's log says why: errand_failed"
                ended = Errand(self._clock(), failure=errors.Unavailable("it broke off by a defect", fix=fix))
            self._ended[key] = ended
