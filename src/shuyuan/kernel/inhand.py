"""What is being worked on in this process, by name and owner: nothing is done twice at a time for the same school."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from shuyuan.kernel import clock as kernel_clock


class InHand:
    """Whoever takes a piece of work has it until they are done, and nobody waits for them."""

    def __init__(self, clock: kernel_clock.Clock = kernel_clock.now) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._since: dict[tuple[str, str], datetime] = {}

    @contextmanager
    def take(self, name: str, owner: str) -> Iterator[bool]:
        """Whether nobody was at it: then it is the caller's for as long as the block goes on. owner: a school, say."""
        key = name, owner
        with self._lock:
            free = key not in self._since
            if free:
                self._since[key] = self._clock()
        try:
            yield free
        finally:
            if free:
                with self._lock:
                    del self._since[key]

    def since(self, name: str, owner: str) -> datetime | None:
        """Since when somebody is at it; None: nobody is."""
        with self._lock:
            return self._since.get((name, owner))
