"""In a real Chromium: nothing said on the console, no rule of accessibility broken, no sideways scroll, keys only.

Where Chromium is missing these are skipped with one line.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route
from tests.web.conftest import Site
from tests.web.walking import answer_by_key, sign_in, tab_to, walk

from shuyuan.identity import http as identity_http

# formulas that stand out of their choice, or under its tag
CUT = """[...document.querySelectorAll('.choice math')].filter(one => {
  const [formula, choice] = [one, one.closest('.choice')].map(it => it.getBoundingClientRect());
  const tag = one.closest('.choice').querySelector('.tag')?.getBoundingClientRect();
  const under = tag && tag.left < formula.right && tag.top < formula.bottom && tag.bottom > formula.top;
  return formula.right > choice.right || under;
}).map(one => one.textContent)"""
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
STUDENT = [
    "/learn/today",
    "/learn/course",
    "/learn/course > .lessons a",
    "/learn/map",
    "/learn/map > .map a, .map-list a",
    "/learn/mistakes",
    "/learn/me",
    "/learn/profile",
    "/learn/courses",
    "/learn/map > main .btn.primary",
    "/help",
]
TEACHER = [
    "/teach/today",
    "/teach/class",
    "/teach/class > .classmap td a",
    "/teach/today > .pupil .go",
    "/teach/today > .pupil .go > a[href$='/profile']",
    "/teach/assign",
    "/teach/today > .bulk .primary",
    "/teach/papers",
    "/teach/today > .bulk .btn:nth-child(2) > main .btn.primary",
    "/teach/questions",
]
POINT = "year7-expressions.removing-brackets"


# what htmx says of a request that a newer choice in the same form took the place of (hx-sync "replace")
SUPERSEDED = re.compile(r"htmx:(sendAbort|afterRequest), ")


@contextmanager
def opened(
    chromium: Browser, site: Site, role: str | None, *, language: str = "en", width: int = 1280, dark: bool = False
) -> Iterator[Page]:
    """A signed-in page; afterwards the console must have stayed silent and no other server been asked."""
    context = chromium.new_context(viewport={"width": width, "height": 800}, locale="en-GB", reduced_motion="reduce")
    context.add_cookies(
        [
            {"name": "lang", "value": language, "url": site.base_url},
            {"name": "theme", "value": "dark" if dark else "light", "url": site.base_url},
        ]
    )
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: None if SUPERSEDED.match(message.text) else said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    if role is not None:
        sign_in(page, site.base_url, role, *site.accounts[role])
    yield page
    context.close()
    assert not said, f"the console said {said}"
    outside = [url for url in asked if not url.startswith((site.base_url, "data:"))]
    assert not outside, f"other servers were asked: {outside}"


def faults(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 A and AA and good practice."""
    if not AXE.is_file():
        pytest.skip("axe-core is not fetched: run python scripts/fetch_assets.py --tests")
    page.evaluate(AXE.read_text("utf-8"))
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    broken = [f"{one['id']}: {one['nodes'][0]['html'][:160]} ({len(one['nodes'])}×)" for one in found["violations"]]
    return broken + [f"a formula is cut: {text}" for text in page.evaluate(CUT)]


@pytest.mark.parametrize(("language", "width", "dark"), [("zh", 1280, False), ("en", 360, True)])
@pytest.mark.parametrize(("role", "ways"), [(None, ["/enter", "/help"]), ("student", STUDENT), ("teacher", TEACHER)])
def test_pages_are_accessible_and_fit(
    chromium: Browser, site: Site, role: str | None, ways: list[str], language: str, width: int, dark: bool
) -> None:
    with opened(chromium, site, role, language=language, width=width, dark=dark) as page:
        for way in ways:
            walk(page, site.base_url, way)
            found = faults(page)
            assert not found, f"{way}: {found}"
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{way} is {wide} wide at {width}"


