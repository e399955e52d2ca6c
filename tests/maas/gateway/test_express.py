"""The short way in answers exactly as the long one would: gate, headers, errors, caps."""

import asyncio
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from tests.maas.gateway.scripted import Caller, ScriptedEngine
from tests.maas.gateway.server import app_of, running

from shuyuan.identity import cache
from shuyuan.identity import http as identity_http
from shuyuan.identity.interface import Principal
from shuyuan.identity.service import IdentityService
from shuyuan.kernel.settings import Settings
from shuyuan.maas.gateway.routes import express
from shuyuan.maas.gateway.service import GatewayService

CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20}
VARY = {"x-request-id", "x-shuyuan-call", "x-shuyuan-overhead-ms", "date"}


@pytest.fixture
def app(identity: IdentityService, gateway: GatewayService, engine: ScriptedEngine) -> FastAPI:
    return app_of(identity, gateway, engine)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


def without_express(app: FastAPI) -> FastAPI:
    app.user_middleware = [one for one in app.user_middleware if "front" not in getattr(one.cls, "__qualname__", "")]
    return app


def test_both_ways_answer_alike(
    identity: IdentityService, gateway: GatewayService, engine: ScriptedEngine, caller: Caller
) -> None:
    short, long = app_of(identity, gateway, engine), without_express(app_of(identity, gateway, engine))
    assert len(short.user_middleware) == len(long.user_middleware) + 1
    key = {"authorization": f"Bearer {caller.secret}"}
    asked: list[tuple[dict[str, object], dict[str, str]]] = [
        ({"json": CHAT}, key),
        ({"json": {**CHAT, "stream": True}}, key),
        ({"json": {**CHAT, "model": "nothing"}}, key),
        ({"content": b"{"}, key),
        ({"content": b"x" * 600_000}, key),
        ({"json": CHAT}, {}),
        ({"json": CHAT}, {"authorization": "Bearer sk-nobody"}),
        ({"json": CHAT}, {"cookie": "shuyuan_session=nobody", "origin": "http://elsewhere.example"}),
    ]
    with TestClient(short) as quick, TestClient(long) as slow:
        for what, headers in asked:
            one, other = (c.post("/v1/chat/completions", headers=headers, **what) for c in (quick, slow))  # type: ignore[arg-type]
            assert one.status_code == other.status_code, what
            assert one.headers.keys() == other.headers.keys(), what
            same = (
                one.headers.keys() - VARY - {name for name in one.headers if "ratelimit" in name} - {"content-length"}
            )
            assert {name: one.headers[name] for name in same} == {name: other.headers[name] for name in same}
            assert "x-shuyuan-overhead-ms" in one.headers
            if one.status_code != 200:
                assert one.json() == other.json()


