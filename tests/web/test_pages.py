"""Before there is anything to show, and when something is refused: pages say what to do. And how files are sent."""

import gzip
import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from tests.web import checks, schools
from tests.web.conftest import Site

from shuyuan.identity.interface import Principal
from shuyuan.web import static

LANGUAGES = ("zh", "en")
STUDENT = ("/learn/today", "/learn/course", "/learn/map", "/learn/mistakes", "/learn/me")
TEACHER = ("/teach/today", "/teach/class", "/teach/assign", "/teach/papers", "/teach/questions")
PIN = "482913"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[schools.Office]:
    with schools.empty(tmp_path_factory.mktemp("new") / "home", starter="none") as made:
        yield made


@pytest.fixture(scope="module")
def newcomers(office: schools.Office) -> dict[str, TestClient]:
    """A teacher and a pupil of a class that has no course, and a teacher without a class."""
    identity, people = office.platform.get("identity"), office.platform.get("people")
    school = identity.schools()[0]
    boss = Principal("system", school.id, "admin")
    class_ = people.create_class(boss, "Year 7")
    made = office.platform.get("db").write(
        lambda uow: [
            identity.create_account(
                uow, school_id=school.id, role="teacher", name=name, login=name, secret=schools.PASSWORD
            )
            for name in ("lin", "new")
        ]
    )
    people.join_teacher(boss, class_.id, made[0])
    office.platform.get("db").write(
        lambda uow: people.add_learner(
            uow, school_id=school.id, class_id=class_.id, number="01", name="Yu", pin=PIN, age_band="13_15"
        )
    )
    pupil = office.anyone()
    assert pupil.post("/enter/pupil", data={"code": class_.code, "number": "01", "pin": PIN}).status_code == 303
    return {
        "student": pupil,
        "teacher": office.enter("lin", schools.PASSWORD),
        "newcomer": office.enter("new", schools.PASSWORD),
    }


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("who", "path"),
    [("student", one) for one in STUDENT] + [(who, one) for who in ("teacher", "newcomer") for one in TEACHER],
)
def test_an_empty_page_is_sound_and_says_what_to_do(
    newcomers: dict[str, TestClient], who: str, path: str, language: str
) -> None:
    answer = newcomers[who].get(path, params={"lang": language})
    assert answer.status_code == 200
    checks.is_sound(answer.text, language)
    assert 'class="empty"' in answer.text or path == "/learn/me"


def test_the_checks_find_what_they_forbid() -> None:
    page = checks.read('<p style="color:red" onclick="x()"><script>1</script><a href="https://example.org">x</a>')
    assert len(page.wrong) == 3
    assert page.addresses == ["https://example.org"]
    with pytest.raises(AssertionError, match="other servers"):
        checks.is_sound('<html lang="en"><h1><a href="//example.org">x</a></h1>', "en")


def test_a_page_is_compressed_where_the_browser_takes_it(office: schools.Office) -> None:
    browser = office.anyone()
    assert browser.get("/enter", headers={"accept-encoding": "gzip"}).headers["content-encoding"] == "gzip"
    assert "content-encoding" not in browser.get("/enter", headers={"accept-encoding": "identity"}).headers


def test_a_static_file_is_kept_for_a_year_under_its_hash_only(office: schools.Office) -> None:
    browser = office.anyone()
    address = next(one for one in checks.read(browser.get("/enter").text).assets if one.endswith("app.css"))
    kept = browser.get(address)
    assert "immutable" in kept.headers["cache-control"]
    assert kept.headers["content-type"].startswith("text/css")
    assert browser.get(address.replace(address.split("/")[2], "0" * 12)).headers["cache-control"] == "no-cache"
    assert browser.get("/static/x/../../shell.py").status_code == 404


def test_our_stylesheet_is_about_ten_kilobytes() -> None:
    ours = [static.assets()[name] for name in ("app.css", "tokens.css")]
    assert sum(len(asset.packed) for asset in ours) <= 14_000
    assert all(gzip.decompress(asset.packed) == asset.body for asset in ours)


