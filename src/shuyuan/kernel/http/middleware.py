"""Pure-ASGI middleware: request ids, body caps, security headers. No body is buffered here."""

import contextlib
import re
from collections.abc import Callable, Mapping

import structlog
from starlette.concurrency import run_in_threadpool
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
SECURITY_HEADERS = tuple(
    (name.encode(), value.encode())
    for name, value in {
        "content-security-policy": CONTENT_POLICY,
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "x-frame-options": "DENY",
        "cross-origin-opener-policy": "same-origin",
    }.items()
)


def request_id_of(scope: Scope) -> str:
    """The caller's own id for this request, if it is harmless; else a fresh one."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _SAFE_ID.fullmatch(given) else ids.new_id()


class RequestId:
    """Gives each request an id (or keeps the caller's, if it is harmless), in the log and in the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = request_id_of(scope)
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
                given = message.setdefault("headers", [])
                there = {name.lower() for name, _ in given}
                message["headers"] = [*given, *(pair for pair in SECURITY_HEADERS if pair[0] not in there)]
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


MAX_HEADER_BYTES = 64 << 10  # the parser in front has no limit of its own


class BodyLimit:
    """Refuses a body over the cap of its path, by its declared length or as soon as it has grown past it; and headers
    and addresses that nothing behind it could take.

    max_bytes: the cap of every path without its own.  body_caps: path → bytes. A path stands for itself and what
    lies below it, `{name}` for any one segment: "/v1/audio", "/api/models/{name}/versions"; the longest wins.
    known(request): whether the caller may send more than max_bytes at all. Forms are read before the gate asks, so
    a stranger would otherwise fill memory and disk with what he is then refused.
    """

    def __init__(
        self,
        app: ASGIApp,
        max_bytes: int,
        body_caps: Mapping[str, int],
        answer: Callable[[Request, errors.ShuyuanError], Response],
        known: Callable[[Request], bool] = lambda _request: True,
    ) -> None:
        self.app, self.max_bytes, self.answer, self.known = app, max_bytes, answer, known
        longest_first = sorted(body_caps, key=lambda path: len(_segments(path)), reverse=True)
        self.caps = [(_segments(path), body_caps[path]) for path in longest_first]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if (head := sum(len(name) + len(value) for name, value in scope["headers"])) > MAX_HEADER_BYTES:
            wrong = errors.TooLarge(
                f"the headers have {head} bytes, at most {MAX_HEADER_BYTES} are read", fix="send less"
            )
            return await self.answer(Request(scope), wrong)(scope, receive, send)
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            nul = errors.Malformed("the address holds the character NUL, which no name or id has", fix="leave it out")
            return await self.answer(Request(scope), nul)(scope, receive, send)
        limit = await self._limit(scope)
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

    async def _limit(self, scope: Scope) -> int:
        asked = _segments(scope["path"])
        cap = next((cap for template, cap in self.caps if _covers(template, asked)), self.max_bytes)
        if cap <= self.max_bytes or scope["method"] == "GET":
            return cap
        return cap if await run_in_threadpool(self.known, Request(scope)) else self.max_bytes

    def _refuse(self, scope: Scope, limit: int, declared: str) -> Response:
        error = errors.TooLarge(f"the body has {declared} bytes; at most {limit} are read", fix="send a smaller body")
        return self.answer(Request(scope), error)


def _segments(path: str) -> list[str]:
    return path.strip("/").split("/")


def _covers(template: list[str], asked: list[str]) -> bool:
    """Every segment of the template is met, `{name}` by any; what is asked may go on below."""
    given = asked[: len(template)]
    return len(given) == len(template) and all(
        want == got or (want[:1] == "{" and got != "") for want, got in zip(template, given, strict=True)
    )


class _TooMuch(Exception):
    """Raised inside receive(); never leaves this file."""