@pytest.mark.parametrize(("role", "ways"), [("student", STUDENT), ("teacher", TEACHER)])
def test_pages_fit_a_phone_in_chinese(chromium: Browser, site: Site, role: str, ways: list[str]) -> None:
    with opened(chromium, site, role, language="zh", width=360) as page:
        for way in ways:
            walk(page, site.base_url, way)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= 360, f"{way} is {wide} wide"


def test_axe_finds_a_planted_fault(chromium: Browser, site: Site) -> None:
    with opened(chromium, site, None) as page:
        page.goto(f"{site.base_url}/enter")
        page.evaluate("document.querySelector('label[for=f-login]').remove()")
        assert any(one.startswith("label") for one in faults(page))


def test_a_practice_is_done_with_the_keyboard_alone(chromium: Browser, site: Site) -> None:
    with opened(chromium, site, "student") as page:
        page.goto(f"{site.base_url}/learn/map")
        tab_to(page, "main .btn.primary")
        page.keyboard.press("Enter")
        page.wait_for_selector("#ask")
        for _ in range(3):
            answer_by_key(page)
            page.keyboard.press("Enter")
            page.wait_for_selector("#verdict")
            assert page.inner_text(".saved").startswith("Saved")
            if page.locator("[data-next]").count() == 0:
                tab_to(page, ".skip-q")
            assert page.evaluate("document.activeElement.matches('[data-next], .skip-q')"), "the way on has the focus"
            page.keyboard.press("Enter")
            page.wait_for_selector("#verdict", state="detached")


def test_a_hint_opens_in_place_and_takes_the_focus(chromium: Browser, site: Site) -> None:
    with opened(chromium, site, "student") as page:
        walk(page, site.base_url, "/learn/map > main .btn.primary")
        page.get_by_role("button", name="Open hint 1").click()
        page.wait_for_selector(".ladder details[open]")
        assert page.inner_text(":focus") == "Hint 1"


def test_an_answer_waits_on_the_device_while_the_network_is_away(chromium: Browser, site: Site) -> None:
    context = chromium.new_context(locale="en-GB")
    context.add_cookies([{"name": "lang", "value": "en", "url": site.base_url}])
    page = context.new_page()
    sign_in(page, site.base_url, "student", *site.accounts["student"])
    walk(page, site.base_url, "/learn/map > main .btn.primary")
    away = True

    def network(route: Route) -> None:
        if away:
            route.abort()
        else:
            route.continue_()

    page.route("**/answer", network)
    answer_by_key(page)
    page.click(".actions .primary")
    page.wait_for_selector(".saved.waiting")
    assert "kept on this device" in page.inner_text(".saved")
    assert page.evaluate("localStorage.getItem('shuyuan.unsent')").count("client_key") == 1
    away = False
    page.wait_for_selector("#verdict", timeout=15_000)
    assert page.inner_text(".saved").startswith("Saved")
    assert page.evaluate("localStorage.getItem('shuyuan.unsent')") == "{}"
    context.close()


UNSENT = "localStorage.getItem('shuyuan.unsent')"


@contextmanager
def at_a_question(chromium: Browser, site: Site) -> Iterator[Page]:
    """A pupil in front of an open question, who has chosen an answer."""
    context = chromium.new_context(locale="en-GB", reduced_motion="reduce")
    context.add_cookies([{"name": "lang", "value": "en", "url": site.base_url}])
    page = context.new_page()
    sign_in(page, site.base_url, "student", *site.accounts["student"])
    walk(page, site.base_url, "/learn/map > main .btn.primary")
    answer_by_key(page)
    yield page
    context.close()


