"""Pure-ASGI middleware: request ids, body caps, security headers. No body is buffered here."""

import contextlib
import re
from collections.abc import Callable

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shuyuan.kernel import errors, ids

_SAFE_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
CONTENT_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)


class RequestId:
    """Gives each request an id (or keeps the caller's, if it is harmless), in the log and in the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _SAFE_ID.fullmatch(given) else ids.new_id()
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self.app(scope, receive, send_with_id)


class SecurityHeaders:
    """Strict content policy, no sniffing, no framing, no referrer to other sites."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("content-security-policy", CONTENT_POLICY)
                headers.setdefault("x-content-type-options", "nosniff")
                headers.setdefault("referrer-policy", "same-origin")
                headers.setdefault("x-frame-options", "DENY")
                headers.setdefault("cross-origin-opener-policy", "same-origin")
            await send(message)

        await self.app(scope, receive, send_with_headers)


class Defects:
    """Answers an exception nobody expected with 500, inside the middleware above: it too gets headers and an id."""

    def __init__(self, app: ASGIApp, answer: Callable[[Request, Exception], Response]) -> None:
        self.app, self.answer = app, answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except Exception as defect:
            response = self.answer(Request(scope), defect)
            if started:  # too late for an answer: break the connection, so that nobody takes half for whole
                raise
            await response(scope, receive, send)
        return None


class BodyLimit:
    """Refuses a body over the cap, by its declared length or as soon as it has grown past it."""

    def __init__(
        self,
        app: ASGIApp,
        max_bytes: int,
        upload_paths: dict[str, int],
        answer: Callable[[Request, errors.ShuyuanError], Response],
    ) -> None:
        self.app, self.max_bytes, self.upload_paths, self.answer = app, max_bytes, upload_paths, answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        limit = self._limit(scope["path"])
        declared = Headers(scope=scope).get("content-length", "0")
        if not declared.isdigit() or int(declared) > limit:
            return await self._refuse(scope, limit, declared)(scope, receive, send)
        seen, started = 0, False

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise _TooMuch
            return message

        async def noted(message: Message) -> None:
            nonlocal started
            if seen > limit and not started:
                return  # the framework answers 400 to a body that could not be read; ours says why
            started = started or message["type"] == "http.response.start"
            await send(message)

        with contextlib.suppress(_TooMuch):
            await self.app(scope, counted, noted)
        if seen > limit and not started:
            await self._refuse(scope, limit, f"more than {limit}")(scope, receive, send)
        return None

    def _limit(self, path: str) -> int:
        return next((cap for prefix, cap in self.upload_paths.items() if path.startswith(prefix)), self.max_bytes)

    def _refuse(self, scope: Scope, limit: int, declared: str) -> Response:
        error = errors.TooLarge(f"the body has {declared} bytes; at most {limit} are read", fix="send a smaller body")
        return self.answer(Request(scope), error)


class _TooMuch(Exception):
    """Raised inside receive(); never leaves this file."""
