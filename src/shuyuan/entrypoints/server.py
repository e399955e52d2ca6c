"""One process that serves: build the application from the composed parts, announce it, stop what it started."""

import asyncio
import contextlib
import errno
import gc
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI

import shuyuan
from shuyuan import compose
from shuyuan.kernel import addresses, errors, http, log
from shuyuan.kernel.http import app as http_app
from shuyuan.maas.catalogue.interface import Locator

if TYPE_CHECKING:  # the model plane alone loads nothing of learning
    from shuyuan.learning.courses.interface import Courses

ALL = tuple(compose.ROUTERS)
GARBAGE = (20_000, 20, 20)  # allocations until the youngest are looked through, and so on: see _settle_memory
DOORS = 8  # see _doors
GRACE_S, LOOK_FOR_MODELS_S, ANCHOR_EVERY_S, PRUNE_EVERY_S = 5, 2.0, 5.0, 3600.0
_logger = log.get("entrypoints.server")


def build_app(platform: compose.Platform, modules: Sequence[str] = ALL) -> FastAPI:
    """The application of the named modules; every module by default."""
    app = http.build_app(
        version=shuyuan.__version__,
        gate=_gate(platform),
        routers=platform.routers(modules),
        ready=lambda: _ready(platform),
        max_body_bytes=platform.settings.max_body_bytes,
        error_pages=_error_pages(modules),
        lifespan=_lifespan(platform, modules),
        body_caps=compose.body_caps(platform.settings),
        known=compose.resolve("shuyuan.identity.http:known")(platform.get("identity")),
    )
    for front in platform.fronts(modules):
        app.add_middleware(front)
    return app


def serve(
    platform: compose.Platform,
    announce: Callable[[str], None],
    modules: Sequence[str] = ALL,
    listener: socket.socket | None = None,
) -> None:
    """Listen, call `announce(base_url)` once requests are answered, and return after Ctrl-C or SIGTERM."""
    settings = platform.settings
    listener = listener or listen(settings.host, settings.port, tls=settings.tls_cert is not None)
    base_url = addresses.for_people(settings.host, listener.getsockname()[1], settings.tls_cert)
    config = uvicorn.Config(
        build_app(platform, modules),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        lifespan="on",
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )
    server = _Announcing(config, lambda: announce(base_url))
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=_doors(listener))
    if not server.started:
        raise errors.Unavailable("the server did not start", fix="the lines above say which part failed")


def check_certificate(cert: Path | None, key: Path | None) -> None:
    """Raise BadInput unless the two files are there together, readable and a pair."""
    if cert is None and key is None:
        return
    if cert is None or key is None:
        given, missing = ("--tls-cert", "--tls-key") if key is None else ("--tls-key", "--tls-cert")
        raise errors.BadInput(f"{given} came without {missing}", fix=f"add {missing} FILE")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password="")  # never ask
    except (ssl.SSLError, OSError) as wrong:
        raise errors.BadInput(
            f"{cert} and {key} are no certificate with its key: {wrong}",
            fix="give a PEM certificate and the PEM private key that belongs to it, without a password",
        ) from wrong


def listen(host: str, port: int, *, tls: bool) -> socket.socket:
    """A bound socket. Raises BadInput for a network address without TLS, or a port in use."""
    if not is_loopback(host) and not tls:
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
    except OSError as refused:
        listener.close()
        in_use = refused.errno == errno.EADDRINUSE
        raise errors.BadInput(
            f"cannot listen on {host}:{port}: {refused.strerror}",
            fix="choose another --port, or 0 for a free one"
            if in_use
            else "give --host an address of this machine and --port one you may open",
        ) from refused
    return listener


def _doors(listener: socket.socket) -> list[socket.socket]:
    """The same socket several times: libuv (since 1.45) takes one new connection from each at every turn of its loop.

    A class that comes in at once, each with a connection of its own, would otherwise be let in one by one, with a
    turn's work between them.
    """
    return [listener, *(listener.dup() for _ in range(DOORS - 1))]