def test_an_answer_given_after_the_session_ended_is_sent_once_one_is_signed_in_again(
    chromium: Browser, site: Site
) -> None:
    with at_a_question(chromium, site) as page:
        where = page.url
        page.context.clear_cookies(name=identity_http.COOKIE)
        page.click(".actions .primary")
        page.wait_for_selector(".saved.waiting")
        assert "Not sent yet: sign in again" in page.inner_text(".saved")
        assert page.evaluate(UNSENT).count("client_key") == 1
        page.click(".saved a")
        code, _, number = site.accounts["student"][0].partition(":")
        for field, value in (("code", code), ("number", number), ("pin", site.accounts["student"][1])):
            page.fill(f"#f-{field}", value)
        page.press("#f-pin", "Enter")
        page.wait_for_selector("#verdict")
        assert page.url.startswith(where.partition("?")[0]), "back at the question"
        assert page.evaluate(UNSENT) == "{}"


@pytest.mark.parametrize(("status", "said"), [(403, "sign in again"), (429, "server is busy"), (503, "server is busy")])
def test_an_answer_is_kept_while_the_server_does_not_take_it(
    chromium: Browser, site: Site, status: int, said: str
) -> None:
    with at_a_question(chromium, site) as page:
        page.route("**/answer", lambda route: route.fulfill(status=status, body="no"))
        page.click(".actions .primary")
        page.wait_for_selector(".saved.waiting")
        assert said in page.inner_text(".saved")
        assert page.evaluate(UNSENT).count("client_key") == 1
        page.unroute("**/answer")
        page.evaluate("dispatchEvent(new Event('online'))")
        page.wait_for_selector("#verdict")
        assert page.evaluate(UNSENT) == "{}"


def test_an_answer_that_was_taken_is_sent_once_and_no_more(chromium: Browser, site: Site) -> None:
    with at_a_question(chromium, site) as page:
        sent: list[str] = []
        page.on("request", lambda asked: sent.append(asked.url) if asked.url.endswith("/answer") else None)
        page.click(".actions .primary")
        page.wait_for_selector("#verdict")
        page.wait_for_timeout(300)
        assert page.evaluate(UNSENT) == "{}"
        page.reload()
        page.wait_for_timeout(300)
        assert len(sent) == 1


def test_an_answer_that_is_refused_for_good_is_told_with_the_reason(chromium: Browser, site: Site) -> None:
    with at_a_question(chromium, site) as page:
        body = "<h1>this practice is closed</h1>"
        page.route("**/answer", lambda route: route.fulfill(status=409, content_type="text/html", body=body))
        page.click(".actions .primary")
        page.wait_for_selector(".saved.waiting")
        assert page.inner_text(".saved") == "Not taken: this practice is closed"
        assert page.evaluate(UNSENT) == "{}"


def test_a_small_update_after_the_session_ended_leads_to_the_entrance_and_back(chromium: Browser, site: Site) -> None:
    with at_a_question(chromium, site) as page:
        where = page.url
        page.context.clear_cookies(name=identity_http.COOKIE)
        page.get_by_role("button", name="Open hint 1").click()
        page.wait_for_url(lambda address: "/enter?back=" in address)
        assert page.input_value("form:has(#f-pin) [name=back]") == where.removeprefix(site.base_url)


