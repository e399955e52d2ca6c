"""Usage in figures of money and time: the live page, one's own allowance, the school's term, prices and cache."""

from datetime import UTC, date, datetime, timedelta

import pytest
from tests.web import checks, schools
from tests.web.conftest import Site

from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock
from shuyuan.maas.gateway.interface import Moment
from shuyuan.web.pages import live


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", ["/admin/live", "/admin/live?still=1", "/quota", "/admin/usage"])
def test_a_page_of_the_administrator_is_sound(site: Site, path: str, language: str) -> None:
    with site.client("admin", language) as client:
        answer = client.get(path)
        assert answer.status_code == 200
        checks.is_sound(answer.text, language)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("role", ["teacher", "developer"])
def test_everybody_who_may_call_a_model_sees_what_is_left(site: Site, role: str, language: str) -> None:
    with site.client(role, language) as client:
        answer = client.get("/quota")
        assert answer.status_code == 200
        checks.is_sound(answer.text, language)
        assert 'href="/quota"' in answer.text, "it stands in the navigation"
        assert "3,000,000" in answer.text or "10,000,000" in answer.text


def test_pupils_have_no_such_page_and_the_live_page_is_the_administrators(site: Site) -> None:
    with site.client("student") as client:
        assert client.get("/quota").status_code == 403
    with site.client("teacher") as client:
        assert [client.get(path).status_code for path in ("/admin/live", "/admin/live/charts")] == [403, 403]
        assert client.post("/admin/usage/terms").status_code == 403


def test_the_charts_ask_again_unless_the_picture_is_held(site: Site) -> None:
    with site.client("admin") as client:
        assert 'hx-trigger="every 2s"' in client.get("/admin/live").text
        assert "hx-trigger" not in client.get("/admin/live?still=1").text
        part = client.get("/admin/live/charts").text
    assert part.lstrip().startswith("<div")
    assert part.count("<svg") >= 6
    assert len(part.encode()) < 60_000


def test_what_happened_is_drawn_with_its_gaps() -> None:
    at = datetime(2031, 5, 7, tzinfo=UTC)
    quiet = [Moment(at + timedelta(seconds=2 * n)) for n in range(445)]
    busy = [Moment(at, 4.0, 80.0, 0.5, 0.2, 0.9, 3, 7, {"tiny": 30_000_000, "embed": 10_000_000}) for _ in range(5)]
    told = live.drawn([*quiet, *busy])
    panels = {panel.name: panel for panel in told["panels"]}  # type: ignore[attr-defined]
    assert panels["requests"].now == (("all", "4.0"),)
    assert panels["first"].now == (("p50", "0.20"), ("p95", "0.90"))
    assert panels["first"].chart.lines == (("320.0,67.2 320.0,67.2",), ("320.0,8.4 320.0,8.4",)), "a dot, no line"
    assert (panels["first"].top, panels["first"].middle) == ("1", "0.5")
    assert panels["queue"].now == (("running", "3"), ("queued", "7"))
    assert told["memory"] == [("tiny", "30 MB", 0.75), ("embed", "10 MB", 0.25)]
    assert (told["quiet"], live.drawn(quiet)["quiet"]) == (False, True)


def test_a_point_of_a_chart_stays_as_it_is_while_time_passes() -> None:
    at = datetime(2031, 5, 7, tzinfo=UTC)
    moments = [Moment(at + timedelta(seconds=2 * n), float(n * n % 7)) for n in range(460)]
    heights = [
        [point.split(",")[1] for point in live.drawn(moments[n : n + 450])["panels"][0].chart.lines[0][0].split()]  # type: ignore[index]
        for n in (0, 1, 4, 5)
    ]
    assert heights[1][:89] == heights[0][1:], "one moment on: the oldest point is gone, the others are the same"
    assert heights[3][:89] == heights[0][1:]


