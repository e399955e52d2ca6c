"""What this process has counted, by canary, part and stretch of time. Thread-safe; costs a microsecond a call."""

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from shuyuan.maas.deployment.bounds import Counts

STRETCHES = 8  # a window is so many buckets: old ones fall out whole
_LEAST_S = 1e-6


class Key(NamedTuple):
    """What is counted together."""

    school_id: str
    started: str
    part: str
    version: int
    bucket: int


@dataclass(slots=True)
class Tally:
    """Sums of one bucket."""

    COLUMNS: ClassVar[tuple[str, ...]] = ("calls", "errors", "log_sum", "log_squares", "compared", "agreed")

    calls: int = 0
    errors: int = 0
    log_sum: float = 0.0
    log_squares: float = 0.0
    compared: int = 0
    agreed: int = 0

    def add(self, ok: bool, latency_s: float, agreed: bool | None = None) -> None:
        self.calls += 1
        if not ok:
            self.errors += 1
            return
        logarithm = math.log(max(latency_s, _LEAST_S))
        self.log_sum += logarithm
        self.log_squares += logarithm * logarithm
        self.compared += agreed is not None
        self.agreed += bool(agreed)

    def columns(self) -> dict[str, float]:
        """As they stand in the database."""
        return {name: getattr(self, name) for name in self.COLUMNS}


class Tallies:
    """All of this process. What was written stays here until its bucket is over: it is written again whole."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: dict[Key, Tally] = {}
        self._dirty: set[Key] = set()

    def add(self, key: Key, ok: bool, latency_s: float, agreed: bool | None = None) -> None:
        """One call."""
        with self._lock:
            tally = self._sums.get(key)
            if tally is None:
                tally = self._sums[key] = Tally()
            tally.add(ok, latency_s, agreed)
            self._dirty.add(key)

    def taken(self) -> Mapping[Key, Tally]:
        """Copies of what changed since the last time."""
        with self._lock:
            found = {
                key: Tally(**{name: getattr(self._sums[key], name) for name in Tally.COLUMNS}) for key in self._dirty
            }
            self._dirty.clear()
            return found

    def put_back(self, keys: Mapping[Key, Tally]) -> None:
        """They could not be written: next time again."""
        with self._lock:
            self._dirty |= {key for key in keys if key in self._sums}

    def keep(self, running: Mapping[str, int]) -> None:
        """Forget what is over. running: canary → its oldest bucket that is still filled."""
        with self._lock:
            over = [
                key
                for key in self._sums
                if key not in self._dirty and key.bucket < running.get(key.started, key.bucket + 1)
            ]
            for key in over:
                del self._sums[key]


def counts_of(row: object) -> Counts:
    """Sums of a query's row as counts."""
    return Counts(*(getattr(row, name) or 0 for name in ("calls", "errors", "log_sum", "log_squares")))
