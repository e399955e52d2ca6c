"""A real server on a free loopback port, in a thread of the test."""

import contextlib
import threading
import time
from collections.abc import AsyncIterator, Iterator

import uvicorn
from fastapi import FastAPI

from shuyuan.identity import http as identity_http
from shuyuan.identity.service import IdentityService
from shuyuan.kernel.http import build_app
from shuyuan.kernel.settings import Settings
from shuyuan.maas.gateway import errors as gateway_errors
from shuyuan.maas.gateway import routes
from shuyuan.maas.gateway.routes import express
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.serving import interface as serving


def app_of(
    identity: IdentityService, gateway: GatewayService, engine: serving.Engine, *, max_body_bytes: int = 500_000
) -> FastAPI:
    """The model plane's application: the real gate, the gateway's routes, its errors."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await gateway.drain()
        await engine.close()

    app = build_app(
        version="test",
        gate=identity_http.gate(identity),
        routers=[routes.router(gateway)],
        ready=dict,
        max_body_bytes=max_body_bytes,
        error_pages={"/v1": gateway_errors.error_page},
        lifespan=lifespan,
    )
    app.add_middleware(express.front(gateway, identity, Settings(max_body_bytes=max_body_bytes)))
    return app


@contextlib.contextmanager
def running(app: FastAPI) -> Iterator[str]:
    """Serve until the block ends; yields the base URL."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="on"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=20)