def test_term_prices_and_cache_are_set_on_the_page(office: schools.Office) -> None:
    gateway, boss = office.platform.get("gateway"), _boss(office)
    asked = {
        "first": "2031-02-10",
        "last": "2031-07-04",
        "currency": "CNY",
        "prices": "tutor 0.002 0.006\n",
        "cache": "on",
    }
    assert office.admin.post("/admin/usage/terms", data=asked).headers["location"] == "/admin/usage?notice=terms_set"
    terms = gateway.terms(boss)
    assert (terms.term, terms.cache) == ((date(2031, 2, 10), date(2031, 7, 4)), True)
    assert (terms.prices["tutor"].input, terms.prices["tutor"].output) == (0.002, 0.006)
    page = office.admin.get("/admin/usage?notice=terms_set").text
    checks.is_sound(page, "en")
    assert "tutor 0.002 0.006" in page
    assert 'value="2031-02-10"' in page
    assert "quota.terms_changed" in office.admin.get("/admin/audit?kind=quota").text


def test_nonsense_is_refused_on_the_page_it_was_typed_on(office: schools.Office) -> None:
    for change, words in (
        ({"prices": "tutor cheap"}, "is no list of prices"),
        ({"first": "2031-07-04", "last": "2031-02-10"}, "the first one first"),
        ({"first": "soon"}, "is no term"),
    ):
        answer = office.admin.post("/admin/usage/terms", data=change)
        assert answer.status_code == 400, change
        assert words in answer.text
    no_term = office.admin.post("/admin/usage/limits", data={"tokens": "5", "period": "term"})
    assert no_term.status_code == 400
    assert "no dates of a term" in no_term.text


def test_an_allowance_of_the_term_and_of_calls_at_once_is_set_on_the_page(office: schools.Office) -> None:
    today = clock.now().date()
    office.admin.post(
        "/admin/usage/terms",
        data={"first": (today - timedelta(days=1)).isoformat(), "last": (today + timedelta(days=100)).isoformat()},
    )
    set_ = office.admin.post("/admin/usage/limits", data={"tokens": "700", "streams": "3", "period": "term"})
    assert set_.status_code == 303
    school = next(one for one in office.platform.get("gateway").usage(_boss(office)) if one.scope == "school")
    assert (school.period, school.tokens_limit, school.streams_limit) == ("term", 700, 3)
    assert "The school this term: 0 of 700 tokens" in office.admin.get("/admin/usage").text


def test_one_persons_allowance_is_shown_and_set_without_touching_the_schools(office: schools.Office) -> None:
    identity, gateway, boss = office.platform.get("identity"), office.platform.get("gateway"), _boss(office)
    before = gateway.usage(boss)
    person = identity.accounts(boss)[0]
    set_ = office.admin.post("/admin/usage/limits", data={"who": person.id, "tokens": "1234", "requests": "7"})
    assert set_.headers["location"].endswith(f"&who={person.id}")
    page = office.admin.get(f"/admin/usage?who={person.id}").text
    assert 'value="1234"' in page
    assert f'<option value="{person.id}" selected>' in page
    assert 'value="1234"' not in office.admin.get("/admin/usage").text
    assert [one for one in gateway.usage(boss) if one.scope == "school"] == [
        one for one in before if one.scope == "school"
    ]
    wrong = office.admin.post("/admin/usage/limits", data={"who": person.id, "tokens": "many"})
    assert wrong.status_code == 400
    assert f'<option value="{person.id}" selected>' in wrong.text, "the person stays chosen"


def test_a_class_and_a_key_can_be_given_an_allowance_on_the_page(office: schools.Office) -> None:
    boss = _boss(office)
    key = office.platform.get("identity").create_key(boss, "app")
    class_ = office.platform.get("people").create_class(boss, "7B")
    page = office.admin.get("/admin/usage").text
    assert f'value="class:{class_.id}"' in page
    assert f'value="key:{key.id}"' in page
    set_ = office.admin.post("/admin/usage/limits", data={"who": f"key:{key.id}", "tokens": "4321"})
    assert set_.status_code == 303
    assert 'value="4321"' in office.admin.get(f"/admin/usage?who=key:{key.id}").text
    limits = office.platform.get("gateway").limits(boss)
    assert [one.tokens_limit for one in limits if one.scope_id == key.id] == [4321]


def _boss(office: schools.Office) -> Principal:
    return Principal("system", office.platform.get("identity").schools()[0].id, "admin")
