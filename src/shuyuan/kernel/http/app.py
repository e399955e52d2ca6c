"""Build the FastAPI application: deny by default, one error shape, health and metrics."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Mount, compile_path

from shuyuan.kernel import errors, log
from shuyuan.kernel.http import health
from shuyuan.kernel.http.middleware import BodyLimit, Defects, RequestId, SecurityHeaders

Gate = Callable[[Request], None]
RouteKey = tuple[str, str]
ErrorPage = Callable[[Request, errors.ShuyuanError], Response]
SHOWN_OF_VALUE = 60  # characters of what was sent, in an error
SECRET_FIELDS = ("password", "secret", "pin", "token", "key")  # never said back
_logger = log.get("kernel.http")


def build_app(
    *,
    version: str,
    gate: Gate,
    routers: Sequence[APIRouter],
    ready: Callable[[], Mapping[str, str]],
    max_body_bytes: int,
    error_pages: Mapping[str, ErrorPage] | None = None,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
    body_caps: Mapping[str, int] | None = None,
    known: Callable[[Request], bool] = lambda _request: True,
) -> FastAPI:
    """The application. `gate(request)` runs before every route and raises unless the caller may pass.

    ready: part name → "ok" or what it waits for.  error_pages: path prefix → renderer, longest prefix wins;
    without one an error is JSON `{"error": {code, message, fix}}`.  body_caps: path or template →
    its own cap in bytes, for callers who are `known`; see BodyLimit.
    """
    app = FastAPI(
        title="Shuyuan",
        version=version,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        dependencies=[Depends(_as_dependency(gate))],
    )
    for router in [health.router(version, ready), *routers]:
        app.include_router(router)
    answer = _answerer(dict(error_pages or {}))
    defect = _answer_errors(app, answer)
    caps = dict(body_caps or {})
    app.add_middleware(BodyLimit, max_bytes=max_body_bytes, body_caps=caps, answer=answer, known=known)
    app.add_middleware(Defects, answer=defect)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestId)
    return app


def route_keys(app: FastAPI) -> Iterator[RouteKey]:
    """Every (method, path template) the application answers, included routers and mounts alike."""
    yield from _walk(app.routes, "")


def _walk(routes: Sequence[BaseRoute], prefix: str) -> Iterator[RouteKey]:
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from _walk(inner.routes, prefix)
        elif isinstance(route, Mount):
            below = list(_walk(route.routes, prefix + route.path)) if route.routes else []
            yield from below or [("GET", f"{prefix}{route.path}/{{path}}")]
        else:
            for method in sorted(set(getattr(route, "methods", None) or ()) - {"HEAD"}):
                yield method, prefix + str(getattr(route, "path", ""))


def _as_dependency(gate: Gate) -> Callable[[Request], None]:
    def admit(request: Request) -> None:
        gate(request)

    return admit


def _answerer(pages: dict[str, ErrorPage]) -> ErrorPage:
    """Answers an error in the manner of the path it happened under."""

    def answer(request: Request, error: errors.ShuyuanError) -> Response:
        prefixes = sorted((p for p in pages if request.url.path.startswith(p)), key=len, reverse=True)
        response = pages[prefixes[0]](request, error) if prefixes else json_error(error)
        if isinstance(error, (errors.RateLimited, errors.Unavailable)):
            response.headers["retry-after"] = str(max(1, round(error.retry_after_s)))
        return response

    return answer


def _answer_errors(app: FastAPI, answer: ErrorPage) -> Callable[[Request, Exception], Response]:
    """Register the answers to expected errors; returns the answer to a defect."""

    async def expected(request: Request, error: Exception) -> Response:
        assert isinstance(error, errors.ShuyuanError)
        return answer(request, error)

    async def malformed(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return answer(request, errors.Malformed(_in_words(error), fix="correct the named field; see /openapi.json"))

    async def plain_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        known: errors.ShuyuanError = errors.BadInput(str(error.detail), code=f"http_{error.status_code}")
        if error.status_code == 400:  # the framework could not read the body
            return answer(request, errors.Malformed(str(error.detail), fix="send what /openapi.json describes"))
        if error.status_code == 404:
            known = errors.NotFound(f"no such address: {request.url.path}", fix="see /openapi.json for what there is")
        if error.status_code == 405:
            return _wrong_verb(app, request, answer)
        response = answer(request, known)
        response.status_code = error.status_code
        return response

    def defect(request: Request, error: Exception) -> Response:
        _logger.error("request_failed", path=request.url.path, exc_info=error)
        broken = errors.ShuyuanError(
            "something broke on our side", fix="try again; the log has the details", code="internal"
        )
        response = answer(request, broken)
        response.status_code = 500
        return response

    async def unstorable(request: Request, error: Exception) -> Response:
        assert isinstance(error, DataError)
        why = str(error.orig).splitlines()[0][:200]
        return answer(request, errors.BadInput(f"a value cannot be stored: {why}", fix="send text without NUL"))

    app.add_exception_handler(DataError, unstorable)
    app.add_exception_handler(errors.ShuyuanError, expected)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, plain_http)
    return defect


def _wrong_verb(app: FastAPI, request: Request, answer: ErrorPage) -> Response:
    """405 with every verb that the address answers to: the framework knows those of one route alone."""
    path = request.url.path
    found = {verb for verb, template in route_keys(app) if compile_path(template)[0].match(path)}
    verbs = sorted(found or {"GET"})  # below a mounted folder of files
    told = errors.MethodNotAllowed(f"{request.method} {path} is not answered", fix=f"use {' or '.join(verbs)}")
    response = answer(request, told)
    response.headers["allow"] = ", ".join(verbs)
    return response


def json_error_page(_request: Request, error: errors.ShuyuanError) -> Response:
    """An error page for prefixes that answer in JSON."""
    return json_error(error)


def json_error(error: errors.ShuyuanError) -> JSONResponse:
    """The error shape of our own API."""
    return JSONResponse({"error": error.to_dict()}, status_code=error.status)


def _in_words(error: RequestValidationError) -> str:
    """Field, value, what is allowed, of the first few."""
    parts: list[Any] = list(error.errors())  # Any: pydantic's error dictionaries
    return "; ".join(f"{'.'.join(str(step) for step in p['loc'])}: {_got(p)}{p['msg']}" for p in parts[:5])


def _got(part: Mapping[str, Any]) -> str:
    """The value that was sent; nothing where none was, or where it is a secret."""
    field, sent = str(part["loc"][-1]).lower(), part.get("input")
    if part["type"] in ("missing", "json_invalid") or any(word in field for word in SECRET_FIELDS):
        return ""
    if isinstance(sent, (str, int, float, type(None))):
        told = repr(sent)
        return f"got {told if len(told) <= SHOWN_OF_VALUE else told[:SHOWN_OF_VALUE] + '…'}. "
    return f"got {'an object' if isinstance(sent, Mapping) else 'a list'}. "