@pytest.mark.parametrize("width", [360, 1280])
def test_a_backup_shows_that_it_is_being_made(chromium: Browser, site: Site, width: int) -> None:
    with opened(chromium, site, "admin", width=width) as page:
        page.goto(f"{site.base_url}/admin")
        waiting: list[Route] = []
        page.route("**/admin/backup", lambda route: waiting.append(route))
        page.get_by_role("button", name="Back up now").click()
        page.wait_for_selector(".htmx-request .busy")
        assert page.get_by_role("button", name="Back up now").is_disabled()
        assert "Working on it" in page.inner_text(".htmx-request .busy")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width
        waiting[0].continue_()
        page.wait_for_selector("text=Backed up into")
        assert not faults(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_tutor_answers_beside_the_question(chromium: Browser, site: Site) -> None:
    with opened(chromium, site, "student") as page:
        walk(page, site.base_url, "/learn/map > main .btn.primary")
        page.fill(".tutor input[name=message]", "Where do I begin?")
        page.press(".tutor input[name=message]", "Enter")
        page.wait_for_selector(".tutor .said-hint")
        page.wait_for_selector(".tutor [aria-busy]", state="detached")
        assert "Where do I begin?" in page.inner_text(".talk")


def test_a_hint_of_the_tutor_is_opened_in_the_ladder_too(chromium: Browser, site: Site) -> None:
    with opened(chromium, site, "student") as page:
        walk(page, site.base_url, "/learn/map > main .btn.primary")
        page.get_by_role("button", name="Open hint 1").click()
        page.wait_for_selector(".ladder li.open")
        page.fill(".tutor input[name=message]", "And then?")
        page.press(".tutor input[name=message]", "Enter")
        page.wait_for_selector(".ladder li.open[data-n='2']")
        assert page.locator(".tutor .said-hint").inner_text().startswith("Hint 2")
        assert page.locator(".tutor .said-hint").count() == 1, "what the ladder had opened is not told again"


def test_what_is_sent_while_the_tutor_answers_is_kept_and_told_why(chromium: Browser, site: Site) -> None:
    with opened(chromium, site, "student") as page:
        walk(page, site.base_url, "/learn/map > main .btn.primary")
        waiting: list[Route] = []
        page.route("**/api/attempts/**/tutor", lambda route: waiting.append(route))
        page.fill(".tutor input[name=message]", "Where do I begin?")
        page.press(".tutor input[name=message]", "Enter")
        page.fill(".tutor input[name=message]", "And one more thing")
        assert page.get_attribute(".tutor form button", "aria-disabled") == "true"
        page.press(".tutor input[name=message]", "Enter")
        assert "can be sent when this one is done" in page.inner_text(".wait-line")
        assert page.input_value(".tutor input[name=message]") == "And one more thing"
        assert page.locator(".say.me").count() == 1
        waiting[0].continue_()
        page.wait_for_selector(".tutor [aria-busy]", state="detached")
        assert page.get_attribute(".tutor form button", "aria-disabled") == "false"
        assert page.inner_text(".wait-line") == ""


def test_with_nobody_ticked_the_page_stays_and_says_so(chromium: Browser, site: Site) -> None:
    with opened(chromium, site, "teacher") as page:
        page.goto(f"{site.base_url}/teach/today")
        page.uncheck("[data-all]")
        for button in page.locator(".bulk button").all():
            button.click()
            assert page.url.endswith("/teach/today")
            assert page.locator("[data-nobody]").is_visible()
        assert not faults(page)
        page.locator(".pupils input").first.check()
        page.locator(".bulk .primary").click()
        page.wait_for_url(lambda address: "/teach/assign" in address)


def test_on_a_phone_the_tutor_is_a_sheet_that_escape_closes(chromium: Browser, site: Site) -> None:
    with opened(chromium, site, "student", width=360) as page:
        walk(page, site.base_url, "/learn/map > main .btn.primary")
        assert not page.locator("#tutor").is_visible()
        page.get_by_role("button", name="Ask the tutor").click()
        assert page.locator("#tutor").is_visible()
        page.keyboard.press("Escape")
        assert not page.locator("#tutor").is_visible()
        assert page.inner_text(":focus") == "Ask the tutor"


def test_a_cell_of_the_class_map_opens_its_answers_in_place(chromium: Browser, site: Site) -> None:
    with opened(chromium, site, "teacher") as page:
        page.goto(f"{site.base_url}/teach/class")
        page.locator(".classmap td a").first.click()
        page.wait_for_selector("#cell .answers, #cell .s.dim")
        assert page.url.endswith("/teach/class")


def test_everybody_at_once_is_ticked_by_one_box(chromium: Browser, site: Site) -> None:
    with opened(chromium, site, "teacher") as page:
        page.goto(f"{site.base_url}/teach/assign")
        page.check("[data-all]")
        assert page.locator("input[name=learner]:checked").count() == 32
