"""A running answer of one or several choices: engine chunks as deltas, noted on the booking as they come."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import cast

from shuyuan.identity.interface import Principal
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.gateway import desk as desks
from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.books import booking, quota
from shuyuan.maas.gateway.text import screening
from shuyuan.maas.gateway.watch import metrics
from shuyuan.maas.serving import interface as serving

Chunks = AsyncGenerator[serving.Chunk, None]
_MIN_COMPLETION_TOKENS = 16


class Answer:
    """Iterate once. age_band child or teen: text leaves by the sentence, checked; else as it comes."""

    def __init__(
        self,
        streams: Sequence[Chunks],
        call: booking.Booking,
        model: catalogue_api.Loadable,
        age_band: interface.Band | None = None,
    ) -> None:
        self._streams, self._call, self._model = streams, call, model
        self._band = age_band if age_band in ("child", "teen") else None
        self._usages = [interface.Usage(0)] * len(streams)
        self._called = [False] * len(streams)  # a tool, somewhere in this choice
        self._open = len(streams)
        self._reading: AsyncGenerator[interface.Delta, None] | None = None
        self._began = time.perf_counter()

    @property
    def receipt(self) -> interface.Receipt:
        """What is known of the call by now; its allowances are sure with the first piece."""
        return desks.receipt(self._call, self._model)

    def __aiter__(self) -> AsyncIterator[interface.Delta]:
        choices = [self._choice(index) for index in range(len(self._streams))]
        self._reading = choices[0] if len(choices) == 1 else _merged(choices)
        return self._reading

    async def aclose(self) -> None:
        """Stop what is being read, then what was never begun: the workers' work ends with it."""
        if self._reading is not None:
            await self._reading.aclose()
        for stream in self._streams:
            await stream.aclose()

    async def _choice(self, index: int) -> AsyncGenerator[interface.Delta, None]:
        guard = screening.Holdback(self._band) if self._band else None
        async with aclosing(self._streams[index]) as chunks:  # when the reader leaves, the worker's work stops
            async for chunk in chunks:
                if not self._call.sure:
                    await self._call.confirmed()
                delta = self._noted(index, chunk)
                if guard is None:
                    yield delta
                    continue
                if (checked := await guard.pass_on(delta)) is not None:
                    if guard.stopped and delta.finish_reason is None:
                        self._close_one()
                    yield self._with_cost(checked)
                if guard.stopped:
                    return

    def _noted(self, index: int, chunk: serving.Chunk) -> interface.Delta:
        call = self._call
        if not call.begun:
            call.begun = True
            metrics.first_token(self._model.name, call.school_id, time.perf_counter() - self._began)
        call.pieces += bool(chunk.text)
        if chunk.usage:
            self._usages[index] = chunk.usage
            call.usage = _together(self._usages)
        if chunk.finish_reason is not None:
            self._close_one()
        calls = _entries(chunk.data, "tool_calls") if chunk.data else ()
        self._called[index] |= bool(calls)
        return interface.Delta(
            chunk.text,
            _reason(chunk, self._called[index]),
            call.usage if chunk.finish_reason else None,
            index,
            _entries(chunk.data, "logprobs") if chunk.data else (),
            calls,
        )

    def _close_one(self) -> None:
        self._open -= 1
        self._call.finished = self._open == 0

    def _with_cost(self, delta: interface.Delta) -> interface.Delta:
        if delta.finish_reason is None or delta.usage is not None:
            return delta
        return interface.Delta("", delta.finish_reason, self._call.usage, delta.index)


def submitted(
    desk: desks.Desk,
    call: booking.Booking,
    principal: Principal,
    model: catalogue_api.Loadable,
    name: str,
    task: str,
    payloads: Sequence[Mapping[str, object]],
    deadline_s: float,
) -> list[Chunks]:
    """Every choice on its way. One alone may come from the cache; several are wanted because they differ."""
    if len(payloads) == 1:
        return [desk.submit(call, principal, model, name, task, payloads[0], deadline_s=deadline_s)]
    asker = desk.asker(principal)
    return [desk.engine.submit(name, task, payload, asker=asker, deadline_s=deadline_s) for payload in payloads]


def completion_limit(max_tokens: int | None, model: catalogue_api.Loadable, prompt: int) -> int:
    """Tokens this answer may have. Raises TooMuch over the model's context."""
    context = model.context_tokens
    if max_tokens is None:
        return min(quota.DEFAULT_COMPLETION_TOKENS, max(_MIN_COMPLETION_TOKENS, context - prompt))
    if max_tokens > context:
        raise interface.TooMuch(
            f"max_tokens is {max_tokens}; {model.name} reads and writes {context} tokens",
            fix=f"ask for at most {context}",
            code="context_length_exceeded",
            param="max_tokens",
        )
    return max_tokens


def seeded(payload: Mapping[str, object], n: int) -> list[Mapping[str, object]]:
    """The payloads of n choices: with a seed, each has its own, so that they differ and can be had again."""
    seed = payload.get("seed")
    return [dict(payload) | ({"seed": seed + index} if isinstance(seed, int) else {}) for index in range(n)]


async def _merged(
    choices: Sequence[AsyncGenerator[interface.Delta, None]],
) -> AsyncGenerator[interface.Delta, None]:
    """Pieces of all choices as they come. The first error ends them all."""
    pieces: asyncio.Queue[interface.Delta | BaseException | None] = asyncio.Queue(maxsize=len(choices))

    async def read(choice: AsyncGenerator[interface.Delta, None]) -> None:
        try:
            async with aclosing(choice):
                async for delta in choice:
                    await pieces.put(delta)
            await pieces.put(None)
        except Exception as failure:  # handed to the reader, which raises it
            await pieces.put(failure)

    readers = [asyncio.create_task(read(choice)) for choice in choices]
    try:
        running = len(readers)
        while running:
            piece = await pieces.get()
            if isinstance(piece, BaseException):
                raise piece
            if piece is None:
                running -= 1
            else:
                yield piece
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)


def _together(usages: Sequence[interface.Usage]) -> interface.Usage:
    """What all choices cost: a prompt read for several is told once, as OpenAI does."""
    if len(usages) == 1:
        return usages[0]
    return interface.Usage(max(u.prompt_tokens for u in usages), sum(u.completion_tokens for u in usages))


def _entries(data: Mapping[str, object], name: str) -> Sequence[Mapping[str, object]]:
    found = data.get(name)
    if isinstance(found, Mapping):
        found = found.get("content")  # OpenAI's own nesting
    return cast(Sequence[Mapping[str, object]], found) if isinstance(found, list | tuple) else ()


def _reason(chunk: serving.Chunk, called: bool) -> interface.FinishReason | None:
    if chunk.finish_reason is None or chunk.finish_reason == "length":
        return chunk.finish_reason
    return "tool_calls" if called else "stop"
