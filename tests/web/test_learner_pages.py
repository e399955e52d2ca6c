"""What a pupil's own pages say: today, the map, mistakes, and what is kept about them."""

import re
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from tests.web import forms
from tests.web.conftest import Site

from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock
from shuyuan.learning.recommendation import words
from shuyuan.learning.recommendation.interface import Activity, Mistake


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
    account = forms.account(pupil.get("/learn/me").text)
    school = site.platform.get("identity").schools()[0]
    counted = len(
        site.platform.get("records").of_learner(Principal(account, school.id, "student"), account, limit=5000)
    )

    def closed(*_: object, **__: object) -> None:
        raise AssertionError("answers were opened")

    monkeypatch.setattr(site.platform.get("records"), "of_learners", closed)
    monkeypatch.setattr(site.platform.get("records"), "of_learner", closed)
    assert f"{counted} answers on record" in pupil.get("/learn/me").text


def test_me_says_how_a_consent_is_taken_back(pupil: httpx.Client) -> None:
    assert "take a consent back at any time" in pupil.get("/learn/me").text


def test_the_notebook_counts_what_it_shows(pupil: httpx.Client) -> None:
    page = pupil.get("/learn/mistakes").text
    total, due = re.findall(r"(\d+) mistakes?, (\d+) ready to redo", page)[0]
    assert page.count('<li class="card">') == int(total)
    assert page.count(">Ready to redo<") == int(due)
    button = page.split('action="/learn/redo"')[1].split("</form>")[0]
    at_once = len(forms.hidden(button, "item_id"))  # of one of the two courses, and named
    assert f"Redo the {at_once} of Year 7" in button or int(due) == at_once


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
    point = forms.hidden(page.split('action="/learn/practise"', 1)[1], "point_id")[0]
    assert pupil.post("/learn/practise", data={"point_id": point}).headers["location"].startswith("/learn/practice/")
