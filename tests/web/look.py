"""Look at every page of the real demo: `python -m tests.web.look OUT_DIR [name…]` writes PNG files.

Set SHUYUAN_DEMO_HOME to a home that holds a demo already, to spare making one.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from tests.web.conftest import CHROMIUM, CHROMIUM_ARGS, served

from shuyuan import compose, demo, migrations
from shuyuan.entrypoints import server
from shuyuan.kernel.settings import Settings

SIZES = (("en", 1280, ""), ("zh", 1280, ""), ("zh", 360, ""), ("en", 360, ""), ("zh", 1280, "dark"))
STUDENT = {
    "today": "/learn/today",
    "course": "/learn/course",
    "map": "/learn/map",
    "mistakes": "/learn/mistakes",
    "me": "/learn/me",
    "help": "/help",
    "practice": "/learn/map > main .btn.primary",
    "lesson": "/learn/course > .lessons a",
    "point": "/learn/map > .map a, .map-list a",
    "missing": "/nowhere",
}
TEACHER = {
    "teach-today": "/teach/today",
    "teach-class": "/teach/class",
    "teach-cell": "/teach/class > .classmap td a",
    "teach-learner": "/teach/today > .pupil .go",
    "teach-assign": "/teach/assign",
    "teach-preview": "/teach/today > .bulk .primary",
    "teach-print": "/teach/today > .bulk .btn:nth-child(2) > main .btn.primary",
    "teach-questions": "/teach/questions",
    "teach-as": "/teach/today > .bulk .quiet",
    "teach-sent": "/teach/today > .bulk .primary > main .btn.primary",
}
NOBODY = {"enter": "/enter"}


def main(out: Path, names: list[str]) -> None:
    """Every page, both languages, wide and narrow, and dark."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        if os.environ.get("SHUYUAN_DEMO_HOME"):
            shutil.copytree(os.environ["SHUYUAN_DEMO_HOME"], home)
        platform = compose.Platform(Settings(home=home, starter="none", port=0))
        migrations.upgrade(platform.get("db"))
        made = demo.ensure(platform)
        accounts = {one["role"]: one for one in made.accounts}
        link = demo.link(platform)
        with served(server.build_app(platform)) as base, sync_playwright() as play:
            chromium = play.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
            for lang, width, theme in SIZES:
                for role, pages in (
                    (None, NOBODY | {"enter-as": f"/enter/{link}"}),
                    ("student", STUDENT),
                    ("teacher", TEACHER),
                ):
                    wanted = {name: way for name, way in pages.items() if not names or name in names}
                    if not wanted:
                        continue
                    context = chromium.new_context(viewport={"width": width, "height": 800})
                    context.add_cookies(
                        [
                            {"name": "lang", "value": lang, "url": base},
                            {"name": "theme", "value": theme or "light", "url": base},
                        ]
                    )
                    page = context.new_page()
                    said: list[str] = []
                    page.on("console", lambda message, said=said: said.append(message.text))
                    if role:
                        sign_in(page, base, role, accounts[role]["login"], accounts[role]["password"])
                    for name, way in wanted.items():
                        said.clear()
                        walk(page, base, way)
                        wide = page.evaluate("document.documentElement.scrollWidth")
                        page.screenshot(
                            path=out / f"{name}-{width}-{lang}{'-dark' if theme else ''}.png", full_page=True
                        )
                        print(name, lang, width, theme, f"SCROLLS to {wide}" if wide > width else "", said or "")
                    context.close()
            chromium.close()


def sign_in(page: Page, base: str, role: str, login: str, password: str) -> None:
    """Through the form, as a person would."""
    page.goto(f"{base}/enter")
    if role == "student":
        code, _, number = login.partition(":")
        page.fill("#f-code", code)
        page.fill("#f-number", number)
        page.fill("#f-pin", password)
        page.press("#f-pin", "Enter")
    else:
        page.fill("#f-login", login)
        page.fill("#f-password", password)
        page.press("#f-password", "Enter")
    page.wait_for_load_state()


def walk(page: Page, base: str, way: str) -> None:
    """`/path > selector > selector`: open, then click what is visible."""
    path, *clicks = (part.strip() for part in way.split(" > "))
    page.goto(base + path)
    for selector in clicks:
        page.locator(selector).locator("visible=true").first.click()
        page.wait_for_timeout(150)
        page.wait_for_load_state()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
