"""Threads that need something done on the loop of the server."""

import asyncio

import pytest

from shuyuan.kernel import errors
from shuyuan.kernel.mainloop import MainLoop


async def _after(seconds: float, ended: list[str]) -> int:
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        ended.append("cancelled")
        raise
    return 7


def test_a_thread_gets_what_was_done_on_the_loop_and_what_is_late_is_cancelled() -> None:
    ended: list[str] = []

    async def serve() -> int:
        loop = MainLoop()
        loop.open()
        with pytest.raises(RuntimeError, match="would wait for itself"):
            loop.run(_after(0, ended), within_s=1)
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(loop.run, _after(60, ended), within_s=0.01)
        while not ended:
            await asyncio.sleep(0)
        return await asyncio.to_thread(loop.run, _after(0, ended), within_s=30)

    assert asyncio.run(serve()) == 7
    assert ended == ["cancelled"]


def test_without_a_server_there_is_no_loop_and_nothing_is_left_unawaited() -> None:
    loop = MainLoop()
    with pytest.raises(errors.Unavailable, match="no server runs"):
        loop.run(_after(0, []), within_s=1)

    async def serve() -> None:
        loop.open()

    asyncio.run(serve())  # it has ended by now
    with pytest.raises(errors.Unavailable, match="no server runs"):
        loop.run(_after(0, []), within_s=1)
