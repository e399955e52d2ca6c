"""What `/v1/chat/completions` and `/v1/completions` share: for whom an answer is, and how it is sent."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, Protocol, TypeVar

from fastapi import Request, Response

from shuyuan.identity.interface import Principal
from shuyuan.maas.gateway import interface, streaming, wire
from shuyuan.maas.gateway.routes import common
from shuyuan.maas.gateway.text import screening
from shuyuan.maas.gateway.text.answering import Answer

B = TypeVar("B")
BAND_HEADER = "x-shuyuan-age-band"


class Shape(Protocol):
    """An answer as one client reads it: whole, or event by event."""

    def add(self, delta: interface.Delta) -> None: ...
    def whole(self) -> dict[str, Any]: ...  # Any: JSON
    def opening(self) -> bytes: ...
    def event(self, delta: interface.Delta) -> bytes: ...
    def closing(self) -> bytes: ...


def band_of(request: Request, principal: Principal, asked: interface.Band | None) -> interface.Band:
    """The age band of a request: the caller's, unless the header or the body protects more. Raises Refused."""
    try:
        told = screening.read_band(request.headers.get(BAND_HEADER))
    except ValueError as wrong:
        raise wire.Refused(str(wrong), param=BAND_HEADER, fix="mend the header or leave it out") from wrong
    return screening.band_of(principal, min((b for b in (told, asked) if b), key=_ORDER.index, default=None))


async def send(
    request: Request,
    running: AbstractAsyncContextManager[Answer],
    shape: Callable[[interface.Receipt, B], Shape],
    body: B,
    *,
    stream: bool,
) -> Response:
    """Wait for the whole answer, or begin to stream it. Errors before any text are plain error answers."""
    async with AsyncExitStack() as held:
        await held.enter_async_context(streaming.while_reading(request.receive))
        answer = await held.enter_async_context(running)
        told = shape(answer.receipt, body)
        if not stream:
            async for delta in answer:
                told.add(delta)
            return common.answer(request, told.whole(), answer.receipt)
        deltas = aiter(answer)
        first = await anext(deltas)
        return streaming.EventStream(_events(told, first, deltas), held.pop_all(), common.headers(answer.receipt))


async def _events(told: Shape, first: interface.Delta, rest: AsyncIterator[interface.Delta]) -> AsyncIterator[bytes]:
    if opening := told.opening():
        yield opening
    if event := told.event(first):
        yield event
    async for delta in rest:
        if event := told.event(delta):
            yield event
    yield told.closing()


_ORDER: tuple[interface.Band, ...] = ("child", "teen", "adult")
