"""The short way in for the busiest routes: same gate, same handlers, same errors, none of the framework between.

FastAPI's matching, dependencies and middleware cost more than a whole call here. `front` wraps the application and
answers `POST /v1/chat/completions` and `/v1/embeddings` itself; everything else passes through. The routes stay
registered as well: they document themselves, and they answer alike where no front stands before them.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import structlog
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shuyuan.identity import http as identity_http
from shuyuan.kernel import errors, log
from shuyuan.kernel.http import middleware
from shuyuan.kernel.settings import Settings
from shuyuan.maas.gateway import calling, pacing
from shuyuan.maas.gateway import errors as error_pages
from shuyuan.maas.gateway.routes import chat, common, vectors
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.serving import interface as serving

Handler = Callable[..., Awaitable[Response]]
_PARTS = (chat, vectors)
_logger = log.get("gateway.express")


class Gatekeeper(identity_http.Knows, identity_http.Peeks, Protocol):
    """What identity does for a gate."""


def front(gateway: GatewayService, identity: Gatekeeper, settings: Settings) -> Callable[[ASGIApp], ASGIApp]:
    """Middleware to stand before everything else of the application."""
    handlers = {
        (method, route.path): _Entry(route.path, route.endpoint)
        for part in _PARTS
        for route in _routes(part.router(gateway))
        for method in route.methods
    }

    def wrap(app: ASGIApp) -> ASGIApp:
        return Express(app, gateway, identity, handlers, settings.max_body_bytes)

    return wrap


class _Entry:
    """Stands for a route where the gate looks for one."""

    def __init__(self, path: str, handler: Handler) -> None:
        self.path, self.handler = path, handler


class Express:
    """See the module."""

    def __init__(
        self,
        app: ASGIApp,
        gateway: GatewayService,
        identity: Gatekeeper,
        entries: Mapping[tuple[str, str], _Entry],
        max_body_bytes: int,
    ) -> None:
        self.app, self._desk, self._entries, self._max = app, gateway.desk, entries, max_body_bytes
        self._asking: dict[tuple[str, str], asyncio.Future[None]] = {}  # credential → the look-up under way
        self._pacing, self._elsewhere = pacing.Pacing(), 0  # requests of other routes that are being answered
        self._gate, self._quick_gate = identity_http.gate(identity), identity_http.quick_gate(identity)
        self._ageing = identity_http.ageing(identity)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        entry = self._entries.get((scope.get("method", ""), scope.get("path", "")))
        if entry is None:
            is_request = scope["type"] == "http"  # the span of the whole server's life comes this way too
            self._elsewhere += is_request
            try:
                await self.app(scope, receive, send)
            finally:
                self._elsewhere -= is_request
            return
        request_id = middleware.request_id_of(scope)
        state = scope.setdefault("state", {})
        state["began"], state["request_id"] = time.perf_counter(), request_id
        scope["route"] = entry
        calling.note(scope["headers"])
        structlog.contextvars.bind_contextvars(request_id=request_id)  # this request has its task to itself
        request, sending = Request(scope, _capped(receive, self._max)), _Sending(send, request_id)
        response = await self._answer(request, entry.handler)
        try:
            await response(scope, request.receive, sending)
        except Exception as defect:
            if sending.started:  # too late for an answer: break the connection, so that nobody takes half for whole
                raise
            await self._defect(request, defect)(scope, request.receive, sending)

    async def _answer(self, request: Request, handler: Handler) -> Response:
        try:
            self._refuse_declared(request)
            if not self._quick_gate(request):
                await self._ask_gate(request)
            elif self._ageing(request) and (who := identity_http.credential_of(request.headers)) not in self._asking:
                self._look_up(request, who)  # nobody waits for it
            principal = identity_http.caller(request)
            request.state.allowances = await self._desk.known_allowances(principal)
            return await handler(request, principal)
        except serving.Overloaded as full:
            if full.alone and not self._elsewhere:
                self._pacing.refused()
            return error_pages.answer(request, full)
        except errors.ShuyuanError as failure:
            return error_pages.answer(request, failure)
        except Exception as defect:
            return self._defect(request, defect)

    async def _ask_gate(self, request: Request) -> None:
        """Look the caller up, in a thread; whoever comes meanwhile with the same credential waits for that one look."""
        who = identity_http.credential_of(request.headers)
        while who[1] and (asking := self._asking.get(who)) is not None:
            await asyncio.wait([asking])
            if not asking.cancelled() and isinstance(refused := asking.exception(), errors.Unauthenticated):
                raise refused  # dead for one is dead for all
            if self._quick_gate(request):
                return
        await asyncio.shield(self._look_up(request, who))

    def _look_up(self, request: Request, who: tuple[str, str]) -> asyncio.Future[None]:
        asking = asyncio.ensure_future(run_in_threadpool(self._gate, request))
        if who[1]:
            self._asking[who] = asking
            asking.add_done_callback(lambda done: self._asked(who, done))
        return asking

    def _asked(self, who: tuple[str, str], done: asyncio.Future[None]) -> None:
        if self._asking.get(who) is done:
            del self._asking[who]
        if not done.cancelled():
            done.exception()  # it may be that nobody waits any more

    def _refuse_declared(self, request: Request) -> None:
        declared = request.headers.get("content-length", "0")
        if not declared.isdigit() or int(declared) > self._max:
            raise _too_large(declared, self._max)

    def _defect(self, request: Request, defect: Exception) -> Response:
        _logger.error("request_failed", path=request.url.path, exc_info=defect)
        broken = errors.ShuyuanError(
            "something broke on our side", fix="try again; the log has the details", code="internal"
        )
        response = error_pages.answer(request, broken)
        response.status_code = 500
        return response


class _Sending:
    """Adds to every answer what the middleware would have added."""

    __slots__ = ("_request_id", "_send", "started")

    def __init__(self, send: Send, request_id: str) -> None:
        self._send, self._request_id, self.started = send, request_id.encode(), False

    async def __call__(self, message: Message) -> None:
        if not self.started:
            self.started = True
            message["headers"] = [
                *message.get("headers", ()),
                *middleware.SECURITY_HEADERS,
                (b"x-request-id", self._request_id),
            ]
        await self._send(message)


def _capped(receive: Receive, max_bytes: int) -> Receive:
    """`receive`, which refuses a body as soon as it has grown past the cap."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > max_bytes:
            raise _too_large(f"more than {max_bytes}", max_bytes)
        return message

    return counted


def _too_large(declared: str, limit: int) -> errors.TooLarge:
    return errors.TooLarge(f"the body has {declared} bytes; at most {limit} are read", fix="send a smaller body")


def _routes(router: APIRouter) -> list[Any]:  # Any: the framework's routes
    return [route for route in router.routes if isinstance(route, common.Timed)]
