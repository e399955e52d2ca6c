"""How often and how soon a model that failed is tried again, and how many threads a replica gets."""

import asyncio
import os

from shuyuan.maas.serving import interface

_LONGEST_PAUSE_S = 30.0
_PATIENCE_S = 2.0  # callers wait this long for the next start; above it they are told to come back
_GIVE_UP_AFTER = 5  # failures in a row after which only a call starts the worker again


class Attempts:
    """Failures in a row. The first is tried again at once, then after 0.5 s, doubling, up to 30 s."""

    def __init__(self) -> None:
        self.failures, self._not_before = 0, 0.0

    @property
    def exhausted(self) -> bool:
        """Too many: wait for somebody to ask."""
        return self.failures >= _GIVE_UP_AFTER

    def failed(self) -> None:
        """One more."""
        self.failures += 1
        pause_s = 0.0 if self.failures == 1 else min(_LONGEST_PAUSE_S, 0.5 * 2 ** (self.failures - 2))
        self._not_before = asyncio.get_running_loop().time() + pause_s

    def succeeded(self) -> None:
        """An answer came: it works."""
        self.failures = 0

    def pause_left_s(self) -> float:
        """Until the next try may begin."""
        return max(0.0, self._not_before - asyncio.get_running_loop().time())

    async def pause(self, model: str, reason: str) -> None:
        """Wait for the next try. Raises LoadFailed when that is further away than callers have patience."""
        if self.pause_left_s() > _PATIENCE_S:
            raise self.error(model, reason)
        await asyncio.sleep(self.pause_left_s())

    def error(self, model: str, reason: str) -> interface.LoadFailed:
        """What callers hear."""
        wait_s = max(0.1, self.pause_left_s())
        return interface.LoadFailed(
            f"model {model!r} is not running: {reason}",
            fix=f"it is tried again in {wait_s:.1f} s",
            retry_after_s=wait_s,
        )


def threads_each(replicas: int) -> int:
    """Threads of one of several replicas, so that together they use each core this process may use once."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // replicas)