class _Announcing(uvicorn.Server):
    """uvicorn, telling once when it answers."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            _settle_memory()
            await asyncio.to_thread(self._announce)


def _gate(platform: compose.Platform) -> http.Gate:
    """People with a session or an API key, and commands of this machine's owner."""
    identity = platform.get("identity")
    people = compose.resolve("shuyuan.identity.http:gate")(identity)
    with_owner: http.Gate = compose.resolve("shuyuan.identity.owner:gate")(people, identity, platform.settings.home)
    return with_owner


def _lifespan(
    platform: compose.Platform, modules: Sequence[str]
) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def span(_app: FastAPI) -> AsyncIterator[None]:
        platform.get("main_loop").open()
        await asyncio.to_thread(platform.register_jobs, modules)
        await asyncio.to_thread(_open_courses, platform, modules)
        platform.get("scheduler").every(ANCHOR_EVERY_S, "audit-anchor", lambda: _drop_anchor(platform))
        platform.get("scheduler").every(PRUNE_EVERY_S, "outbox-prune", platform.get("outbox").prune)
        for name in ("outbox", "scheduler"):
            platform.get(name).start()
        waking = asyncio.create_task(_wake_starters(platform, modules))
        try:
            yield
        finally:
            _logger.info("server_stopping")
            waking.cancel()
            for name, finish in (("tutor", "drain"), ("gateway", "drain"), ("engine", "close")):
                if (part := platform.built(name)) is not None:
                    await getattr(part, finish)()
            await asyncio.to_thread(_drop_anchor, platform)
            await asyncio.to_thread(platform.close)

    return span


def _settle_memory() -> None:
    """What was made until now stays: the garbage collector need not look through it again and again.

    A full look through everything imported stops every request for a tenth of a second on a quiet machine, and for
    most of a second on one whose models compute.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)


def _drop_anchor(platform: compose.Platform) -> None:
    with platform.get("db").read() as conn:
        platform.get("audit").drop_anchor(conn)


async def _wake_starters(platform: compose.Platform, modules: Sequence[str]) -> None:
    """Load the starter models once they are here, so that the first pupil does not wait for it."""
    if platform.settings.starter == "none" or "gateway" not in modules:
        return
    await asyncio.gather(*(_wake(platform, name) for name in ("embed", platform.settings.starter)))


async def _wake(platform: compose.Platform, name: str) -> None:
    """One model: wait for its file however long that takes, then load it."""
    while not await asyncio.to_thread(_is_here, platform.get("catalogue"), name):
        await asyncio.sleep(LOOK_FOR_MODELS_S)
    try:
        await platform.get("engine").warm(name)
    except errors.ShuyuanError as failure:
        _logger.warning("starter_not_loaded", model=name, error=failure.message)


def _open_courses(platform: compose.Platform, modules: Sequence[str]) -> None:
    """Read every course once, so that the first hint of the day is as quick as the next."""
    if "courses" not in modules:
        return
    courses: Courses = platform.get("courses")
    for school in platform.get("identity").schools():
        for course in courses.courses(school.id):
            for point in courses.graph(school.id, course.id).points:
                for item_id in courses.items_of_point(school.id, point.id)[:1]:
                    courses.question(school.id, item_id, 0, "zh")


def _is_here(catalogue: Locator, name: str) -> bool:
    try:
        catalogue.locate(name)
    except errors.ShuyuanError:
        return False
    return True


def _error_pages(modules: Sequence[str]) -> dict[str, http_app.ErrorPage]:
    """Each prefix's renderer; without pages (the model plane alone) everything else answers in JSON."""
    pages = {prefix: page for prefix, page in compose.ERROR_PAGES.items() if prefix != "/" or "web" in modules}
    return {prefix: compose.resolve(page) for prefix, page in pages.items()}


def _ready(platform: compose.Platform) -> Mapping[str, str]:
    """Which parts can take traffic. A model still being pulled does not hold the pages back."""
    try:
        with platform.get("db").read() as conn:
            conn.exec_driver_sql("SELECT 1")
    except Exception as failure:
        return {"database": f"failed: {type(failure).__name__}"}
    return {"database": "ok", "writer": "ok"}


def is_loopback(host: str) -> bool:
    """Only this machine can reach that address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
