"""The main path in a real Chromium: a file, its plan, a run and its curve, a version in use; and every page's looks."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.web import benches, conftest, demohome, schools, workbench
from tests.web.test_journeys import faults, opened

from shuyuan import compose, demo
from shuyuan.entrypoints import server
from shuyuan.kernel.settings import Settings

pytest.importorskip("torch", reason="training needs torch: make train")
pytest.importorskip("polars", reason="data sets are read with polars: make train")
LONG_MS = 60_000


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[conftest.Site]:
    """A demo school of its own."""
    home = demohome.copy(tmp_path_factory.mktemp("shop") / "home")
    platform = compose.Platform(Settings(home=home, starter="none", port=0))
    accounts = {one["role"]: (one["login"], one["password"]) for one in demo.ensure(platform).accounts}
    app = server.build_app(platform, schools.WITHOUT_CLOCK)
    with conftest.served(app) as base_url:
        yield conftest.Site(base_url, accounts, platform, app)
    platform.close()


def looks_right(page: Page, width: int, name: str) -> None:
    """No rule of accessibility broken, no sideways scroll."""
    found = faults(page)
    assert not found, f"{name}: {found}"
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, f"{name} is {wide} wide at {width}"


def test_from_a_file_to_a_version_in_use(chromium: Browser, shop: conftest.Site, tmp_path: Path) -> None:
    file = tmp_path / "marks.csv"
    file.write_bytes(workbench.table())
    with opened(chromium, shop, "admin") as page:
        page.goto(f"{shop.base_url}/workshop/data")
        page.set_input_files("#f-file", file)
        page.fill("#f-name", "marks")
        page.click("#upload button[type=submit]")
        page.wait_for_url("**/workshop/data/marks/1**", timeout=LONG_MS)  # its progress page led on by itself

        page.get_by_label("Role passed").select_option("label")
        page.get_by_label("Role sheet").select_option("ignore")
        page.get_by_label("Dealt out").select_option("stratified")
        page.click("#prepare button[type=submit]")
        page.wait_for_url("**/workshop/data/marks/2**", timeout=LONG_MS)

        page.click("main .head .primary")
        page.wait_for_selector("#settings-h")
        page.select_option("#s-task", "tabular_regression")
        expect(page.locator("#q-epochs")).to_be_visible()
        page.select_option("#s-task", "tabular_classification")
        expect(page.locator("#choose")).to_contain_text("class of a row")
        page.fill("#q-epochs", "30")
        page.fill("#q-rate", "0.05")
        page.click("form[action='/workshop/runs'] button[type=submit]")
        page.wait_for_url("**/workshop/runs/**")
        expect(page.locator("polyline").first).to_be_attached(timeout=LONG_MS)  # it came by itself
        page.wait_for_selector("#register-h", timeout=LONG_MS)
        run = page.url.split("?")[0]

        page.fill("#f-model", "passing")
        page.click("form[action$='/register'] button[type=submit]")
        page.wait_for_url("**/workshop/models/passing**")
        page.fill("#p-reason", "the first one")
        page.click("form[action$='/promote'] button[type=submit]")
        page.wait_for_url("**notice=promoted**")
        assert page.inner_text("h1") == "Version 1 is in use"

        for path in ["/workshop/data/marks/2", run.removeprefix(shop.base_url), "/workshop/models/passing"]:
            page.goto(shop.base_url + path)
            looks_right(page, 1280, path)


@pytest.mark.parametrize(("language", "width", "dark"), [("zh", 360, True), ("en", 360, False)])
def test_the_workshop_is_accessible_and_fits_a_phone(
    chromium: Browser, shop: conftest.Site, language: str, width: int, dark: bool
) -> None:
    paths = [f"/workshop/{name}" for name in benches.LISTS]
    with opened(chromium, shop, "developer", language=language, width=width, dark=dark) as page:
        page.goto(f"{shop.base_url}/workshop/runs")
        known = page.locator("main h3 a").evaluate_all("all => all.map(one => one.getAttribute('href'))")
        for path in [*paths, "/workshop/new-run", "/workshop/data/marks", "/workshop/models/passing", *known]:
            page.goto(shop.base_url + path)
            looks_right(page, width, path)
