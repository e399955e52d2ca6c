"""An event loop in a thread of its own, for runners that are asked from threads but wait for a network."""

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, Coroutine, Iterator
from contextlib import aclosing
from typing import Any

from shuyuan.maas.runners import interface

_LOOK_S = 0.05  # how often a waiting answer looks at `cancelled`
_Said = interface.Chunk | BaseException


class OwnLoop:
    """Started when made."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="own loop")
        self._thread.start()

    def iterate(
        self, answer: AsyncGenerator[interface.Chunk, None], cancelled: interface.Cancellation
    ) -> Iterator[interface.Chunk]:
        """The chunks of an answer; the last says `cancelled` once that is set. Closing this closes the answer."""
        arrived: queue.SimpleQueue[_Said] = queue.SimpleQueue()
        asking = asyncio.run_coroutine_threadsafe(_put_all(answer, arrived), self._loop)
        usage = interface.Usage(prompt_tokens=0)
        try:
            while not cancelled.is_set():
                try:
                    said = arrived.get(timeout=_LOOK_S)
                except queue.Empty:
                    continue
                if isinstance(said, BaseException):
                    raise said
                usage = said.usage or usage
                yield said
                if said.finish_reason:
                    return
        finally:
            asking.cancel()
        yield interface.Chunk(finish_reason="cancelled", usage=usage)

    def close(self, last: Coroutine[Any, Any, None]) -> None:
        """Run `last` on the loop, then end it."""
        asyncio.run_coroutine_threadsafe(last, self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _put_all(answer: AsyncGenerator[interface.Chunk, None], arrived: "queue.SimpleQueue[_Said]") -> None:
    try:
        async with aclosing(answer) as chunks:
            async for chunk in chunks:
                arrived.put(chunk)
    except Exception as wrong:  # handed to the reader, which raises it
        arrived.put(wrong)
