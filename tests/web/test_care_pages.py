"""Signs of harm on Setup and on the teacher's Today: who, when, where; the words only behind a noted click."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.web import checks, schools

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit
from shuyuan.learning.people.interface import Class

SAID = "我不想活了"
Demo = tuple[schools.Office, dict[str, TestClient]]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    with schools.demonstration(tmp_path / "home", cache=tmp_path / "cache", starter="none") as made:
        yield made


def staff(office: schools.Office, role: str) -> Principal:
    identity = office.platform.get("identity")
    (school,) = identity.schools()
    everyone = identity.accounts(Principal("system", school.id, "admin"))
    found: Principal = identity.sign_in_as(next(one.id for one in everyone if one.role == role)).principal
    return found


def write(office: schools.Office, said: str = SAID) -> str:
    """A pupil of the demo writes to the tutor; their name."""
    platform, teacher = office.platform, staff(office, "teacher")
    class_: Class = platform.get("people").classes(teacher)[0]
    learner = platform.get("people").learners(teacher, class_.id)[0]
    pupil = platform.get("identity").sign_in_as(learner.id).principal
    courses, course_id = platform.get("courses"), class_.course_ids[0]
    point = courses.graph(teacher.school_id, course_id).points[0].id
    items = courses.items_of_point(teacher.school_id, point)[:1]
    attempt = platform.get("assessment").start(pupil, kind="practice", course_id=course_id, item_ids=items)
    tutor = platform.get("tutor")

    async def turn() -> None:
        events = await tutor.ask(pupil, attempt.id, attempt.slots[0].item_id, said, language="zh")
        assert [event.kind async for event in events][-1] == "done"

    assert office.admin.portal is not None
    office.admin.portal.call(turn)
    name: str = learner.name
    return name


def notices(page: str) -> str:
    found = re.search(r'<section class="card care".*?</section>', page, re.DOTALL)
    return found[0] if found else ""


def test_it_is_quiet_until_there_is_something_and_loud_while_nobody_is_named(demo: Demo) -> None:
    office, by_role = demo
    setup, today = by_role["admin"].get("/admin").text, by_role["teacher"].get("/teach/today").text
    assert notices(setup) == notices(today) == ""
    assert "Nobody is named" in setup
    assert "Nobody is named" not in today
    write(office)
    assert "Nobody is named" in by_role["teacher"].get("/teach/today").text
    me = staff(office, "admin").account_id
    by_role["admin"].post("/admin/responsible", data={"account_id": me})
    assert "no one person is there" not in by_role["admin"].get("/admin").text
    assert "no one person is there" not in by_role["teacher"].get("/teach/today").text


@pytest.mark.parametrize(("role", "home"), [("admin", "/admin"), ("teacher", "/teach/today")])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_whoever_answers_for_the_pupil_sees_who_when_where_and_not_the_words(
    demo: Demo, role: str, home: str, language: str
) -> None:
    office, by_role = demo
    name, client = write(office), by_role[role]
    client.cookies.set("lang", language)
    page = client.get(home).text
    checks.is_sound(page, language)
    assert name in notices(page)
    assert ("在 AI 辅导里" if language == "zh" else "In the AI tutor") in notices(page)
    assert SAID not in page
    link = re.findall(r'href="(/care/[^"]+)"', notices(page))[0]
    chat = client.get(link).text
    checks.is_sound(chat, language)
    assert SAID in chat
    with office.platform.get("db").read() as conn:
        noted = [one.action for one in audit.entries(conn, staff(office, role).school_id, action="transcript.")]
    assert noted == ["transcript.read"]


def test_marking_it_seen_is_noted_and_it_stays_for_the_others(demo: Demo) -> None:
    office, by_role = demo
    write(office)
    teacher, admin = by_role["teacher"], by_role["admin"]
    seen = re.findall(r'action="(/care/[^"]+/seen)"', notices(teacher.get("/teach/today").text))[0]
    answer = teacher.post(seen)
    assert (answer.status_code, answer.headers["location"]) == (303, "/teach/today")
    listed = notices(admin.get("/admin").text)
    assert "seen by" in listed
    assert "/seen" not in listed
    log = admin.get("/admin/audit?kind=care").text
    assert "Sign of harm seen" in log


def test_others_are_refused(demo: Demo) -> None:
    office, by_role = demo
    write(office)
    link = re.findall(r'href="(/care/[^"]+)"', notices(by_role["admin"].get("/admin").text))[0]
    assert by_role["developer"].get(link).status_code == 403
    assert by_role["developer"].post(f"{link}/seen").status_code == 403
    assert by_role["teacher"].get("/care/01ARZ3NDEKTSV4RRFFQ69G5FAV").status_code == 404
    assert office.anyone().get(link).status_code in (303, 401, 403)
    told = by_role["teacher"].get("/api/care").json()["concerns"]
    assert [one["place"] for one in told] == ["tutor"]
    assert by_role["developer"].get("/api/care").status_code == 403


def test_what_a_child_s_key_met_is_listed_once_the_outbox_has_told_it(demo: Demo) -> None:
    office, by_role = demo
    made = (
        by_role["developer"].post("/developer/keys", data={"name": "class app", "days": "7", "age_band": "child"}).text
    )
    assert "Children under 13" in by_role["developer"].get("/developer").text
    secret = re.findall(r'class="big-code">(sk-[^<]+)<', made)[0]
    body = {"input": SAID}
    answer = office.anyone().post("/v1/moderations", json=body, headers={"authorization": f"Bearer {secret}"}).json()
    assert answer["results"][0]["policy"]["age_band"] == "child"
    screening = office.platform.get("gateway").screening
    principal = office.platform.get("identity").principal_of_key(secret)

    async def tell() -> None:
        await screening.tell(principal, "child", source="input")

    assert office.admin.portal is not None
    office.admin.portal.call(tell)
    office.platform.get("outbox").drain()
    page = by_role["admin"].get("/admin").text
    assert notices(page).count("Through an API key") == 1
    assert "/care/" in notices(page)
    assert 'href="/care/' not in notices(page)
    assert notices(by_role["teacher"].get("/teach/today").text) == ""
