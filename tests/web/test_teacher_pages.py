"""A teacher's pages: practice, papers and tests set for pupils, and looks at pupils that are told to them."""

import re
from datetime import timedelta

import httpx
import pytest
from tests.web import checks, demohome, forms
from tests.web.conftest import Site

from shuyuan.identity.interface import Principal
from shuyuan.learning.people import learners


def test_set_practice_is_previewed_sent_seen_and_taken_back(
    teacher: httpx.Client, pupil: httpx.Client, site: Site
) -> None:
    me = [forms.account(pupil.get("/learn/me").text)]
    asked = {"point_id": demohome.POINT, "learner": me, "count": "4"}
    preview = teacher.get("/teach/assign", params=asked)
    checks.is_sound(preview.text, "en")
    assert "Set for 1 pupil" in preview.text
    sent = teacher.post("/teach/assign", data=forms.of(preview.text, "/teach/assign"))
    page = teacher.get(sent.headers["location"]).text
    assert "Set for 1 pupil" in page
    assert "Set by your teacher" in pupil.get("/learn/today").text
    undo = re.findall(r'action="(/teach/assign/[^"]+/undo)"', page)[0]
    teacher.post(undo)
    assert "Taken back" in teacher.get(sent.headers["location"]).text
    assert "Set by your teacher" not in pupil.get("/learn/today").text


def test_papers_have_a_sheet_a_code_and_a_key_for_each(teacher: httpx.Client) -> None:
    learners = forms.hidden(teacher.get("/teach/today").text, "learner")[:2]
    preview = teacher.get("/teach/papers", params={"point_id": demohome.POINT, "learner": learners})
    page = teacher.post("/teach/papers", data=forms.of(preview.text, "/teach/papers")).text
    checks.is_sound(page, "en")
    assert page.count('class="a4"') == 2 * len(learners)
    assert page.count("a4 key-sheet") == len(learners)
    assert page.count("qr-code") == 2 * len(learners)


def test_a_teacher_sees_a_pupils_today_but_cannot_answer(teacher: httpx.Client) -> None:
    learner = forms.hidden(teacher.get("/teach/today").text, "learner")[0]
    page = teacher.get(f"/teach/learners/{learner}/today").text
    assert "You can look, not answer" in page
    assert 'action="/learn/start"' not in page


def test_opening_a_pupils_page_is_told_to_the_pupil(teacher: httpx.Client, pupil: httpx.Client) -> None:
    me = forms.account(pupil.get("/learn/me").text)
    assert teacher.get(f"/teach/learners/{me}").status_code == 200
    assert "林老师" in pupil.get("/learn/me").text


def views(site: Site, learner_id: str) -> int:
    school = site.platform.get("identity").schools()[0]
    return len(site.platform.get("people").seen(Principal("system", school.id, "admin"), learner_id))


def test_every_look_at_a_pupils_answers_is_told_once_and_the_mere_map_is_not(
    teacher: httpx.Client, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learners, "LISTED_ONCE_IN", timedelta(0))  # else a list says so once a day
    page = teacher.get("/teach/today").text
    stuck = forms.hidden(page, "learner")[0]
    class_id = teacher.get("/api/classes").json()["classes"][0]["id"]
    answered = {"learner": stuck, "point": "year7-expressions.like-terms"}
    looks: list[tuple[str, dict[str, str], int]] = [
        ("/teach/today", {}, 1),
        (f"/teach/learners/{stuck}/today", {}, 1),
        (f"/teach/learners/{stuck}", {}, 1),
        ("/teach/class", answered, 1),
        ("/teach/class", {}, 0),
        ("/teach/class.csv", {}, 0),
        (f"/api/classes/{class_id}/map", {"course_id": "year7-expressions"}, 0),
        (f"/api/classes/{class_id}/today", {"course_id": "year7-expressions"}, 1),
        (f"/api/classes/{class_id}/answers", {"point_id": answered["point"]}, 1),
        (f"/api/classes/{class_id}/answers", {"point_id": answered["point"], "learner_id": stuck}, 1),
    ]
    for path, asked, told in looks:
        before = views(site, stuck)
        assert teacher.get(path, params=asked).status_code == 200, path
        assert views(site, stuck) - before == told, (path, asked)


