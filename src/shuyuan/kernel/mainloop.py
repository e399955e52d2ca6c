"""The loop that answers requests, for threads that need something done on it."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from shuyuan.kernel import errors

_T = TypeVar("_T")


class MainLoop:
    """One of a process; without a server there is none."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0

    def open(self) -> None:
        """The running loop is it."""
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()

    def run(self, work: Coroutine[Any, Any, _T], *, within_s: float) -> _T:  # Any: what it sends and takes
        """What it comes to; called from another thread. Raises Unavailable without a loop, TimeoutError when late."""
        if self._loop is None or not self._loop.is_running():
            work.close()
            raise errors.Unavailable("no server runs in this process", fix="start one: shuyuan up")
        if threading.get_ident() == self._thread:
            work.close()
            raise RuntimeError("run() on the loop itself would wait for itself: await the coroutine instead")
        running = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return running.result(within_s)
        except concurrent.futures.CancelledError as ended:
            raise errors.Unavailable("the server stops", fix="try again when it has started") from ended
        except TimeoutError:
            running.cancel()
            raise
