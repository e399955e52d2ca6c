"""One real request to our own `/v1`, made inside this process with the caller's own session: what the API page runs.

It passes the same gate, quota and ledger as a request over the network; nothing is simulated.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import Request

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.gateway.interface import Call, Gateway

DEADLINE_S = 300
MAX_TOKENS = 96
CALLS_LOOKED_AT = 50  # newest ledger lines among which one's own is found


@dataclass(frozen=True)
class Told:
    """What came back, and what the platform noted of it."""

    status: int
    seconds: float
    text: str
    version: str
    overhead_ms: str
    request_id: str
    call_id: str
    remaining_tokens: str
    prompt_tokens: int
    completion_tokens: int
    error: errors.ShuyuanError | None


async def ask(request: Request, model: str, question: str) -> Told:
    """One short question to a model, as the reader of this page."""
    body = {"model": model, "messages": [{"role": "user", "content": question}], "max_tokens": MAX_TOKENS}
    return await send(request, body)


async def send(request: Request, body: Mapping[str, object]) -> Told:
    """POST /v1/chat/completions as the reader of this page."""
    began = time.perf_counter()
    return _told(await _post(request, "/v1/chat/completions", body), time.perf_counter() - began)


async def predict(
    request: Request, model: str, row: Mapping[str, object]
) -> tuple[dict[str, Any] | None, errors.ShuyuanError | None]:  # Any: JSON
    """What a version trained on a table says of a row, as the reader of this page; or why it does not."""
    answer = await _post(request, "/v1/services/predict", {"model": model, "rows": [row]})
    body = answer.json()
    if (refused := _error(body)) is not None:
        kind = errors.BadInput if answer.status_code < 500 else errors.Unavailable
        return None, kind(refused.message, code=refused.error_code)
    (told,) = body["answers"]
    return told, None


async def _post(request: Request, path: str, body: Mapping[str, object]) -> httpx.Response:
    base = str(request.base_url).rstrip("/")
    transport = httpx.ASGITransport(request.app)
    headers = {"cookie": request.headers.get("cookie", ""), "origin": base}
    async with httpx.AsyncClient(transport=transport, base_url=base, timeout=DEADLINE_S) as client:
        return await client.post(path, json=body, headers=headers)


def ledger_line(gateway: Gateway, reader: Principal, call_id: str) -> Call | None:
    """The line of this call, once it is settled; None where the call never began."""
    for _ in range(20):
        found = next((one for one in gateway.calls(reader, limit=CALLS_LOOKED_AT) if one.id == call_id), None)
        if found is None or found.status != "reserved":
            return found
        time.sleep(0.05)  # settled behind the answer, by the group commit
    return found


def _told(answer: httpx.Response, seconds: float) -> Told:
    body: dict[str, Any] = answer.json()  # Any: JSON
    usage = body.get("usage") or {}
    choices = body.get("choices") or [{"message": {"content": ""}}]
    return Told(
        status=answer.status_code,
        seconds=seconds,
        text=choices[0]["message"]["content"].strip(),
        version=answer.headers.get("x-shuyuan-model-version", ""),
        request_id=answer.headers.get("x-request-id", ""),
        overhead_ms=answer.headers.get("x-shuyuan-overhead-ms", ""),
        call_id=answer.headers.get("x-shuyuan-call", ""),
        remaining_tokens=answer.headers.get("x-ratelimit-remaining-tokens", ""),
        prompt_tokens=usage.get("prompt_tokens", 0),
        completion_tokens=usage.get("completion_tokens", 0),
        error=_error(body),
    )


def _error(body: dict[str, Any]) -> errors.ShuyuanError | None:
    told = body.get("error")
    if not told:
        return None
    return errors.ShuyuanError(str(told.get("message", "")), code=str(told.get("code", "")))
