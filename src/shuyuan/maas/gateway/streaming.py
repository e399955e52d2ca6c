"""Server-sent events whose source is closed as soon as the reader leaves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import ClassVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shuyuan.kernel import errors
from shuyuan.maas.gateway import wire


class ClientGone(errors.ShuyuanError):
    """Nobody reads any more; the answer to this error goes nowhere."""

    status: ClassVar[int] = 499
    code: ClassVar[str] = "client_gone"


@asynccontextmanager
async def while_reading(receive: Receive) -> AsyncIterator[None]:
    """Cancel the body, in its own task, once the client disconnects; raises ClientGone then."""
    me, gone = asyncio.current_task(), False
    watcher: asyncio.Task[None] | None = None
    assert me is not None

    async def watch() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        me.cancel()

    def start() -> None:
        nonlocal watcher
        watcher = asyncio.create_task(watch())

    starting = asyncio.get_running_loop().call_soon(start)  # what is refused at once needs nobody to watch
    try:
        yield
    except asyncio.CancelledError:
        if gone and me.uncancel() == 0:
            raise ClientGone("the client left before the answer was complete") from None
        raise
    finally:
        starting.cancel()
        if watcher is not None:
            watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watcher


class EventStream(Response):
    """Sends events, then closes `held` (the model call, the disconnect watch) whatever happened.

    An expected error in the middle is told as a last event `{"error": …}`, as OpenAI clients read it.
    """

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], held: AsyncExitStack, headers: Mapping[str, str]) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no", **headers})
        del self.headers["content-length"]
        self._events, self._held = events, held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        last = b""
        try:
            async with self._held:
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                async for event in self._events:
                    await send({"type": "http.response.body", "body": event, "more_body": True})
        except ClientGone:
            return
        except errors.ShuyuanError as failure:
            last = wire.event(wire.error_body(failure, failure.status))
        await send({"type": "http.response.body", "body": last, "more_body": False})