def test_the_class_list_is_a_spreadsheet(teacher: httpx.Client) -> None:
    answer = teacher.get("/teach/class.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text.startswith("\ufeff")
    assert len(answer.text.strip().splitlines()) == 33


@pytest.mark.parametrize("path", ["/teach/assign", "/teach/papers"])
def test_nobody_ticked_is_said_beside_the_button(teacher: httpx.Client, path: str) -> None:
    said = 'role="alert" data-nobody>Nobody is ticked'
    assert said not in teacher.get(path).text
    assert said not in teacher.get(path, params={"point_id": demohome.POINT}).text, (
        "who comes to choose has not pressed yet"
    )
    asked = teacher.get(path, params={"point_id": demohome.POINT, "look": "true"}).text
    assert said in asked
    assert "data-nobody" in teacher.get("/teach/today").text
    sent = teacher.post(path, data={"point_id": demohome.POINT})
    assert (sent.status_code, said in sent.text) == (400, True)
    checks.is_sound(asked, "en")


def test_a_pupils_answers_say_to_the_teacher_who_wrote_them(teacher: httpx.Client, site: Site) -> None:
    learner = forms.hidden(teacher.get("/teach/today").text, "learner")[0]
    page = teacher.get(f"/teach/learners/{learner}").text
    cell = teacher.get("/teach/class", params={"learner": learner, "point": demohome.POINT}).text
    for html in (page, cell):
        assert "You wrote" not in html
        assert " wrote </span>" in html


def test_an_adaptive_test_is_set_begun_reloaded_and_handed_in(teacher: httpx.Client, pupil: httpx.Client) -> None:
    page = teacher.get("/teach/tests").text
    number = re.findall(r'name="learner" value="([^"]+)"', page)[0]  # pupil 01, who is signed in
    assert "class_id is missing" in teacher.get("/api/adaptive-tests").text
    nobody = teacher.post("/teach/tests", data={"least": "3"})
    assert nobody.status_code == 400
    assert "Tick topics and pupils first." in nobody.text
    for wrong, said in (({"most": "nine"}, "whole numbers"), ({"due": "2020-01-01"}, "that day is over")):
        kept = teacher.post("/teach/tests", data={"point_id": demohome.POINT, "learner": number, **wrong})
        assert (kept.status_code, said in kept.text) == (400, True)
        assert f'value="{demohome.POINT}" checked' in kept.text  # the form comes back as it was filled in
        assert f'value="{next(iter(wrong.values()))}"' in kept.text
    sent = teacher.post("/teach/tests", data={"point_id": demohome.POINT, "learner": number, "least": "3", "most": "6"})
    assert sent.status_code == 303
    results = sent.headers["location"]
    assert "Not begun" in teacher.get(results).text
    assert 'hx-trigger="every 5s"' in teacher.get(results).text
    today = pupil.get("/learn/today").text
    assert "your teacher set a test" in today
    assert "A test from your teacher" in today
    begun = pupil.post(f"/learn/tests/{results.rpartition('/')[2]}/start")
    sheet = pupil.get(begun.headers["location"]).text
    assert "Test · question 1, at most 6" in sheet
    assert forms.hidden(sheet, "item_id") == forms.hidden(pupil.get(begun.headers["location"]).text, "item_id")
    assert "The passage about it" not in sheet
    assert "Carry on with the test" in pupil.get("/learn/today").text
    assert pupil.get("/learn/tests/nothing/start").status_code in (404, 405)
    pupil.post(f"{begun.headers['location']}/close")
    assert "Nothing was answered" in pupil.get(f"{begun.headers['location']}/done").text
    assert "Done, 0 questions" in teacher.get(results).text
    assert teacher.post(f"{results}/undo").headers["location"] == results
    assert "Whoever has not begun" in teacher.get(results).text
    more = {"least": "30", "most": "40"}  # than the topic has: all of it is asked
    again = teacher.post("/teach/tests", data={"point_id": demohome.POINT, "learner": number, **more}).headers[
        "location"
    ]
    teacher.post(f"{again}/undo")
    assert "Not begun" in teacher.get(again).text
    assert 'hx-trigger="every 5s"' not in teacher.get(again).text  # nobody can begin it any more
