"""Profile: a pupil states, agrees and takes back on one page; the teacher writes down, reads and sets aside."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from tests.web import schools

from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock
from shuyuan.learning.courses import interface as courses
from shuyuan.learning.recommendation import outlooks, store

PIN = "482913"


@dataclass
class Room:
    """A class with a pupil of fourteen and one of eleven, and their teacher."""

    office: schools.Office
    teacher: TestClient
    pupil: TestClient
    child: TestClient
    pupil_id: str
    child_id: str
    school_id: str


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with schools.empty(tmp_path_factory.mktemp("profiles") / "home", starter="none") as office:
        identity, people = office.platform.get("identity"), office.platform.get("people")
        school = identity.schools()[0]
        boss = Principal("system", school.id, "admin")
        for slug in ("year7-expressions", "large-models"):
            content = courses.read_folder(courses.built_in() / slug)
            office.platform.get("courses").load(school.id, content, by="system")
        class_ = people.create_class(boss, "Year 7", course_ids=["year7-expressions"])
        db = office.platform.get("db")
        lin = db.write(
            lambda uow: identity.create_account(
                uow, school_id=school.id, role="teacher", name="lin", login="lin", secret=schools.PASSWORD
            )
        )
        people.join_teacher(boss, class_.id, lin)
        ids: list[str] = []
        browsers: list[TestClient] = []
        for number, band in (("01", "13_15"), ("02", "under_13")):
            ids.append(
                db.write(
                    lambda uow, number=number, band=band: people.add_learner(
                        uow, school_id=school.id, class_id=class_.id, number=number, name="Yu", pin=PIN, age_band=band
                    )
                )
            )
            browser = office.anyone()
            entered = browser.post("/enter/pupil", data={"code": class_.code, "number": number, "pin": PIN})
            assert entered.status_code == 303
            browsers.append(browser)
        pupil, child = browsers
        yield Room(office, office.enter("lin", schools.PASSWORD), pupil, child, ids[0], ids[1], school.id)


def test_a_pupil_states_agrees_and_takes_everything_back(room: Room) -> None:
    pupil = room.pupil
    said = {"interests": ["music", "computing"], "goals": "enjoy", "pace": "short", "own_words": "I build robots"}
    assert pupil.post("/learn/profile", data=said).headers["location"] == "/learn/profile?done=saved"
    page = pupil.get("/learn/profile?done=saved").text
    assert 'value="music" checked' in page
    assert "I build robots" in page
    assert "You agreed to no use, so nothing is counted." in page
    assert pupil.post("/learn/profile/uses", data={"purposes": ["suggestions", "mischief"]}).status_code == 303
    page = pupil.get("/learn/profile").text
    assert 'value="suggestions" checked' in page
    assert "Fewer than 10 answers: nothing is counted." in page
    assert pupil.post("/learn/profile/forget").status_code == 303
    page = pupil.get("/learn/profile?done=forgotten").text
    assert "I build robots" not in page
    assert 'value="suggestions" checked' not in page


def test_a_word_that_is_no_choice_is_refused_and_nothing_is_saved(room: Room) -> None:
    refused = room.pupil.post("/learn/profile", data={"interests": "gambling"})
    assert refused.status_code == 400
    assert "One entry was not understood and nothing was saved." in refused.text


def test_a_young_pupil_is_told_whom_to_ask(room: Room) -> None:
    page = room.child.get("/learn/profile").text
    assert "your family signs a paper" in page
    refused = room.child.post("/learn/profile/uses", data={"purposes": "peers"})
    assert refused.status_code == 403
    assert "Your family has to agree" in refused.text


def test_the_office_notes_the_familys_paper_and_the_child_sees_who_did(room: Room) -> None:
    boss, where = room.office.admin, f"/admin/privacy/uses/{room.child_id}"
    assert where in boss.get("/admin/privacy").text
    refused = boss.post(where, data={"purposes": "peers"})
    assert (refused.status_code, "give the day the paper was signed" in refused.text) == (400, True)
    signed = clock.now().date().isoformat()
    assert boss.post(where, data={"purposes": "peers", "paper": signed}).status_code == 303
    assert f"from the family’s paper of {signed}" in room.child.get("/learn/profile").text
    assert "Here a use can only be taken back" in boss.get(f"/admin/privacy/uses/{room.pupil_id}").text


def test_the_teacher_takes_back_only_reads_the_estimate_with_its_date_and_sets_it_aside(room: Room) -> None:
    teacher, where = room.teacher, f"/teach/learners/{room.pupil_id}/profile"
    assert "The pupil has not agreed, so nothing is estimated." in teacher.get(where).text
    assert teacher.post(f"{where}/uses", data={"purposes": "outlook"}).status_code == 403
    room.pupil.post("/learn/profile/uses", data={"purposes": ["outlook", "peers"]})
    assert teacher.post(f"{where}/uses", data={"purposes": "outlook"}).status_code == 303
    assert "Last changed by lin on" in room.pupil.get("/learn/profile").text
    assert "No estimate yet" in teacher.get(where).text
    _foretell(room)
    page = teacher.get(where).text
    assert "Goes on learning in the next two weeks" in page
    assert "about 8 in 10" in page
    assert "Active on 9 days in four weeks: makes it more likely" in page
    assert "runs out" in page
    assert "Goes on learning" not in room.pupil.get("/learn/profile").text
    assert room.pupil.get(where).status_code == 403
    assert teacher.post(f"/teach/learners/{room.pupil_id}/outlook/dismiss").status_code == 303
    assert "Goes on learning" not in teacher.get(where).text


@pytest.mark.parametrize("language", ["zh", "en"])
def test_both_pages_are_light_and_speak_both_languages(room: Room, language: str) -> None:
    for browser, path in ((room.pupil, "/learn/profile"), (room.teacher, f"/teach/learners/{room.pupil_id}/profile")):
        answer = browser.get(path, params={"lang": language})
        assert answer.status_code == 200
        assert len(answer.content) < 60_000
        assert ("可以用来做什么" if language == "zh" else "What it may be used for") in answer.text


def _foretell(room: Room) -> None:
    platform = room.office.platform
    kept = {
        "heads": {"keeps_at_it": 0.8},
        "because": {"keeps_at_it": [["days", 0.7]]},
        "facts": {"days": 9.0},
        "learners": 24,
    }

    def put(uow: object) -> None:
        now = clock.now()
        sealed = platform.get("vault").seal(uow, room.pupil_id, outlooks.FIELD, json.dumps(kept))
        store.put_outlook(
            uow.conn,  # type: ignore[attr-defined]  # a unit of work
            school_id=room.school_id,
            learner_id=room.pupil_id,
            foretold=sealed,
            now=now,
            expires_at=now + timedelta(days=28),
        )

    platform.get("db").write(put)


def test_courses_come_in_an_order_only_where_agreed_and_the_switch_brings_the_plain_one_back(room: Room) -> None:
    pupil = room.pupil
    pupil.post("/learn/profile", data={"interests": ["computing"]})
    pupil.post("/learn/profile/uses", data={})
    page = pupil.get("/learn/courses").text
    assert "as your class has them" in page
    assert "agree to “Suggest courses and next steps” first" in page
    pupil.post("/learn/profile/uses", data={"purposes": "suggestions"})
    page = pupil.get("/learn/courses").text
    assert "as they suit you" in page
    assert "You named computing among your interests" in page
    assert pupil.post("/learn/courses/order", data={"plain": "1"}).headers["location"] == "/learn/courses"
    page = pupil.get("/learn/courses").text
    assert "as your class has them" in page
    assert "You named" not in page
    assert 'value="computing" checked' in pupil.get("/learn/profile").text
    pupil.post("/learn/courses/order")
    assert "You named computing" in pupil.get("/learn/courses", params={"lang": "en"}).text


def test_the_api_reads_corrects_and_withdraws_and_a_pupil_never_reads_the_outlook(room: Room) -> None:
    mine = f"/api/learners/{room.pupil_id}"
    said = {"interests": ["music"], "goals": ["enjoy"], "own_words": "robots", "disputed": ["hints"]}
    assert room.pupil.put(f"{mine}/profile", json=said).status_code == 204
    uses = {"purposes": ["suggestions", "outlook"]}
    assert room.pupil.put(f"{mine}/profile/purposes", json=uses).status_code == 204
    _foretell(room)
    told = room.pupil.get(f"{mine}/profile").json()
    assert (told["stated"]["interests"], told["agreed"]) == (["music"], ["outlook", "suggestions"])
    assert (told["may_agree"], told["expected"], told["facts"]) == (True, None, {})
    read = room.teacher.get(f"{mine}/profile").json()
    assert read["stated"] == told["stated"]
    assert [one["head"] for one in read["expected"]["foretold"]] == ["keeps_at_it"]
    assert read["expected"]["expires_at"]
    people, boss = room.office.platform.get("people"), Principal("system", room.school_id, "admin")
    looks = len(people.seen(boss, room.pupil_id))
    assert room.teacher.get(f"{mine}/courses").status_code == 200
    assert len(people.seen(boss, room.pupil_id)) == looks + 1
    ranking = room.pupil.get(f"{mine}/courses").json()
    assert (ranking["ranked"], [one["taken"] for one in ranking["courses"]]) == (True, [True, False])
    assert room.teacher.delete(f"{mine}/outlook").status_code == 204
    assert room.teacher.get(f"{mine}/profile").json()["expected"] is None
    assert room.teacher.put(f"{mine}/profile", json=said).status_code == 403
    assert room.child.put(f"{mine}/profile", json=said).status_code == 404
    assert room.child.get(f"{mine}/profile").status_code == 404
    assert room.pupil.put(f"{mine}/profile", json={"goals": ["fame"]}).status_code == 422
    assert "zz" in room.pupil.put(f"{mine}/profile", json={"zz": 1}).json()["error"]["message"]
    assert "'nope'" in room.pupil.put(f"{mine}/profile", json={"disputed": ["nope"]}).json()["error"]["message"]
    assert room.pupil.get(f"{mine}/profile").json()["stated"]["own_words"] == "robots"
    assert room.pupil.delete(f"{mine}/profile").status_code == 204
    assert room.pupil.get(f"{mine}/profile").json()["stated"]["interests"] == []
    assert room.pupil.get(f"{mine}/courses").json()["ranked"] is False


def test_the_description_of_the_api_says_what_a_profile_holds(room: Room) -> None:
    told = room.pupil.get("/openapi.json").json()
    held = told["components"]["schemas"]["ProfileTold"]["properties"]
    assert "Always null for a student" in held["expected"]["description"]
    for path in ("profile", "profile/purposes", "courses", "outlook"):
        for verb in told["paths"][f"/api/learners/{{learner_id}}/{path}"].values():
            assert len(verb["description"]) > 30
