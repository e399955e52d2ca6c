"""Call our own routes for somebody, without a network: a line of a batch is read and charged as a request is."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from starlette.types import Message

from shuyuan.identity.interface import Principal
from shuyuan.kernel import http
from shuyuan.maas.gateway import errors
from shuyuan.maas.gateway.batch import jsonl


@dataclass(frozen=True)
class Answer:
    """What a route said."""

    status: int
    headers: dict[str, str]
    body: Any  # Any: JSON

    @property
    def error_code(self) -> str:
        """The code of an error; empty: it is none."""
        return str(self.body.get("error", {}).get("code", "")) if self.status >= 400 else ""

    @property
    def retry_after_s(self) -> float:
        """How long the route asks to wait."""
        return float(self.headers.get("retry-after", "1"))


class Direct:
    """The routes of a router, called as a principal who has been let in already."""

    def __init__(self, api: APIRouter) -> None:
        self._app = http.build_app(
            version="direct",
            gate=lambda _request: None,  # who asks is known: the call carries them
            routers=[api],
            ready=dict,
            max_body_bytes=jsonl.MAX_LINE_BYTES,
            error_pages={"/v1": errors.error_page},
        )

    async def post(self, principal: Principal, path: str, body: dict[str, Any]) -> Answer:
        """The answer to a JSON request. Cancelling it is leaving."""
        sent = json.dumps(body).encode()
        status, headers, received = 500, dict[str, str](), bytearray()
        waiting: list[Message] = [{"type": "http.request", "body": sent, "more_body": False}]

        async def receive() -> Message:
            if waiting:
                return waiting.pop()
            await asyncio.Event().wait()  # nobody disconnects
            raise AssertionError("never set")

        async def send(message: Message) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                received.extend(message.get("body", b""))

        await self._app(_scope(principal, path, len(sent)), receive, send)
        return Answer(status, headers, json.loads(bytes(received)))


def _scope(principal: Principal, path: str, size_bytes: int) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"content-type", b"application/json"), (b"content-length", str(size_bytes).encode())],
        "client": None,
        "server": None,
        "state": {"principal": principal},
    }
