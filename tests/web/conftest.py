"""The whole platform behind the pages: the demo school, served on loopback, once per session."""

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, sync_playwright
from tests.web import benches, demohome, schools

from shuyuan import compose, demo, migrations
from shuyuan.entrypoints import server
from shuyuan.kernel.settings import Settings

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-default-apps",
    "--disable-features=Translate,OptimizationHints,MediaRouter",
]


@dataclass(frozen=True)
class Site:
    """A running demo. accounts: role → (login, password)."""

    base_url: str
    accounts: dict[str, tuple[str, str]]
    platform: compose.Platform
    app: FastAPI

    @contextmanager
    def client(self, role: str | None, language: str = "en") -> Iterator[httpx.Client]:
        """A browser without script: signed in as `role`, or nobody."""
        headers = {"accept": "text/html", "sec-fetch-site": "same-origin"}
        with httpx.Client(base_url=self.base_url, headers=headers, timeout=30) as client:
            client.cookies.set("lang", language, domain="127.0.0.1", path="/")
            if role is not None:
                where, form = self._door(role)
                entered = client.post(where, data=form)
                assert entered.status_code == 303, entered.text
            yield client

    def _door(self, role: str) -> tuple[str, dict[str, str]]:
        login, password = self.accounts[role]
        if role != "student":
            return "/enter/adult", {"login": login, "password": password}
        code, _, number = login.partition(":")
        return "/enter/pupil", {"code": code, "number": number, "pin": password}


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The demo school, every module, nothing pulled."""
    home = tmp_path_factory.mktemp("site") / "home"
    ready = os.environ.get("SHUYUAN_DEMO_HOME")
    if ready:
        shutil.copytree(ready, home)
    else:
        demohome.copy(home)
    platform = compose.Platform(Settings(home=home, cache=home.parent / "models", starter="none", port=0))
    migrations.upgrade(platform.get("db"))
    made = demo.ensure(platform)
    app = server.build_app(platform)
    with served(app) as base_url:
        accounts = {one["role"]: (one["login"], one["password"]) for one in made.accounts}
        yield Site(base_url, accounts, platform, app)
    platform.close()


@pytest.fixture
def pupil(site: Site) -> Iterator[httpx.Client]:
    """The first pupil of the demo."""
    with site.client("student") as client:
        yield client


@pytest.fixture
def teacher(site: Site) -> Iterator[httpx.Client]:
    """Their teacher."""
    with site.client("teacher") as client:
        yield client


@pytest.fixture
def office(tmp_path: Path) -> Iterator[schools.Office]:
    """A school with nobody but its first administrator, without any model on its machine."""
    with schools.empty(tmp_path / "home", cache=tmp_path / "cache", starter="tiny") as made:
        yield made


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[benches.Bench]:
    """A workshop with one of each kind, which the tests of a file may change."""
    with benches.opened(tmp_path_factory.mktemp("workshop") / "school") as made:
        yield made


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The address of an application while the block runs."""
    listener = socket.create_server(("127.0.0.1", 0))
    running = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=running.run, args=([listener],), daemon=True)
    thread.start()
    while not running.started:
        if not thread.is_alive():
            raise RuntimeError("the server under test did not start")
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        running.should_exit = True
        thread.join(10)


@pytest.fixture(scope="module")  # no longer: while it lives, its event loop runs, and nobody else may start one
def chromium() -> Iterator[Browser]:
    """A headless Chromium; one clear line where there is none."""
    if not CHROMIUM.is_file():
        pytest.skip(f"no Chromium at {CHROMIUM}: install it (or set CHROMIUM) to run the journeys")
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        yield opened
        opened.close()
