"""Every page, with made-up data, in both languages: sound, light, and telling what to do when there is nothing."""

import gzip
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from tests.web import checks, preview

LANGUAGES = ("zh", "en")
PLAIN = [name for name in preview.PAGES if name not in preview.CLICKS]


@pytest.fixture(scope="module")
def full() -> Iterator[TestClient]:
    with TestClient(preview.app(), headers={"accept": "text/html"}) as client:
        yield client


@pytest.fixture(scope="module")
def empty() -> Iterator[TestClient]:
    with TestClient(preview.app(empty=True), headers={"accept": "text/html"}) as client:
        yield client


def get(client: TestClient, who: str, path: str, language: str, **headers: str) -> str:
    client.cookies.clear()
    client.cookies.update({"as": who, "lang": language} if who else {"lang": language})
    return client.get(path, headers=headers).text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PLAIN)
def test_a_page_is_sound_and_light(full: TestClient, name: str, language: str) -> None:
    who, path = preview.PAGES[name]
    html = get(full, who, path, language)
    checks.is_sound(html, language)
    assert checks.weight(html) <= checks.MOST_BYTES


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "name",
    [
        "today",
        "course",
        "map",
        "mistakes",
        "me",
        "teach-today",
        "teach-class",
        "teach-assign",
        "teach-papers-choose",
        "teach-questions",
    ],
)
def test_an_empty_page_is_sound_and_says_something(empty: TestClient, name: str, language: str) -> None:
    who, path = preview.PAGES[name]
    html = get(empty, who, path, language)
    checks.is_sound(html, language)
    assert "<main" in html


def test_the_checks_find_what_they_forbid() -> None:
    page = checks.read('<p style="color:red" onclick="x()"><script>1</script><a href="https://example.org">x</a>')
    assert len(page.wrong) == 3
    assert page.addresses == ["https://example.org"]


def test_a_fragment_for_htmx_has_no_frame(full: TestClient) -> None:
    html = get(full, "teacher", "/teach/class?learner=pupil02&point=algebra.brackets", "en", **{"hx-request": "true"})
    assert "<html" not in html
    assert "Starting" in html


def test_a_page_is_compressed_where_the_browser_takes_it(full: TestClient) -> None:
    full.cookies.clear()
    answer = full.get("/enter", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in full.get("/enter", headers={"accept-encoding": "identity"}).headers


def test_a_static_file_is_kept_for_a_year_under_its_hash_only(full: TestClient) -> None:
    address = next(one for one in checks.read(full.get("/enter").text).assets if one.endswith("app.css"))
    kept = full.get(address)
    assert "immutable" in kept.headers["cache-control"]
    assert kept.headers["content-type"].startswith("text/css")
    version = address.split("/")[2]
    assert full.get(address.replace(version, "0" * 12)).headers["cache-control"] == "no-cache"
    assert full.get("/static/x/../../shell.py").status_code == 404


def test_our_stylesheet_is_about_ten_kilobytes() -> None:
    from shuyuan.web import static

    ours = sum(len(static.assets()[name].packed) for name in ("app.css", "tokens.css"))
    assert ours <= 14_000
    assert gzip.decompress(static.assets()["app.css"].packed) == static.assets()["app.css"].body


@pytest.mark.parametrize(
    ("status", "path", "who"), [(404, "/nowhere", "pupil01"), (404, "/learn/point?id=algebra.nothing", "pupil01")]
)
def test_an_error_page_says_what_to_do(full: TestClient, status: int, path: str, who: str) -> None:
    full.cookies.update({"as": who, "lang": "en"})
    answer = full.get(path)
    assert answer.status_code == status
    assert "Start again from the first page" in answer.text


def test_a_program_gets_json_instead_of_an_error_page(full: TestClient) -> None:
    answer = full.get("/nowhere", headers={"accept": "application/json"})
    assert answer.json()["error"]["code"] == "not_found"


def test_nobody_is_led_to_the_entrance(full: TestClient) -> None:
    full.cookies.clear()
    answer = full.get("/learn/today", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/enter")
    part = full.get("/learn/today", headers={"hx-request": "true"}, follow_redirects=False)
    assert part.headers["hx-redirect"] == "/enter"
