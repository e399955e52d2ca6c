"""Look at every page with made-up data: `python -m tests.web.preview OUT_DIR [name…]` writes PNG files.

Needs Chromium at CHROMIUM. Serves the pages on a free loopback port while it takes the pictures.
"""

import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from playwright.sync_api import Browser, sync_playwright
from tests.web import fakes

from shuyuan.identity.interface import Principal
from shuyuan.kernel.http import build_app
from shuyuan.web import errors, routes

CHROMIUM = "/usr/bin/chromium"
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-default-apps",
    "--disable-features=Translate,OptimizationHints,MediaRouter",
]
CLASS = "class"
PAGES = {
    "enter": ("", "/enter"),
    "enter-as": ("", "/enter/token"),
    "enter-first": ("", "/enter/first"),
    "help": ("pupil01", "/help"),
    "missing": ("pupil01", "/nowhere"),
    "today": ("pupil01", "/learn/today"),
    "course": ("pupil01", "/learn/course"),
    "lesson": ("pupil01", "/learn/lesson?id=algebra.l2"),
    "map": ("pupil01", "/learn/map"),
    "point": ("pupil01", "/learn/point?id=algebra.brackets"),
    "mistakes": ("pupil01", "/learn/mistakes"),
    "practice": ("pupil01", "/learn/practice/attempt"),
    "practice-text": ("pupil01", "/learn/practice/attempt?item=algebra.q3-expression"),
    "done": ("pupil01", "/learn/practice/attempt/done"),
    "me": ("pupil01", "/learn/me"),
    "teach-today": ("teacher", "/teach/today"),
    "teach-class": ("teacher", "/teach/class"),
    "teach-cell": ("teacher", "/teach/class?learner=pupil02&point=algebra.brackets"),
    "teach-learner": ("teacher", "/teach/learners/pupil02"),
    "teach-assign": ("teacher", "/teach/assign"),
    "teach-preview": ("teacher", "/teach/assign?point_id=algebra.brackets&learner=pupil01&learner=pupil02"),
    "teach-papers": ("teacher", "/teach/papers?point_id=algebra.brackets&learner=pupil01&learner=pupil02"),
    "teach-papers-choose": ("teacher", "/teach/papers"),
    "teach-questions": ("teacher", "/teach/questions"),
    "teach-as": ("teacher", "/teach/learners/pupil01/today"),
}
CLICKS = {  # what is pressed before the picture is taken
    "teach-print": "main .btn.primary",
    "sent": "main .btn.primary",
    "switch": ".switch",
    "menu": ".menu-btn",
}
PAGES |= {
    "teach-print": PAGES["teach-papers"],
    "sent": PAGES["teach-preview"],
    "switch": PAGES["today"],
    "menu": PAGES["map"],
}


def app(*, empty: bool = False) -> FastAPI:
    """The pages over the fakes; the cookie `as` says who one is."""
    needs = fakes.Fakes(empty=empty).needs()
    router = routes.router(**needs)

    def gate(request: Request) -> None:
        who = request.cookies.get("as", "")
        role: Any = "student" if who.startswith("pupil") else who
        request.state.principal = Principal(who, fakes.SCHOOL.id, role) if who else None

    return build_app(
        version="0",
        gate=gate,
        routers=[router],
        ready=dict,
        max_body_bytes=1_000_000,
        error_pages={"/": errors.error_page},
    )


@contextmanager
def served(application: FastAPI) -> Iterator[str]:
    """The address of the application while the block runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(application, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield opened
        opened.close()


def main(out: Path, names: list[str]) -> None:
    """Both languages at 1280, Chinese and English at 360."""
    out.mkdir(parents=True, exist_ok=True)
    with served(app()) as base, browser() as chromium:
        for name in names or list(PAGES):
            who, path = PAGES[name]
            for lang, width in (("en", 1280), ("zh", 1280), ("zh", 360), ("en", 360)):
                context = chromium.new_context(viewport={"width": width, "height": 800}, locale="zh-CN")
                cookies = [{"name": "lang", "value": lang, "url": base}]
                context.add_cookies(cookies + ([{"name": "as", "value": who, "url": base}] if who else []))  # type: ignore[arg-type]
                page = context.new_page()
                said: list[str] = []
                page.on("console", lambda message, said=said: said.append(message.text))
                page.goto(base + path)
                if name in CLICKS:
                    page.click(CLICKS[name])
                    page.wait_for_timeout(400)
                wide = page.evaluate("document.documentElement.scrollWidth")
                page.screenshot(path=out / f"{name}-{width}-{lang}.png", full_page=True)
                note = f" SCROLLS to {wide}" if wide > width else ""
                print(f"{name} {lang} {width}{note} {said or ''}")
                context.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
