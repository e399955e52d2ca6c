"""The pages over the real platform and its demo school, without a browser and without script: plain forms and links."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

import httpx
import pytest
from tests.web import checks
from tests.web.conftest import Site

from shuyuan import demo
from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock
from shuyuan.learning.people import learners
from shuyuan.learning.recommendation import words
from shuyuan.learning.recommendation.interface import Activity, Mistake
from shuyuan.web.glossary import Language

POINT = "year7-expressions.removing-brackets"
STUDENT = ("/learn/today", "/learn/course", "/learn/map", "/learn/mistakes", "/learn/me", "/help")
TEACHER = (
    "/teach/today",
    "/teach/class",
    "/teach/class?part=all",
    "/teach/assign",
    "/teach/papers",
    "/teach/questions",
    "/teach/items",
    "/teach/help",
    "/teach/tests",
    "/help",
)


@pytest.fixture(params=["zh", "en"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def pupil(site: Site) -> Iterator[httpx.Client]:
    with site.client("student") as client:
        yield client


@pytest.fixture
def teacher(site: Site) -> Iterator[httpx.Client]:
    with site.client("teacher") as client:
        yield client


def hidden(html: str, name: str) -> list[str]:
    return re.findall(rf'name="{name}" value="([^"]*)"', html)


def form(html: str, action: str) -> dict[str, list[str]]:
    """The hidden fields of the first form that posts to `action`."""
    inside = html.split(f'action="{action}"', 1)[1].split("</form>", 1)[0]
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', inside):
        found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize(
    ("role", "path"), [("student", one) for one in STUDENT] + [("teacher", one) for one in TEACHER]
)
def test_a_page_is_sound_and_light_for_its_role(site: Site, role: str, path: str, language: str) -> None:
    with site.client(role, language) as client:
        answer = client.get(path)
    assert answer.status_code == 200
    checks.is_sound(answer.text, language)
    assert checks.weight(answer.text) <= checks.MOST_BYTES


@pytest.mark.parametrize(
    ("role", "path"), [("student", "/teach/today"), ("teacher", "/learn/today"), ("developer", "/teach/class")]
)
def test_another_role_sees_why_not(site: Site, role: str, path: str) -> None:
    with site.client(role) as client:
        answer = client.get(path)
    assert answer.status_code == 403
    assert "Your role cannot open this page" in answer.text


def test_the_single_use_link_opens_enter_as_and_is_used_up(site: Site) -> None:
    token = demo.link(site.platform)
    with site.client(None) as client:
        page = client.get(f"/enter/{token}")
        assert [one for one in ("Teacher", "Student", "Administrator", "Developer") if one in page.text] == [
            "Teacher",
            "Student",
            "Administrator",
            "Developer",
        ]
        accounts = hidden(page.text, "account_id")
        entered = client.post(f"/enter/{token}/as", data={"account_id": accounts[1]})
        assert entered.headers["location"] == "/learn/today"
        assert client.get("/learn/today").status_code == 200
        assert client.get(f"/enter/{token}").status_code == 404
        again = re.search(r'href="(/enter/[^"]+)"', client.get("/enter").text)
        assert again
        assert client.get(again.group(1)).status_code == 200


def test_a_link_lets_in_only_whom_it_shows(site: Site) -> None:
    token = demo.link(site.platform)
    with site.client("teacher") as client:
        page = client.get("/teach/assign").text
    another = re.findall(r'name="learner" value="([^"]+)"', page)[5]
    with site.client(None) as client:
        assert client.post(f"/enter/{token}/as", data={"account_id": another}).status_code == 404
        assert client.get("/learn/today").headers["location"] == "/enter?back=/learn/today"


def test_a_wrong_pin_says_what_to_do_and_keeps_the_class_code(site: Site) -> None:
    with site.client(None) as client:
        answer = client.post("/enter/pupil", data={"code": "ABCDEF", "number": "01", "pin": "000000"})
    assert answer.status_code == 401
    assert "ask your teacher for a new PIN" in answer.text
    assert 'value="ABCDEF"' in answer.text


def test_a_form_of_another_site_is_refused(site: Site) -> None:
    with site.client("student") as client:
        answer = client.post("/preferences", data={"lang": "zh"}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403


def test_language_and_theme_stay(site: Site) -> None:
    with site.client("student", "en") as client:
        client.cookies.delete("lang")
        back = client.post("/preferences", data={"lang": "zh", "back": "/learn/map?lang=en"})
        assert back.headers["location"] == "/learn/map"
        client.post("/preferences", data={"theme": "dark"})
        page = client.get("/learn/map").text
        assert '<html lang="zh-CN" data-theme="dark">' in page
        client.post("/preferences", data={"lang": "en"})


def test_practice_works_without_script(pupil: httpx.Client) -> None:
    started = pupil.post("/learn/start", data=form(pupil.get("/learn/today").text, "/learn/start"))
    here = started.headers["location"]
    page = pupil.get(here).text
    checks.is_sound(page, "en")
    assert "Open hint 1" in page
    item = hidden(page, "item_id")[0]
    hint = pupil.post(f"{here}/hint", data={"item_id": item})
    page = pupil.get(hint.headers["location"].partition("#")[0]).text
    assert "<summary>Hint 1</summary>" in page
    choices = re.findall(r'name="answer" value="([^"]+)"', page)
    sent = {"item_id": item, "client_key": hidden(page, "client_key")[0], "answer": choices[:1] or ["0"]}
    verdict = pupil.post(f"{here}/answer", data=sent)
    assert 'id="verdict"' in verdict.text
    assert "Saved" in verdict.text
    assert 'id="verdict"' in pupil.post(f"{here}/answer", data=sent).text, "sending twice is harmless"
    part = pupil.post(f"{here}/answer", data=sent, headers={"hx-request": "true"})
    assert "<html" not in part.text
    pupil.post(f"{here}/close")
    done = pupil.get(f"{here}/done").text
    checks.is_sound(done, "en")
    assert "How did it go?" in done
    assert "Only the first try at each question counts" in done


def test_the_end_of_a_round_counts_first_tries_and_shows_before_and_after(site: Site, pupil: httpx.Client) -> None:
    here = pupil.post("/learn/practise", data={"point_id": POINT}).headers["location"]
    page = pupil.get(here).text
    item = hidden(page, "item_id")[0]
    courses, school = site.platform.get("courses"), site.platform.get("identity").schools()[0].id
    me = re.findall(r'name="account" content="([^"]+)"', page)[0]
    attempt = site.platform.get("assessment").attempt(Principal(me, school, "student"), here.rpartition("/")[2])
    key = courses.question(school, item, attempt.slots[0].seed, "en").key.answer
    wrong = courses.wrong_answers(school, item, attempt.slots[0].seed)[0][0]
    for n, given in enumerate((wrong, key)):
        answer = {"item_id": item, "client_key": f"first-try-{n}", "answer": given}
        assert pupil.post(f"{here}/answer", data=answer).status_code == 200
    pupil.post(f"{here}/close")
    done = pupil.get(f"{here}/done").text
    assert "0 of 6 right at the first try" in done
    assert "1 is in your Mistakes" in done
    assert "Right later" in done
    levels = done.split('id="levels"')[1]
    assert "→" in levels or "as before" in levels or "too few answers" in levels
    checks.is_sound(done, "en")


def test_an_answer_that_is_no_answer_is_asked_again(pupil: httpx.Client) -> None:
    point = POINT
    here = pupil.post("/learn/practise", data={"point_id": point}).headers["location"]
    page = pupil.get(here).text
    again = pupil.post(
        f"{here}/answer", data={"item_id": hidden(page, "item_id")[0], "client_key": "k", "answer": "  "}
    )
    assert again.status_code == 200
    assert 'id="verdict"' not in again.text


def test_a_wrong_set_of_choices_blames_no_single_one(site: Site, pupil: httpx.Client) -> None:
    courses, school_id = site.platform.get("courses"), site.platform.get("identity").schools()[0].id
    items = [
        item
        for point in courses.graph(school_id, POINT.partition(".")[0]).points
        for item in courses.items_of_point(school_id, point.id)
    ]
    several = next(one for one in items if courses.question(school_id, one, 0, "en").kind == "multiple")
    here = pupil.post("/learn/redo", data={"item_id": several}).headers["location"]
    page = pupil.get(here).text
    choices = re.findall(r'name="answer" value="([^"]+)"', page)
    sent = {"item_id": several, "client_key": hidden(page, "client_key")[0]}
    told = [pupil.post(f"{here}/answer", data={**sent, "client_key": one, "answer": [one]}).text for one in choices[:2]]
    assert any("one is missing, or one is too many" in page for page in told), "one alone is not all that are right"
    assert all("tag wrong" not in page and "choice tried" not in page for page in told)


def test_the_tutor_answers_without_script(pupil: httpx.Client) -> None:
    here = pupil.post("/learn/practise", data={"point_id": POINT}).headers["location"]
    item = hidden(pupil.get(here).text, "item_id")[0]
    asked = pupil.post(f"{here}/tutor", data={"item_id": item, "message": "Where did I go wrong?"})
    assert asked.status_code == 303
    page = pupil.get(asked.headers["location"].partition("#")[0]).text
    assert "Where did I go wrong?" in page
    assert "can read" in page


def test_set_practice_is_previewed_sent_seen_and_taken_back(
    teacher: httpx.Client, pupil: httpx.Client, site: Site
) -> None:
    me = hidden(pupil.get("/learn/me").text, "none") or [
        re.findall(r'name="account" content="([^"]+)"', pupil.get("/learn/me").text)[0]
    ]
    asked = {"point_id": POINT, "learner": me, "count": "4"}
    preview = teacher.get("/teach/assign", params=asked)
    checks.is_sound(preview.text, "en")
    assert "Set for 1 pupil" in preview.text
    sent = teacher.post("/teach/assign", data=form(preview.text, "/teach/assign"))
    page = teacher.get(sent.headers["location"]).text
    assert "Set for 1 pupil" in page
    assert "Set by your teacher" in pupil.get("/learn/today").text
    undo = re.findall(r'action="(/teach/assign/[^"]+/undo)"', page)[0]
    teacher.post(undo)
    assert "Taken back" in teacher.get(sent.headers["location"]).text
    assert "Set by your teacher" not in pupil.get("/learn/today").text


def test_papers_have_a_sheet_a_code_and_a_key_for_each(teacher: httpx.Client) -> None:
    learners = hidden(teacher.get("/teach/today").text, "learner")[:2]
    preview = teacher.get("/teach/papers", params={"point_id": POINT, "learner": learners})
    page = teacher.post("/teach/papers", data=form(preview.text, "/teach/papers")).text
    checks.is_sound(page, "en")
    assert page.count('class="a4"') == 2 * len(learners)
    assert page.count("a4 key-sheet") == len(learners)
    assert page.count("qr-code") == 2 * len(learners)


def test_a_teacher_sees_a_pupils_today_but_cannot_answer(teacher: httpx.Client) -> None:
    learner = hidden(teacher.get("/teach/today").text, "learner")[0]
    page = teacher.get(f"/teach/learners/{learner}/today").text
    assert "You can look, not answer" in page
    assert 'action="/learn/start"' not in page


def test_opening_a_pupils_page_is_told_to_the_pupil(teacher: httpx.Client, pupil: httpx.Client) -> None:
    me = re.findall(r'name="account" content="([^"]+)"', pupil.get("/learn/me").text)[0]
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
    stuck = hidden(page, "learner")[0]
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


@pytest.mark.parametrize("odd", ["²", "-1", "9" * 30, "x.y", "year7-expressions.nothing", "\0", "٣"])
def test_no_input_breaks_a_page(site: Site, odd: str) -> None:
    with site.client("teacher") as client:
        pupil_id = hidden(client.get("/teach/today").text, "learner")[0]
    asked = {
        "student": ["/learn/point?id=", "/learn/lesson?id=", "/learn/practice/", "/learn/today?lang="],
        "teacher": [
            "/teach/class?part=",
            f"/teach/class?learner={pupil_id}&point=",
            f"/teach/class?point={POINT}&learner=",
            "/teach/learners/",
            f"/teach/learners/{pupil_id}?point=",
            f"/teach/assign?learner={pupil_id}&point_id=",
            f"/teach/assign?point_id={POINT}&learner=",
            f"/teach/assign?learner={pupil_id}&point_id={POINT}&count=",
            "/teach/assign?due=",
            "/teach/assign?sent=",
            f"/teach/papers?learner={pupil_id}&point_id=",
            f"/teach/papers?point_id={POINT}&learner=",
            f"/teach/papers?learner={pupil_id}&point_id={POINT}&count=",
            "/teach/questions?point=",
        ],
        "admin": [
            "/admin?notice=",
            "/admin/usage?days=",
            "/admin/audit?before=",
            "/admin/audit?kind=",
            "/admin/models/",
            "/admin/people/classes/",
            "/admin/privacy?class_id=",
            "/admin/privacy/erase/",
            "/people/roster?class_id=",
            "/loop?version=",
        ],
        "developer": ["/developer?show="],
        None: ["/enter?back=", "/enter/"],
    }
    sent = {
        "student": [
            ("/learn/practise", {"point_id": odd}),
            ("/learn/practise-lesson", {"lesson_id": odd}),
            ("/learn/start", {"kind": odd, "course_id": odd, "item_id": odd}),
            ("/learn/start", {"kind": "practice", "course_id": odd, "assignment_id": odd}),
            ("/learn/redo", {"item_id": odd}),
            ("/preferences", {"back": odd, "lang": odd, "theme": odd, "place": odd}),
        ],
        "teacher": [
            ("/teach/assign", {"point_id": odd, "learner": pupil_id}),
            ("/teach/assign", {"point_id": POINT, "learner": odd}),
            ("/teach/assign", {"point_id": POINT, "learner": pupil_id, "due": f"{odd}x"}),
            ("/teach/papers", {"point_id": odd, "learner": pupil_id}),
            ("/teach/papers", {"point_id": POINT, "learner": pupil_id, "count": f"{odd}x"}),
        ],
        "admin": [
            ("/admin/responsible", {"account_id": odd}),
            ("/admin/usage/limits", {"who": "", "tokens": odd, "period": odd}),
            ("/admin/usage/limits", {"who": odd, "tokens": "5"}),
            ("/admin/people/accounts", {"name": odd, "login": odd, "role": odd}),
            ("/people/roster/import", {"content": odd, "class_id": odd}),
            (f"/loop/versions/{POINT}/use", {"reason": odd}),
            (f"/admin/privacy/{POINT}", {"agreed": odd}),
        ],
        "developer": [("/developer/keys", {"name": "k", "days": odd})],
        None: [("/enter/pupil", {"code": odd, "number": odd, "pin": odd, "back": odd})],
    }
    broken = []
    for role, paths in asked.items():
        with site.client(role) as client:
            broken += [path for path in paths if client.get(path + quote(odd)).status_code >= 500]
            broken += [path for path, form_ in sent[role] if client.post(path, data=form_).status_code >= 500]
    assert not broken


def test_today_asks_to_redo_once_a_course_by_its_name(
    pupil: httpx.Client, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    recommendation = site.platform.get("recommendation")
    old = clock.now() - timedelta(days=2)
    due = [
        Mistake(f"{course}.a{n}", f"{course}.p", 1, "1", None, old, 1, True)
        for course, count in (("year7-expressions", 2), ("large-models", 3), ("gone", 1))
        for n in range(count)
    ]
    monkeypatch.setattr(recommendation, "mistakes", lambda *_: due)
    redo = Activity("mistakes", "large-models", None, None, None, ("large-models.a1",), 3, words.REDO, words.REDO)
    lesson = replace(redo, kind="lesson", course_id="year7-expressions", lesson_id="year7-expressions.l", item_ids=())
    monkeypatch.setattr(site.platform.get("assessment"), "open_attempt", lambda *_: None)

    def rows(*activities: Activity) -> list[str]:
        monkeypatch.setattr(recommendation, "next", lambda *_, **__: list(activities))
        return re.findall(
            r'<a href="/learn/mistakes">([^<]+)</a>', pupil.get("/learn/today").text.split('id="also"')[1]
        )

    assert [one.split(": ")[-1] for one in rows(lesson, redo)] == ["redo 2 mistakes", "redo 3 mistakes"]
    assert all(": " in one for one in rows(lesson, redo)), "each names its course"
    assert [one.split(": ")[-1] for one in rows(redo, lesson)] == ["redo 2 mistakes"]


def test_me_counts_answers_without_opening_them(
    pupil: httpx.Client, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = re.findall(r'name="account" content="([^"]+)"', pupil.get("/learn/me").text)[0]
    school = site.platform.get("identity").schools()[0]
    counted = len(
        site.platform.get("records").of_learner(Principal(account, school.id, "student"), account, limit=5000)
    )

    def closed(*_: object, **__: object) -> None:
        raise AssertionError("answers were opened")

    monkeypatch.setattr(site.platform.get("records"), "of_learners", closed)
    monkeypatch.setattr(site.platform.get("records"), "of_learner", closed)
    assert f"{counted} answers on record" in pupil.get("/learn/me").text


def test_the_class_list_is_a_spreadsheet(teacher: httpx.Client) -> None:
    answer = teacher.get("/teach/class.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text.startswith("\ufeff")
    assert len(answer.text.strip().splitlines()) == 33


def test_a_hint_that_the_tutor_opened_meanwhile_is_shown_not_skipped(pupil: httpx.Client) -> None:
    here = pupil.post("/learn/practise", data={"point_id": POINT}).headers["location"]
    item = hidden(pupil.get(here).text, "item_id")[0]
    for _ in range(2):
        part = pupil.post(f"{here}/hint", data={"item_id": item, "shown": "0"}, headers={"hx-request": "true"}).text
        assert part.count("<summary") == 1


def test_the_ladder_is_fetched_as_it_stands_and_opens_nothing(pupil: httpx.Client) -> None:
    here = pupil.post("/learn/practise", data={"point_id": POINT}).headers["location"]
    item = hidden(pupil.get(here).text, "item_id")[0]
    fresh = pupil.get(f"{here}/hints", params={"item": item}).text
    assert (fresh.count("<summary"), "Open hint 1" in fresh, "<html" in fresh) == (0, True, False)
    pupil.post(f"{here}/tutor", data={"item_id": item, "message": "Where do I begin?"})
    for _ in range(2):
        assert pupil.get(f"{here}/hints", params={"item": item}).text.count("<summary") == 1


def test_where_the_class_has_the_tutor_off_there_is_no_box_to_write_in(site: Site, pupil: httpx.Client) -> None:
    people, school = site.platform.get("people"), site.platform.get("identity").schools()[0].id
    boss = Principal("system", school, "admin")
    class_ = people.classes(boss)[0]
    here = pupil.post("/learn/practise", data={"point_id": POINT}).headers["location"]
    people.set_tutor(boss, class_.id, False)
    try:
        page = pupil.get(here).text
    finally:
        people.set_tutor(boss, class_.id, True)
    assert "The AI tutor is off for your class" in page
    assert 'href="#hints"' in page
    assert "data-tutor" not in page
    assert 'class="talk"' not in page
    assert 'class="practice no-talk"' in page, "nor a button that opens the box on a phone"
    assert "data-tutor" in pupil.get(here).text
    checks.is_sound(page, "en")


def test_the_notebook_counts_what_it_shows(pupil: httpx.Client) -> None:
    page = pupil.get("/learn/mistakes").text
    total, due = re.findall(r"(\d+) mistakes?, (\d+) ready to redo", page)[0]
    assert page.count('<li class="card">') == int(total)
    assert page.count(">Ready to redo<") == int(due)
    button = page.split('action="/learn/redo"')[1].split("</form>")[0]
    at_once = len(hidden(button, "item_id"))  # of one of the two courses, and named
    assert f"Redo the {at_once} of Year 7" in button or int(due) == at_once


@pytest.mark.parametrize("path", ["/teach/assign", "/teach/papers"])
def test_nobody_ticked_is_said_beside_the_button(teacher: httpx.Client, path: str) -> None:
    said = 'role="alert" data-nobody>Nobody is ticked'
    assert said not in teacher.get(path).text
    assert said not in teacher.get(path, params={"point_id": POINT}).text, "who comes to choose has not pressed yet"
    asked = teacher.get(path, params={"point_id": POINT, "look": "true"}).text
    assert said in asked
    assert "data-nobody" in teacher.get("/teach/today").text
    sent = teacher.post(path, data={"point_id": POINT})
    assert (sent.status_code, said in sent.text) == (400, True)
    checks.is_sound(asked, "en")


def test_a_pupils_answers_say_to_the_teacher_who_wrote_them(teacher: httpx.Client, site: Site) -> None:
    learner = hidden(teacher.get("/teach/today").text, "learner")[0]
    page = teacher.get(f"/teach/learners/{learner}").text
    cell = teacher.get("/teach/class", params={"learner": learner, "point": POINT}).text
    for html in (page, cell):
        assert "You wrote" not in html
        assert " wrote </span>" in html


SIGNING_IN = (  # chosen at the entrance, the browser's, the account's; what comes after
    ("", "en-GB", "zh", "en"),
    ("", "zh-CN", "zh", "zh-CN"),
    ("", "zh-CN", "en", "en"),
    ("en", "zh-CN", "zh", "en"),
    ("zh", "en-GB", "en", "zh-CN"),
)


@pytest.mark.parametrize(("asked", "accept"), [("", "en-GB"), ("?lang=en", "zh-CN"), ("", "zh-CN")])
def test_the_language_of_the_entrance_is_kept_in_the_demo(site: Site, asked: str, accept: str) -> None:
    token = demo.link(site.platform)
    with site.client(None) as client:
        client.cookies.clear()
        client.headers["accept-language"] = accept
        page = client.get(f"/enter/{token}{asked}").text
        client.post(f"/enter/{token}/as", data={"account_id": hidden(page, "account_id")[0]})
        inside = client.get("/teach/today").text
    language = re.findall('<html lang="([^"]+)"', page)
    assert re.findall('<html lang="([^"]+)"', inside) == language
    assert language == ["zh-CN" if asked == "" and accept == "zh-CN" else "en"]


@pytest.mark.parametrize(("chosen", "accept", "saved", "after"), SIGNING_IN)
def test_signing_in_changes_no_language_unless_the_account_has_its_own(
    site: Site, chosen: str, accept: str, saved: Language, after: str
) -> None:
    login, password = site.accounts["teacher"]
    identity = site.platform.get("identity")
    identity.set_language(identity.sign_in(login, password).principal, saved)
    with site.client(None) as client:
        client.cookies.clear()
        client.headers["accept-language"] = accept
        if chosen:
            client.post("/preferences", data={"lang": chosen, "back": "/enter"})
        client.post("/enter/adult", data={"login": login, "password": password})
        inside = client.get("/teach/today").text
        client.post("/leave")
        client.cookies.delete("lang")
        outside = client.get("/enter", headers={"accept-language": "zh-CN"}).text
    identity.set_language(identity.sign_in(login, password).principal, "zh")
    assert re.findall('<html lang="([^"]+)"', inside) == [after]
    assert '<html lang="zh-CN"' in outside, "whoever comes next is asked by their own browser"


def test_a_visit_weighs_what_the_readme_says(site: Site) -> None:
    """Printed, and far under the bound: html and every file it asks for, compressed."""
    heaviest = 0
    for role, paths in (("student", STUDENT), ("teacher", TEACHER)):
        with site.client(role) as client:
            for path in paths:
                heaviest = max(heaviest, checks.weight(client.get(path).text))
    assert heaviest <= checks.MOST_BYTES / 2


def test_an_adaptive_test_is_set_begun_reloaded_and_handed_in(teacher: httpx.Client, pupil: httpx.Client) -> None:
    page = teacher.get("/teach/tests").text
    number = re.findall(r'name="learner" value="([^"]+)"', page)[0]  # pupil 01, who is signed in
    assert "class_id is missing" in teacher.get("/api/adaptive-tests").text
    nobody = teacher.post("/teach/tests", data={"least": "3"})
    assert nobody.status_code == 400
    assert "Tick topics and pupils first." in nobody.text
    for wrong, said in (({"most": "nine"}, "whole numbers"), ({"due": "2020-01-01"}, "that day is over")):
        kept = teacher.post("/teach/tests", data={"point_id": POINT, "learner": number, **wrong})
        assert (kept.status_code, said in kept.text) == (400, True)
        assert f'value="{POINT}" checked' in kept.text  # the form comes back as it was filled in
        assert f'value="{next(iter(wrong.values()))}"' in kept.text
    sent = teacher.post("/teach/tests", data={"point_id": POINT, "learner": number, "least": "3", "most": "6"})
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
    assert hidden(sheet, "item_id") == hidden(pupil.get(begun.headers["location"]).text, "item_id")
    assert "The passage about it" not in sheet
    assert "Carry on with the test" in pupil.get("/learn/today").text
    assert pupil.get("/learn/tests/nothing/start").status_code in (404, 405)
    pupil.post(f"{begun.headers['location']}/close")
    assert "Nothing was answered" in pupil.get(f"{begun.headers['location']}/done").text
    assert "Done, 0 questions" in teacher.get(results).text
    assert teacher.post(f"{results}/undo").headers["location"] == results
    assert "Whoever has not begun" in teacher.get(results).text
    more = {"least": "30", "most": "40"}  # than the topic has: all of it is asked
    again = teacher.post("/teach/tests", data={"point_id": POINT, "learner": number, **more}).headers["location"]
    teacher.post(f"{again}/undo")
    assert "Not begun" in teacher.get(again).text
    assert 'hx-trigger="every 5s"' not in teacher.get(again).text  # nobody can begin it any more


def test_the_map_says_what_fades_and_when_to_look_again(pupil: httpx.Client) -> None:
    page = pupil.get("/learn/map").text
    assert "What to review next" in page
    assert page.count('class="forget"') >= 1
    assert re.search(r"Review on \d+ \w+|Review today", page)


def test_the_map_leads_on_though_nothing_of_its_course_is_offered_first(
    pupil: httpx.Client, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.platform.get("recommendation"), "next", lambda *_asked, **_limit: [])
    page = pupil.get("/learn/map").text
    point = hidden(page.split('action="/learn/practise"', 1)[1], "point_id")[0]
    assert pupil.post("/learn/practise", data={"point_id": point}).headers["location"].startswith("/learn/practice/")
