"""The playground: two models answer the same prompt, each with what it cost and how to repeat it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.maas import starter_files
from tests.web import checks, schools
from tests.web.conftest import Site

PATH = "/developer/playground"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[schools.Office]:
    starter_files.require("tiny")
    with schools.empty(tmp_path / "home", starter="tiny") as made:
        yield made


def developer(office: schools.Office) -> TestClient:
    form = {"name": "Dev", "login": "dev", "role": "developer"}
    password = re.findall(r'class="big-code">([^<]+)<', office.admin.post("/admin/people/accounts", data=form).text)[0]
    return office.enter("dev", password)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_is_sound_in_both_languages(site: Site, language: str) -> None:
    with site.client("developer", language) as client:
        answer = client.get(PATH)
    assert answer.status_code == 200
    checks.is_sound(answer.text, language)


def test_two_sides_answer_the_same_prompt_and_show_their_cost(office: schools.Office) -> None:
    client = developer(office)
    asked = {"prompt": "Say <b>hi</b>.", "left": "tiny", "right": "tiny", "max_tokens": "12", "temperature": "0"}
    page = client.post(PATH, data=asked).text
    checks.is_sound(page, "en")
    assert page.count("200 ·") == 2
    assert page.count("models:/tiny@sha256:b179c952") == 2
    assert "<b>hi</b>" not in page, "what one typed comes back as text"
    assert len(re.findall(r"\d+ in, \d+ out", page)) == 2
    assert page.count("/v1/chat/completions") == 2, "curl for each"
    said = re.findall(r'class="spoken">([^<]*)<', page)
    assert said[0] == said[1] != "", "temperature 0: equal requests, equal answers"
    calls = office.platform.get("gateway").calls(
        office.platform.get("identity").sign_in("office", schools.PASSWORD).principal
    )
    assert [call.status for call in calls] == ["settled", "settled"]


def test_one_model_that_fails_does_not_hide_the_other(office: schools.Office) -> None:
    page = developer(office).post(PATH, data={"prompt": "Hi", "left": "tiny", "right": "nope", "max_tokens": "4"}).text
    assert "200 ·" in page
    assert "model_not_found" in page


def test_an_empty_prompt_is_refused_and_what_was_chosen_stays(office: schools.Office) -> None:
    answer = developer(office).post(PATH, data={"prompt": " ", "left": "tiny", "max_tokens": "33"})
    assert answer.status_code == 400
    assert 'value="33"' in answer.text