def test_every_answer_of_v1_tells_its_overhead(client: TestClient, caller: Caller) -> None:
    key = {"authorization": f"Bearer {caller.secret}"}
    for method, path in (
        ("GET", "/v1/models"),
        ("GET", "/v1/models/nothing"),
        ("GET", "/v1/usage"),
        ("GET", "/v1/nowhere"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/embeddings"),
    ):
        answer = client.request(method, path, headers=key)
        assert float(answer.headers["x-shuyuan-overhead-ms"]) >= 0, path


def test_the_routes_are_still_described(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    for path in ("/v1/chat/completions", "/v1/embeddings"):
        assert "requestBody" in paths[path]["post"]


def test_who_may_not_call_is_refused_before_the_handler(
    identity: IdentityService, gateway: GatewayService, engine: ScriptedEngine, caller: Caller
) -> None:
    pupil = identity._db.write(
        lambda uow: identity.create_account(
            uow, school_id=caller.principal.school_id, role="student", name="P", login="pupil", secret=None
        )
    )
    signed_in = identity.sign_in_as(pupil)
    with TestClient(app_of(identity, gateway, engine)) as client:
        client.cookies.set(identity_http.COOKIE, signed_in.token)
        answer = client.post("/v1/chat/completions", json=CHAT, headers={"origin": "http://testserver"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
        from_elsewhere = client.post("/v1/chat/completions", json=CHAT, headers={"origin": "http://evil.example"})
        assert from_elsewhere.json()["error"]["code"] == "cross_site"
    assert engine.asked == []


def test_a_busy_key_is_looked_up_again_before_anybody_must_wait_for_it(
    client: TestClient, identity: IdentityService, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = {"authorization": f"Bearer {caller.secret}"}
    assert client.get("/v1/models", headers=key).status_code == 200
    answered = client.post("/v1/chat/completions", headers=key, json=CHAT)
    assert answered.status_code == 200
    looks, real = list[str](), identity.principal_of_key

    def look(secret: str) -> Principal:
        looks.append(secret)
        return real(secret)

    monkeypatch.setattr(identity, "principal_of_key", look)
    now = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: now() + cache.RENEW_S)
    assert identity.ageing(caller.secret)
    assert client.post("/v1/chat/completions", headers=key, json=CHAT).status_code == 200
    deadline = time.perf_counter() + 30
    while identity.ageing(caller.secret) and time.perf_counter() < deadline:
        time.sleep(0.01)
    assert looks == [caller.secret]
    assert not identity.ageing(caller.secret)


def test_who_shares_a_foreign_authorization_header_is_known_by_the_own_cookie(
    app: FastAPI, identity: IdentityService, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, real = identity.sign_in_as(caller.principal.account_id).token, identity.principal_of_session

    def slowly(token: str) -> Principal:
        time.sleep(0.2)  # so that the second comes while the first is looked up
        return real(token)

    monkeypatch.setattr(identity, "principal_of_session", slowly)

    async def both(url: str) -> list[int]:
        async with httpx.AsyncClient(base_url=url) as client:

            async def ask(token: str, after_s: float) -> int:
                await asyncio.sleep(after_s)
                proxy = {"authorization": "Basic c2Nob29sOnB3", "sec-fetch-site": "same-origin"}
                cookie = {"cookie": f"{identity_http.COOKIE}={token}"}
                return (await client.post("/v1/chat/completions", json=CHAT, headers=proxy | cookie)).status_code

            return list(await asyncio.gather(ask("dead", 0), ask(live, 0.05)))

    with running(app) as url:
        assert asyncio.run(both(url)) == [401, 200]


def test_a_revoked_key_is_refused_at_once(client: TestClient, identity: IdentityService, caller: Caller) -> None:
    key = {"authorization": f"Bearer {caller.secret}"}
    assert client.post("/v1/chat/completions", json=CHAT, headers=key).status_code == 200  # now it is remembered
    identity.revoke_key(caller.principal, str(caller.principal.key_id))
    assert client.post("/v1/chat/completions", json=CHAT, headers=key).status_code == 401


def test_a_defect_is_500_with_an_id_and_says_nothing_of_itself(
    identity: IdentityService, make_gateway: Callable[..., GatewayService], caller: Caller
) -> None:
    engine = ScriptedEngine(failure=KeyError("a secret of ours"))
    with TestClient(app_of(identity, make_gateway(engine), engine)) as client:
        answer = client.post("/v1/chat/completions", json=CHAT, headers={"authorization": f"Bearer {caller.secret}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
    assert "x-request-id" in answer.headers
    assert "secret" not in answer.text


async def _raw(url: str, head: bytes, *parts: bytes) -> bytes:
    """Send bytes as they are; the status line, or nothing when the connection was closed."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        for part in (head, *parts):
            writer.write(part)
            await writer.drain()
        return await asyncio.wait_for(reader.readline(), 20)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def test_bombs_in_headers_and_body_are_refused_and_the_next_caller_is_served(
    app: FastAPI, caller: Caller, engine: ScriptedEngine
) -> None:
    start = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %s\r\n" % caller.secret.encode()
    chunk = b"%x\r\n%s\r\n" % (100_000, b"x" * 100_000)
    with running(app) as url:
        long_header = asyncio.run(_raw(url, start + b"x-long: " + b"y" * 300_000 + b"\r\n\r\n"))
        declared = asyncio.run(_raw(url, start + b"content-length: 99999999999\r\n\r\n"))
        nonsense = asyncio.run(_raw(url, start + b"content-length: many\r\n\r\n"))
        grown = asyncio.run(_raw(url, start + b"transfer-encoding: chunked\r\n\r\n", *[chunk] * 8))
        deep = httpx.post(
            f"{url}/v1/chat/completions",
            content='{"model":"tiny","messages":' + "[" * 200_000,
            headers={"authorization": f"Bearer {caller.secret}"},
        )
        fine = httpx.post(f"{url}/v1/chat/completions", json=CHAT, headers={"authorization": f"Bearer {caller.secret}"})
    assert long_header in (b"", b"HTTP/1.1 400 Bad Request\r\n", b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert b"413" in declared
    assert nonsense in (b"", b"HTTP/1.1 400 Bad Request\r\n")
    assert grown == b"" or b"413" in grown
    assert deep.status_code == 400
    assert fine.status_code == 200
    assert len(engine.asked) == 1


def test_a_slow_reader_holds_back_nobody_else(
    identity: IdentityService, make_gateway: Callable[..., GatewayService], caller: Caller
) -> None:
    long = ScriptedEngine(pieces=["x" * 1_000] * 20_000)
    gateway = make_gateway(long)
    body = b'{"model":"tiny","messages":[{"role":"user","content":"hi"}],"max_tokens":20,"stream":true}'
    start = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %s\r\ncontent-length: %d\r\n\r\n"

    async def stalled(url: str) -> tuple[int, int]:
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1_024)
        writer.write(start % (caller.secret.encode(), len(body)) + body)
        await reader.readline()  # and then nothing more is read
        async with httpx.AsyncClient() as client:
            other = await client.get(f"{url}/v1/models", headers={"authorization": f"Bearer {caller.secret}"})
        writer.close()
        return other.status_code, len(long.asked)

    with running(app_of(identity, gateway, long)) as url:
        assert asyncio.run(stalled(url)) == (200, 1)
    (call,) = gateway.calls(caller.principal)
    assert (call.status, call.outcome) == ("settled", "left"), "what the reader did not wait for was stopped"
    assert call.completion_tokens < 20_000


def test_the_short_way_knows_the_routes_it_takes(gateway: GatewayService, identity: IdentityService) -> None:
    front = express.front(gateway, identity, Settings(max_body_bytes=1_000))(_nowhere)
    assert set(front._entries) == {("POST", "/v1/chat/completions"), ("POST", "/v1/embeddings")}  # type: ignore[attr-defined]


async def _nowhere(scope: object, receive: object, send: object) -> None:
    raise AssertionError("not asked")
