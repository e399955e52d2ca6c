"""Practice without script: answers, verdicts, hints and the tutor, by plain forms and links."""

import re

import httpx
from tests.web import checks, demohome, forms
from tests.web.conftest import Site

from shuyuan.identity.interface import Principal


def test_practice_works_without_script(pupil: httpx.Client) -> None:
    started = pupil.post("/learn/start", data=forms.of(pupil.get("/learn/today").text, "/learn/start"))
    here = started.headers["location"]
    page = pupil.get(here).text
    checks.is_sound(page, "en")
    assert "Open hint 1" in page
    item = forms.hidden(page, "item_id")[0]
    hint = pupil.post(f"{here}/hint", data={"item_id": item})
    page = pupil.get(hint.headers["location"].partition("#")[0]).text
    assert "<summary>Hint 1</summary>" in page
    choices = re.findall(r'name="answer" value="([^"]+)"', page)
    sent = {"item_id": item, "client_key": forms.hidden(page, "client_key")[0], "answer": choices[:1] or ["0"]}
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
    here = pupil.post("/learn/practise", data={"point_id": demohome.POINT}).headers["location"]
    page = pupil.get(here).text
    item = forms.hidden(page, "item_id")[0]
    courses, school = site.platform.get("courses"), site.platform.get("identity").schools()[0].id
    me = forms.account(page)
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
    point = demohome.POINT
    here = pupil.post("/learn/practise", data={"point_id": point}).headers["location"]
    page = pupil.get(here).text
    again = pupil.post(
        f"{here}/answer", data={"item_id": forms.hidden(page, "item_id")[0], "client_key": "k", "answer": "  "}
    )
    assert again.status_code == 200
    assert 'id="verdict"' not in again.text


def test_a_wrong_set_of_choices_blames_no_single_one(site: Site, pupil: httpx.Client) -> None:
    courses, school_id = site.platform.get("courses"), site.platform.get("identity").schools()[0].id
    items = [
        item
        for point in courses.graph(school_id, demohome.POINT.partition(".")[0]).points
        for item in courses.items_of_point(school_id, point.id)
    ]
    several = next(one for one in items if courses.question(school_id, one, 0, "en").kind == "multiple")
    here = pupil.post("/learn/redo", data={"item_id": several}).headers["location"]
    page = pupil.get(here).text
    choices = re.findall(r'name="answer" value="([^"]+)"', page)
    sent = {"item_id": several, "client_key": forms.hidden(page, "client_key")[0]}
    told = [pupil.post(f"{here}/answer", data={**sent, "client_key": one, "answer": [one]}).text for one in choices[:2]]
    assert any("one is missing, or one is too many" in page for page in told), "one alone is not all that are right"
    assert all("tag wrong" not in page and "choice tried" not in page for page in told)


def test_the_tutor_answers_without_script(pupil: httpx.Client) -> None:
    here = pupil.post("/learn/practise", data={"point_id": demohome.POINT}).headers["location"]
    item = forms.hidden(pupil.get(here).text, "item_id")[0]
    asked = pupil.post(f"{here}/tutor", data={"item_id": item, "message": "Where did I go wrong?"})
    assert asked.status_code == 303
    page = pupil.get(asked.headers["location"].partition("#")[0]).text
    assert "Where did I go wrong?" in page
    assert "can read" in page


def test_a_hint_that_the_tutor_opened_meanwhile_is_shown_not_skipped(pupil: httpx.Client) -> None:
    here = pupil.post("/learn/practise", data={"point_id": demohome.POINT}).headers["location"]
    item = forms.hidden(pupil.get(here).text, "item_id")[0]
    for _ in range(2):
        part = pupil.post(f"{here}/hint", data={"item_id": item, "shown": "0"}, headers={"hx-request": "true"}).text
        assert part.count("<summary") == 1


def test_the_ladder_is_fetched_as_it_stands_and_opens_nothing(pupil: httpx.Client) -> None:
    here = pupil.post("/learn/practise", data={"point_id": demohome.POINT}).headers["location"]
    item = forms.hidden(pupil.get(here).text, "item_id")[0]
    fresh = pupil.get(f"{here}/hints", params={"item": item}).text
    assert (fresh.count("<summary"), "Open hint 1" in fresh, "<html" in fresh) == (0, True, False)
    pupil.post(f"{here}/tutor", data={"item_id": item, "message": "Where do I begin?"})
    for _ in range(2):
        assert pupil.get(f"{here}/hints", params={"item": item}).text.count("<summary") == 1


def test_where_the_class_has_the_tutor_off_there_is_no_box_to_write_in(site: Site, pupil: httpx.Client) -> None:
    people, school = site.platform.get("people"), site.platform.get("identity").schools()[0].id
    boss = Principal("system", school, "admin")
    class_ = people.classes(boss)[0]
    here = pupil.post("/learn/practise", data={"point_id": demohome.POINT}).headers["location"]
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
