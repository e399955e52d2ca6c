"""`/v1`, the OpenAI-compatible API, the text services beside it, and usage for pages under `/api`."""

import dataclasses
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock, ids
from shuyuan.maas.gateway import interface, quota, streaming, wire
from shuyuan.maas.gateway.service import Answer, GatewayService

Json = dict[str, Any]  # Any: JSON
ModelName = Annotated[str, Path(max_length=wire.MODEL_NAME_CHARS)]


class _Timed(APIRoute):
    """Notes when a request arrived, before anybody is asked who calls: overhead includes the gate."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        handle = super().get_route_handler()

        async def timed(request: Request) -> Response:
            request.state.began = time.perf_counter()
            return await handle(request)

        return timed


class Limits(BaseModel):
    """New limits of one scope; null is unlimited."""

    tokens: int | None = Field(None, ge=0, le=2**31 - 1)
    requests: int | None = Field(None, ge=0, le=2**31 - 1)
    period: interface.Period = "day"


def router(gateway: GatewayService) -> APIRouter:
    """Every route of the gateway."""
    api = APIRouter()
    api.include_router(_openai(gateway))
    api.include_router(_usage(gateway))
    return api


def _openai(gateway: GatewayService) -> APIRouter:
    async def known(request: Request) -> Principal:
        """The caller, with the allowances that the headers of any answer will tell."""
        principal = caller(request)
        request.state.allowances = gateway.last_known(principal) or await run_in_threadpool(gateway.usage, principal)
        return principal

    api = APIRouter(prefix="/v1", route_class=_Timed, tags=["OpenAI-compatible"])

    @api.get("/models")
    async def list_models(request: Request, principal: Principal = Depends(known)) -> Response:
        """Models of this machine, those still being pulled included; `state` says which can answer."""
        found = [_model(gateway, status) for status in gateway.models() if status.state != "absent"]
        return _answer(request, {"object": "list", "data": found})

    @api.get("/models/{model:path}")
    async def one_model(request: Request, model: ModelName, principal: Principal = Depends(known)) -> Response:
        """One model and what its card claims."""
        await run_in_threadpool(gateway.card, model)  # raises UnknownModel
        status = next((s for s in gateway.models() if s.model == model), interface.ModelStatus(model, "pulled"))
        return _answer(request, _model(gateway, status))

    @api.post("/chat/completions", openapi_extra=_takes(wire.ChatBody))
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
                return _answer(request, whole, answer.receipt)
            deltas = aiter(answer)
            first = await anext(deltas)  # errors before any text are plain error answers
            events = _events(answer.receipt, first, deltas, body)
            return streaming.EventStream(events, held.pop_all(), _headers(answer.receipt))

    @api.post("/embeddings", openapi_extra=_takes(wire.EmbedBody))
    async def embeddings(request: Request, principal: Principal = Depends(known)) -> Response:
        """Unit vectors of texts."""
        body = wire.parse(wire.EmbedBody, await request.body())
        async with streaming.while_reading(request.receive):
            answer = await gateway.embed(
                principal, body.model, body.input, kind=body.input_type, began=request.state.began
            )
        made = answer.vectors.shape[1]
        if body.dimensions not in (None, made):
            raise wire.Refused(
                f"{body.model} gives {made} dimensions, not {body.dimensions}",
                param="dimensions",
                fix=f"leave dimensions out or ask for {made}",
            )
        return _answer(request, wire.embeddings(answer, body.encoding_format), answer.receipt)

    @api.post("/services/summarize", openapi_extra=_takes(wire.SummarizeBody))
    async def summarize(request: Request, principal: Principal = Depends(known)) -> Response:
        """The most central sentences; with `model`, its words."""
        body = wire.parse(wire.SummarizeBody, await request.body())
        async with streaming.while_reading(request.receive):
            told = await gateway.summarize(
                principal, body.text, sentences=body.sentences, language=body.language, model=body.model
            )
        return _answer(
            request,
            {
                "summary": told.text,
                "method": told.method,
                "sentences": list(told.sentences),
                "model": told.receipt.model,
                "truncated": told.truncated,
                "usage": dataclasses.asdict(told.usage),
            },
            told.receipt,
        )

    @api.post("/services/translate", openapi_extra=_takes(wire.TranslateBody))
    async def translate(request: Request, principal: Principal = Depends(known)) -> Response:
        """By a model whose card claims translation; otherwise 400 `not_claimed`."""
        body = wire.parse(wire.TranslateBody, await request.body())
        async with streaming.while_reading(request.receive):
            told = await gateway.translate(
                principal, body.text, target=body.target, source=body.source, model=body.model
            )
        return _answer(
            request,
            {
                "translation": told.text,
                "target": body.target,
                "model": told.receipt.model,
                "usage": dataclasses.asdict(told.usage),
            },
            told.receipt,
        )

    @api.post("/services/classify", openapi_extra=_takes(wire.ClassifyBody))
    async def classify(request: Request, principal: Principal = Depends(known)) -> Response:
        """Your labels, nearest in meaning first. Scores are relative, not calibrated."""
        body = wire.parse(wire.ClassifyBody, await request.body())
        async with streaming.while_reading(request.receive):
            told = await gateway.classify(principal, body.text, body.labels, model=body.model)
        ranked = [{"label": label, "score": round(score, 4)} for label, score in told.labels]
        return _answer(
            request,
            {
                "label": ranked[0]["label"],
                "labels": ranked,
                "model": told.receipt.model,
                "usage": dataclasses.asdict(told.usage),
            },
            told.receipt,
        )

    @api.get("/usage")
    def usage(request: Request, principal: Principal = Depends(known)) -> Response:
        """My allowances and what is left of them."""
        request.state.allowances = tuple(gateway.usage(principal))
        return _answer(request, {"object": "usage", "allowances": [_allowance(a) for a in request.state.allowances]})

    return api


def _usage(gateway: GatewayService) -> APIRouter:
    api = APIRouter(prefix="/api", tags=["Usage"])

    @api.get("/usage")
    def usage(days: int = Query(7, ge=1, le=366), principal: Principal = Depends(caller)) -> Json:
        """Allowances and totals: an administrator sees the school, everybody else their own."""
        since = clock.now() - timedelta(days=days)
        return {
            "allowances": [_allowance(a) for a in gateway.usage(principal)],
            "totals": [dataclasses.asdict(t) for t in gateway.totals(principal, since=since)],
        }

    @api.get("/usage/calls")
    def calls(
        limit: int = Query(100, ge=1, le=1000),
        before: str | None = Query(None, max_length=ids.LENGTH),
        principal: Principal = Depends(caller),
    ) -> Json:
        """Ledger lines, newest first; `before` is the id of the last one seen."""
        found = gateway.calls(principal, limit=limit, before=before)
        return {"calls": [dataclasses.asdict(call) for call in found]}

    @api.put("/quotas/{scope}/{scope_id}")
    def set_limits(
        scope: interface.Scope,
        scope_id: Annotated[str, Path(max_length=ids.LENGTH)],
        limits: Limits,
        principal: Principal = Depends(caller),
    ) -> Json:
        """Change an allowance."""
        return _allowance(
            gateway.set_limits(
                principal, scope, scope_id, tokens=limits.tokens, requests=limits.requests, period=limits.period
            )
        )

    return api


async def _whole(answer: Answer) -> Json:
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


def _answer(request: Request, body: Json, receipt: interface.Receipt | None = None) -> JSONResponse:
    headers = _headers(receipt) if receipt else quota.headers(request.state.allowances, clock.now())
    return JSONResponse(body, headers=headers)


def _headers(receipt: interface.Receipt) -> dict[str, str]:
    return {
        "x-shuyuan-model-version": receipt.version,
        "x-shuyuan-overhead-ms": f"{receipt.overhead_ms:.2f}",
        "x-shuyuan-call": receipt.request_id,
        **quota.headers(receipt.allowances, clock.now()),
    }


def _model(gateway: GatewayService, status: interface.ModelStatus) -> Json:
    card = gateway.card(status.model)
    return {
        "id": status.model,
        "object": "model",
        "created": int(card.path.stat().st_mtime) if card else 0,
        "owned_by": "shuyuan",
        "state": status.state,
        "progress": status.progress,
        "version": card.version if card else "",
        "tasks": list(card.tasks) if card else [],
        "context_tokens": card.context_tokens if card else None,
    }


def _allowance(allowance: interface.Allowance) -> Json:
    return dataclasses.asdict(allowance) | {
        "resets_at": allowance.resets_at.isoformat(),
        "tokens_left": allowance.tokens_left,
        "requests_left": allowance.requests_left,
    }


def _takes(body: type[BaseModel]) -> Json:
    """What `/openapi.json` says of a body that the handler parses itself."""
    schema = body.model_json_schema()
    defined = schema.pop("$defs", {})

    def inline(node: Any) -> Any:  # Any: JSON
        if isinstance(node, dict):
            name = str(node.get("$ref", "")).removeprefix("#/$defs/")
            return inline(defined[name]) if name in defined else {key: inline(value) for key, value in node.items()}
        return [inline(value) for value in node] if isinstance(node, list) else node

    return {"requestBody": {"required": True, "content": {"application/json": {"schema": inline(schema)}}}}
