"""The pictures of the README and of docs/: taken in headless Chromium from a fresh demo school, nothing retouched.

`make shots` writes docs/shots/*.png. Needs Chromium (Debian and Ubuntu: apt install chromium fonts-noto-cjk).
"""

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from shuyuan.entrypoints import process

OUT = Path(__file__).parents[1] / "docs" / "shots"
DESKTOP, PHONE = (1280, 860), (360, 740)
PICTURES = (
    ("teacher", "/teach/today", "en", DESKTOP, "teacher-today-en"),
    ("teacher", "/teach/class", "zh", DESKTOP, "teacher-class-zh"),
    ("student", "/learn/today", "zh", PHONE, "student-today-zh"),
    ("student", "/learn/map", "en", DESKTOP, "student-map-en"),
    ("admin", "/loop", "en", DESKTOP, "loop-en"),
    ("developer", "/developer", "en", DESKTOP, "developer-en"),
)


def main() -> None:
    """Start a school, take the pictures, stop it."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("no Chromium here: apt install chromium fonts-noto-cjk")
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, process.server(Path(folder), "--starter", "none") as running:
        accounts = {account["role"]: account for account in running.demo()["accounts"]}
        with process.sign_in(running.base_url, accounts["admin"]) as admin:
            admin.post("/api/loop/turn").raise_for_status()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            for role, path, language, size, name in PICTURES:
                _take(browser, running.base_url, accounts[role], path, language, size, OUT / f"{name}.png")
            browser.close()


def _take(
    browser: Browser,
    base_url: str,
    account: dict[str, str],
    path: str,
    language: str,
    size: tuple[int, int],
    target: Path,
) -> None:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme="light")
    headers = {"origin": base_url}
    body = {"login": account["login"], "password": account["password"]}
    context.request.post(f"{base_url}/api/session", data=body, headers=headers)
    context.request.put(f"{base_url}/api/session/language", data={"language": language}, headers=headers)
    page = context.new_page()
    page.goto(base_url + path)
    page.screenshot(path=target)
    context.close()
    print(target.name)


if __name__ == "__main__":
    main()
