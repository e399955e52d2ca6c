"""Without --demo: the bootstrap link makes the first administrator, class lists come in, and pupils sign in."""

import io
from collections.abc import Iterator

import httpx
import openpyxl
import pytest
from tests.journeys import world

from shuyuan.entrypoints import process

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
PASSWORD = "ink on paper 7"
ADMIN = {"login": "head", "password": PASSWORD}


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[world.Live]:
    """A server on an empty home."""
    with world.serving(tmp_path_factory.mktemp("first") / "home", demo=False) as live:
        yield live


@pytest.fixture(scope="module")
def admin(school: world.Live) -> Iterator[httpx.Client]:
    """The first administrator, made through the page behind the link, and signed in by password."""
    form = {"school": "向阳中学", "name": "周老师", "login": ADMIN["login"], "password": PASSWORD, "again": PASSWORD}
    assert school.link is not None
    with school.browser() as browser:
        assert browser.get(school.link).status_code == 200
        refused = browser.post(f"{school.link}/first", data={**form, "again": "another word 7"})
        assert refused.status_code == 400
        made = browser.post(f"{school.link}/first", data=form)
        assert (made.status_code, made.headers["location"]) == (303, "/admin")
        assert browser.get("/admin").status_code == 200
    with process.sign_in(school.base_url, ADMIN) as client:
        client.post("/admin/courses").raise_for_status()
        yield client


def test_the_bootstrap_link_makes_one_administrator_and_no_second(school: world.Live, admin: httpx.Client) -> None:
    assert admin.get("/api/session").json()["role"] == "admin"
    again = {"school": "B", "name": "B", "login": "second", "password": PASSWORD, "again": PASSWORD}
    assert school.link is not None
    with school.browser() as browser:
        assert browser.get(school.link).status_code == 404
        assert browser.post(f"{school.link}/first", data=again).status_code == 404
        assert browser.post("/api/session", json={"login": "second", "password": PASSWORD}).status_code == 401


def test_a_gb18030_list_is_tried_dry_then_imported_and_its_pupils_sign_in(
    school: world.Live, admin: httpx.Client
) -> None:
    rows = ["学号,姓名,年龄段", "1,陈小雨,13-15", "2,欧阳㛃,13-15", "2,重复的学号,13-15", ",没有学号,"]
    content = "\r\n".join(rows).encode("gb18030")
    class_ = new_class(admin, "七年级 1 班")
    dry = imported(admin, class_, "名单.csv", content, dry_run=True)
    assert (dry["created"], dry["refused"], dry["slips"]) == (2, 2, [])
    assert learners(admin, class_) == []
    done = imported(admin, class_, "名单.csv", content, dry_run=False)
    assert (done["created"], done["refused"]) == (2, 2)
    assert [row["line"] for row in done["rows"] if row["action"] == "refuse"] == [4, 5]
    assert learners(admin, class_) == ["陈小雨", "欧阳㛃"]
    for slip in done["slips"]:
        assert_can_learn(school, slip)


def test_an_xlsx_list_is_imported_and_its_pupils_sign_in(school: world.Live, admin: httpx.Client) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["number", "name", "age band"], [7, "Ada L.", "13-15"], [8, "Emmy N.", "13-15"]):
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    class_ = new_class(admin, "Class 2")
    done = imported(admin, class_, "list.xlsx", file.getvalue(), dry_run=False)
    assert (done["created"], done["refused"]) == (2, 0)
    for slip in done["slips"]:
        assert_can_learn(school, slip)


def new_class(admin: httpx.Client, name: str) -> world.Json:
    return admin.post("/api/classes", json={"name": name, "course_ids": [world.COURSE]}).raise_for_status().json()


def imported(admin: httpx.Client, class_: world.Json, name: str, content: bytes, *, dry_run: bool) -> world.Json:
    params = {"class_id": class_["id"], "dry_run": dry_run}
    return admin.post("/api/roster", params=params, files={"file": (name, content)}).raise_for_status().json()


def learners(admin: httpx.Client, class_: world.Json) -> list[str]:
    told = admin.get(f"/api/classes/{class_['id']}/learners").raise_for_status().json()
    return [learner["name"] for learner in told["learners"]]


def assert_can_learn(school: world.Live, slip: world.Json) -> None:
    """The pupil of a slip signs in as the page does, sees Today, and answers a question."""
    typed = {"code": slip["class_code"], "number": slip["number"], "pin": slip["pin"]}
    with school.browser() as pupil:
        who = pupil.post("/api/session/pupil", json=typed).raise_for_status().json()
        assert pupil.get("/learn/today").status_code == 200
        assert world.answer_one(pupil)["saved"]
        assert len(world.history(pupil, who["account_id"])) == 1
        wrong = {**typed, "pin": "000000" if slip["pin"] != "000000" else "111111"}
        assert pupil.post("/api/session/pupil", json=wrong).status_code == 401
