"""The playground in a browser: the answer appears as it is written, then what it cost."""

from pathlib import Path

from playwright.sync_api import Browser, expect
from tests.maas import starter_files
from tests.web import conftest, demohome

from shuyuan import compose, demo
from shuyuan.entrypoints import server
from shuyuan.kernel.settings import Settings


def test_answers_grow_side_by_side_and_end_with_their_facts(chromium: Browser, tmp_path: Path) -> None:
    starter_files.require("tiny")
    platform = compose.Platform(Settings(home=demohome.copy(tmp_path / "home"), starter="none", port=0))
    developer = next(one for one in demo.ensure(platform).accounts if one["role"] == "developer")
    with conftest.served(server.build_app(platform, [*compose.PLANES["maas"], *compose.PLANES["web"]])) as base_url:
        page = chromium.new_page(base_url=base_url)
        page.context.request.post(
            "/api/session",
            data={"login": developer["login"], "password": developer["password"]},
            headers={"origin": base_url},
        )
        grown: list[int] = []
        page.expose_function("grew", lambda length: grown.append(length))
        page.goto("/developer/playground")
        page.fill("#prompt", "Count from one to thirty.")
        page.select_option("#left", "tiny")
        page.select_option("#right", "tiny")
        page.evaluate(
            """() => new MutationObserver(() => {
              const said = document.querySelector("#sides .spoken");
              if (said) window.grew(said.textContent.length);
            }).observe(document.getElementById("sides"), { childList: true, subtree: true, characterData: true })"""
        )
        page.click("form[data-playground] button[type=submit]")
        expect(page.locator("#sides .facts")).to_have_count(2, timeout=120_000)
        assert len(set(grown)) > 3, "it was read while it was written"
        assert page.url.endswith("/developer/playground")
        assert page.locator("#prompt").input_value() == "Count from one to thirty.", "what was asked stays"
        assert page.locator("#side-1, #side-2").count() == 2
        page.close()
    platform.close()