@pytest.mark.parametrize("path", ["/nowhere", "/learn/point?id=year7-expressions.nothing", "/learn/practice/nothing"])
def test_a_page_that_is_not_there_says_what_to_do(site: Site, path: str) -> None:
    with site.client("student") as client:
        answer = client.get(path)
    assert answer.status_code == 404
    assert "Start again from the first page" in answer.text
    checks.is_sound(answer.text, "en")


@pytest.mark.parametrize("accept", ["text/html", "*/*"])
def test_an_address_that_only_a_form_opens_answers_with_a_page(office: schools.Office, accept: str) -> None:
    for method, path in (("GET", "/people/roster/import"), ("GET", "/learn/redo"), ("POST", "/learn/today")):
        answer = office.admin.request(method, path, headers={"accept": accept})
        assert answer.status_code == 405, path
        assert "reached by a button on a page" in answer.text
        checks.is_sound(answer.text, "en")
    assert "This page is not there" in office.admin.get("/nowhere", headers={"accept": accept}).text
    for path in ("/api/nowhere", "/api/classes/x/y/z"):
        assert office.admin.get(path, headers={"accept": accept}).json()["error"]["code"] == "not_found"
    assert (
        office.admin.delete("/api/classes", headers={"accept": accept}).json()["error"]["code"] == "method_not_allowed"
    )


def test_what_is_refused_is_told_in_the_language_of_the_page_not_of_programs(
    office: schools.Office,
) -> None:
    asked = {"name": "k", "days": "soon"}
    for language, said in (("zh", "有一格没有读懂"), ("en", "One of the fields could not")):
        page = office.admin.post("/developer/keys", params={"lang": language}, data=asked)
        assert page.status_code == 422
        headline = page.text.partition("<h1>")[2].partition("</h1>")[0]
        assert said in headline
        lede = page.text.partition('class="lede"')[2].partition("</p>")[0]
        assert "openapi" not in lede


def test_a_program_gets_json_instead_of_an_error_page(office: schools.Office) -> None:
    answer = office.anyone().get("/nowhere", headers={"accept": "application/json"})
    assert answer.json()["error"]["code"] == "not_found"


def test_nobody_is_led_to_the_entrance(office: schools.Office) -> None:
    browser = office.anyone()
    answer = browser.get("/learn/today")
    assert (answer.status_code, answer.headers["location"]) == (303, "/enter?back=/learn/today")
    here = {"hx-request": "true", "accept": "*/*", "hx-current-url": "http://testserver/learn/map?lang=en"}
    part = browser.get("/learn/point?id=a.b", headers=here)
    assert (part.status_code, part.headers["hx-redirect"]) == (401, "/enter?back=/learn/map%3Flang%3Den")
    assert browser.get("/learn/today", headers={"accept": "*/*"}).json()["error"]["code"] == "unauthenticated"


@pytest.mark.parametrize(
    ("back", "where"),
    [
        ("/teach/class?part=all", "/teach/class?part=all"),
        ("/learn/map", "/teach/today"),
        ("//evil.example/teach", "/teach/today"),
        ("", "/teach/today"),
    ],
)
def test_signing_in_leads_back_to_a_page_of_the_role_and_of_this_server(
    office: schools.Office, newcomers: dict[str, TestClient], back: str, where: str
) -> None:
    browser = office.anyone()
    door = browser.get("/enter", params={"back": back}).text
    kept = re.findall(r'name="back" value="([^"]*)"', door)[-1]
    wrong = browser.post("/enter/adult", data={"login": "lin", "password": "not it", "back": kept}).text
    assert f'name="back" value="{kept}"' in wrong, "a wrong password keeps the way back"
    entered = browser.post("/enter/adult", data={"login": "lin", "password": schools.PASSWORD, "back": kept})
    assert entered.headers["location"] == where
