"""What every route of `/v1` shares: the clock at arrival, the caller's allowances, headers of an answer."""

import dataclasses
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock
from shuyuan.maas.gateway import calling, interface, wire
from shuyuan.maas.gateway import desk as desks
from shuyuan.maas.gateway.books import quota

OVERHEAD = "x-shuyuan-overhead-ms"
Json = dict[str, Any]  # Any: JSON
ModelName = Annotated[str, Path(max_length=wire.MODEL_NAME_CHARS)]
Known = Callable[[Request], Awaitable[Principal]]


class Timed(APIRoute):
    """Notes when a request arrived, before anybody is asked who calls: overhead includes the gate."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        handle = super().get_route_handler()

        async def timed(request: Request) -> Response:
            request.state.began = time.perf_counter()
            calling.note(request.scope["headers"])
            try:
                response = await handle(request)
            except RequestValidationError as wrong:  # in the address or a header: bodies are parsed by the handlers
                raise wire.refusal(wrong.errors()) from wrong
            if OVERHEAD not in response.headers:  # what no model was asked for: all of it is ours
                response.headers[OVERHEAD] = f"{(time.perf_counter() - request.state.began) * 1000:.2f}"
            return response

        return timed


def openai_router(tag: str) -> APIRouter:
    """A router of `/v1`."""
    return APIRouter(prefix="/v1", route_class=Timed, tags=[tag])


def knower(desk: desks.Desk) -> Known:
    """A dependency: the caller, with the allowances that the headers of any answer will tell."""

    async def known(request: Request) -> Principal:
        principal = caller(request)
        request.state.allowances = await desk.known_allowances(principal)
        return principal

    return known


def answer(request: Request, body: Json, receipt: interface.Receipt | None = None) -> JSONResponse:
    """A JSON answer with what the call can tell about itself."""
    told = headers(receipt) if receipt else quota.headers(request.state.allowances, clock.now())
    return JSONResponse(body, headers=told)


def headers(receipt: interface.Receipt) -> dict[str, str]:
    """Version, overhead, ledger id and rate limits of a booked call."""
    return {
        "x-shuyuan-model-version": receipt.version,
        OVERHEAD: f"{receipt.overhead_ms:.2f}",
        "x-shuyuan-call": receipt.request_id,
        **({"x-shuyuan-cache": receipt.cache} if receipt.cache else {}),
        **quota.headers(receipt.allowances, clock.now()),
    }


def usage(spent: interface.Usage) -> Json:
    """Tokens as the text services tell them."""
    return dataclasses.asdict(spent)


def takes(body: type[BaseModel]) -> Json:
    """What `/openapi.json` says of a body that the handler parses itself."""
    schema = body.model_json_schema()
    defined = schema.pop("$defs", {})

    def inline(node: Any) -> Any:  # Any: JSON
        if isinstance(node, dict):
            name = str(node.get("$ref", "")).removeprefix("#/$defs/")
            return inline(defined[name]) if name in defined else {key: inline(value) for key, value in node.items()}
        return [inline(value) for value in node] if isinstance(node, list) else node

    return {"requestBody": {"required": True, "content": {"application/json": {"schema": inline(schema)}}}}
