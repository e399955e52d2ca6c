"""One process that serves: build the application from the composed parts, announce it, stop what it started."""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

import shuyuan
from shuyuan import compose
from shuyuan.kernel import errors, http, log

ALL = tuple(compose.ROUTERS)
UPLOADS = {"/api/roster": 6_000_000, "/people/roster": 6_000_000}
GRACE_S = 5
_logger = log.get("entrypoints.server")


def build_app(platform: compose.Platform, modules: Sequence[str] = ALL) -> FastAPI:
    """The application of the named modules; every module by default."""
    return http.build_app(
        version=shuyuan.__version__,
        gate=compose.resolve("shuyuan.identity.http:gate")(platform.get("identity")),
        routers=platform.routers(modules),
        ready=lambda: _ready(platform),
        max_body_bytes=platform.settings.max_body_bytes,
        error_pages={prefix: compose.resolve(page) for prefix, page in compose.ERROR_PAGES.items()},
        lifespan=_lifespan(platform, modules),
        upload_paths=UPLOADS,
    )


def serve(
    platform: compose.Platform, announce: Callable[[str], None], modules: Sequence[str] = ALL,
    listener: socket.socket | None = None,
) -> None:
    """Listen, call `announce(base_url)` once requests are answered, and return after Ctrl-C or SIGTERM."""
    settings = platform.settings
    listener = listener or listen(settings.host, settings.port, tls=settings.tls_cert is not None)
    scheme = "https" if settings.tls_cert else "http"
    base_url = f"{scheme}://{_shown(settings.host)}:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        build_app(platform, modules), log_config=None, access_log=False, server_header=False,
        timeout_graceful_shutdown=GRACE_S, lifespan="on",
        ssl_certfile=settings.tls_cert, ssl_keyfile=settings.tls_key,
    )
    server = _Announcing(config, lambda: announce(base_url))
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])
    if not server.started:
        raise errors.Unavailable("the server did not start", fix="the lines above say which part failed")


def listen(host: str, port: int, *, tls: bool) -> socket.socket:
    """A bound socket. Raises BadInput for a network address without TLS, or a port in use."""
    if not _is_loopback(host) and not tls:
        raise errors.BadInput(
            f"--host {host} would send passwords and answers over the network unencrypted",
            fix="add --tls-cert FILE --tls-key FILE, or keep the default 127.0.0.1",
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(512)
    except OSError as taken:
        listener.close()
        raise errors.BadInput(
            f"cannot listen on {host}:{port}: {taken.strerror}", fix="choose another --port, or 0 for a free one"
        ) from taken
    return listener


class _Announcing(uvicorn.Server):
    """uvicorn, telling once when it answers."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            await asyncio.to_thread(self._announce)


def _lifespan(
    platform: compose.Platform, modules: Sequence[str]
) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def span(_app: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(platform.register_jobs, modules)
        for name in ("outbox", "scheduler"):
            platform.get(name).start()
        try:
            yield
        finally:
            _logger.info("server_stopping")
            if (engine := platform.built("engine")) is not None:
                await engine.close()
            await asyncio.to_thread(platform.close)

    return span


def _ready(platform: compose.Platform) -> Mapping[str, str]:
    """Which parts can take traffic. A model still being pulled does not hold the pages back."""
    try:
        with platform.get("db").read() as conn:
            conn.exec_driver_sql("SELECT 1")
    except Exception as failure:
        return {"database": f"failed: {type(failure).__name__}"}
    return {"database": "ok", "writer": "ok"}


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
