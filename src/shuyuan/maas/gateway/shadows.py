"""What runs in the shadow of a call: a few at once, nobody waiting for them; and whether it answered alike."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shuyuan.kernel import log

AT_ONCE, WAITING = 2, 8
_NEAR, _COSINE = 0.01, 0.99
_logger = log.get("gateway.shadows")
Tensors = Mapping[str, NDArray[np.generic]]


class Shadows:
    """A few at once, a few that wait; more are not begun."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn: tuple[asyncio.AbstractEventLoop, asyncio.Semaphore] | None = None

    def begin(self, run: Callable[[], Awaitable[None]]) -> None:
        if len(self._tasks) >= AT_ONCE + WAITING:
            return
        loop = asyncio.get_running_loop()
        if self._turn is None or self._turn[0] is not loop:
            self._turn = loop, asyncio.Semaphore(AT_ONCE)
        turn = self._turn[1]

        async def in_turn() -> None:
            async with turn:
                await run()

        task = loop.create_task(in_turn())
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            _logger.error("shadow_broke", error=repr(failure))


def same_tensors(one: Tensors, other: Tensors) -> bool:
    """Whether two answers say the same: the same class in every row, or numbers within one per cent."""
    if set(one) != set(other):
        return False
    return all(_same(one[name], other[name]) for name in one)


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:  # Any: of any kind
    if one.shape != other.shape:
        return False
    if one.dtype.kind == "f" and one.ndim == 2 and one.shape[1] > 1:
        return bool((one.argmax(1) == other.argmax(1)).all())
    if one.dtype.kind == "f":
        return bool(np.allclose(one, other, rtol=_NEAR, atol=_NEAR * float(np.abs(one).max(initial=0.0))))
    return bool((one == other).all())


def same_meaning(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Whether each pair of unit vectors points the same way."""
    return one.shape == other.shape and bool((np.einsum("ij,ij->i", one, other) >= _COSINE).all())
