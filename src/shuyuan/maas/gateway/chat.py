"""Continue a conversation: the one verb that streams."""

import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from shuyuan.identity.interface import Principal
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.gateway import booking, checks, interface, metrics, quota
from shuyuan.maas.gateway import desk as desks
from shuyuan.maas.serving import interface as serving

_MIN_COMPLETION_TOKENS = 16


class Answer:
    """A running answer: engine chunks as deltas, noted on the booking as they come."""

    def __init__(self, chunks: AsyncIterator[serving.Chunk], call: booking.Booking, receipt: interface.Receipt) -> None:
        self._chunks, self._call, self.receipt = chunks, call, receipt
        self._began = time.perf_counter()

    async def __aiter__(self) -> AsyncIterator[interface.Delta]:
        async for chunk in self._chunks:
            self._note(chunk)
            yield interface.Delta(chunk.text, _reason(chunk), chunk.usage if chunk.finish_reason else None)

    def _note(self, chunk: serving.Chunk) -> None:
        call = self._call
        if not call.begun:
            call.begun = True
            metrics.first_token.labels(self.receipt.model).observe(time.perf_counter() - self._began)
        call.pieces += bool(chunk.text)
        call.usage = chunk.usage or call.usage
        call.finished = chunk.finish_reason is not None


@asynccontextmanager
async def chat(
    desk: desks.Desk,
    principal: Principal,
    request: interface.ChatRequest,
    *,
    purpose: interface.Purpose,
    deadline_s: float,
    began: float | None,
) -> AsyncIterator[Answer]:
    """See `interface.Gateway.chat`."""
    began = began or time.perf_counter()
    desk.admit(principal)
    checks.messages(request.messages)
    model = await desk.locate(principal, request.model, "chat")
    prompt = quota.estimate_tokens([message["content"] for message in request.messages])
    limit = completion_limit(request.max_tokens, model, prompt)
    payload: dict[str, object] = {
        "messages": list(request.messages),
        "max_tokens": limit,
        "temperature": request.temperature,
        "top_p": request.top_p,
    }
    payload |= {"stop": list(request.stop)} if request.stop else {}
    payload |= {"seed": request.seed} if request.seed is not None else {}
    booked = desk.booked(
        principal, model, "chat", tokens=prompt + limit, prompt_tokens=prompt, purpose=purpose, began=began
    )
    async with booked as call:
        chunks = desk.engine.submit(model.name, "chat", payload, deadline_s=deadline_s)
        async with aclosing(chunks):  # when the reader leaves, the worker's work stops
            yield Answer(chunks, call, desks.receipt(call, model))


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
        )
    return max_tokens


def _reason(chunk: serving.Chunk) -> interface.FinishReason | None:
    return "stop" if chunk.finish_reason == "cancelled" else chunk.finish_reason
