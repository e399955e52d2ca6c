"""The server rests between refusals only while nobody else is being served."""

import asyncio
import time
from collections.abc import Mapping

import pytest
from fastapi import Request, Response
from starlette.types import Receive, Scope, Send
from tests.maas.gateway.scripted import Caller

from shuyuan.identity.interface import Principal
from shuyuan.identity.service import IdentityService
from shuyuan.maas.gateway import pacing
from shuyuan.maas.gateway.routes import express
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.serving import interface as serving


def scope_of(path: str, headers: Mapping[str, str] = {}) -> Scope:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    about = {"type": "http", "http_version": "1.1", "method": "POST", "path": path, "raw_path": path.encode()}
    return {**about, "query_string": b"", "root_path": "", "headers": raw, "client": ("127.0.0.1", 1), "scheme": "http"}


async def nothing() -> dict[str, object]:
    return {"type": "http.request", "body": b"", "more_body": False}


def test_it_rests_after_a_refusal_unless_another_model_or_another_route_is_answering(
    gateway: GatewayService, identity: IdentityService, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[float] = []
    statuses: list[object] = []
    leave, alone = asyncio.Event(), True

    async def refuse(_request: Request, _principal: Principal) -> Response:
        full = serving.Overloaded("many wait", fix="try again", retry_after_s=1)
        full.alone = alone
        raise full

    async def elsewhere(_scope: Scope, _receive: Receive, _send: Send) -> None:
        await leave.wait()

    async def told(message: Mapping[str, object]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    front = express.Express(
        elsewhere, gateway, identity, {("POST", "/v1/embeddings"): express._Entry("/v1/embeddings", refuse)}, 9
    )

    async def ask() -> None:
        key = {"authorization": f"Bearer {caller.secret}", "content-length": "0"}
        await front(scope_of("/v1/embeddings", key), nothing, told)
        await asyncio.sleep(0)

    async def walk() -> None:
        nonlocal alone
        await asyncio.gather(ask(), ask(), ask())
        assert rests == [pacing.REST_S], "one rest for all that were refused in a turn"
        page = asyncio.create_task(front(scope_of("/login"), nothing, told))
        await asyncio.sleep(0)
        await ask()
        assert len(rests) == 1, "a page is being made"
        leave.set()
        await page
        alone = False
        await ask()
        assert len(rests) == 1, "another model is answering"
        alone = True
        await ask()
        assert len(rests) == 2
        assert statuses == [429] * 6

    monkeypatch.setattr(time, "sleep", rests.append)
    asyncio.run(walk())


def test_the_span_of_the_server_itself_is_nobody_being_served(
    gateway: GatewayService, identity: IdentityService
) -> None:
    async def whole_life(_scope: Scope, _receive: Receive, _send: Send) -> None:
        assert front._elsewhere == 0

    front = express.Express(whole_life, gateway, identity, {}, 9)
    asyncio.run(front({"type": "lifespan"}, nothing, nothing))  # type: ignore[arg-type]  # never called
