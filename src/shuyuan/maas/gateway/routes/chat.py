"""`/v1/chat/completions`, at once or streamed."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from fastapi import APIRouter, Depends, Request, Response

from shuyuan.identity.interface import Principal
from shuyuan.maas.gateway import interface, streaming, wire
from shuyuan.maas.gateway.chat import Answer
from shuyuan.maas.gateway.routes import common
from shuyuan.maas.gateway.service import GatewayService


def router(gateway: GatewayService) -> APIRouter:
    """The streaming routes."""
    api, known = common.openai_router("OpenAI-compatible"), common.knower(gateway.desk)

    @api.post("/chat/completions", openapi_extra=common.takes(wire.ChatBody))
    async def chat(request: Request, principal: Principal = Depends(known)) -> Response:
        """Continue a conversation, at once or streamed."""
        body = wire.parse(wire.ChatBody, await request.body())
        async with AsyncExitStack() as held:
            await held.enter_async_context(streaming.while_reading(request.receive))
            answer = await held.enter_async_context(
                gateway.chat(principal, body.as_request(), began=request.state.began)
            )
            if not body.stream:
                whole = await _whole(answer)
                return common.answer(request, whole, answer.receipt)
            deltas = aiter(answer)
            first = await anext(deltas)  # errors before any text are plain error answers
            events = _events(answer.receipt, first, deltas, body)
            return streaming.EventStream(events, held.pop_all(), common.headers(answer.receipt))

    return api


async def _whole(answer: Answer) -> common.Json:
    text, finish, usage = "", "stop", interface.Usage(0)
    async for delta in answer:
        text += delta.text
        finish, usage = delta.finish_reason or finish, delta.usage or usage
    return wire.completion(answer.receipt.request_id, answer.receipt.model, text, finish, usage)


async def _events(
    receipt: interface.Receipt, first: interface.Delta, rest: AsyncIterator[interface.Delta], body: wire.ChatBody
) -> AsyncIterator[bytes]:
    call, model = receipt.request_id, receipt.model
    with_usage = bool(body.stream_options and body.stream_options.include_usage)
    usage = interface.Usage(0)

    def told(delta: interface.Delta) -> bytes:
        content = {"content": delta.text} if delta.text else {}
        return wire.chunk(call, model, content, finish=delta.finish_reason, with_usage=with_usage)

    yield wire.chunk(call, model, {"role": "assistant", "content": ""}, finish=None, with_usage=with_usage)
    usage = first.usage or usage
    yield told(first)
    async for delta in rest:
        usage = delta.usage or usage
        if delta.text or delta.finish_reason:
            yield told(delta)
    if with_usage:
        yield wire.usage_chunk(call, model, usage)
    yield wire.DONE
