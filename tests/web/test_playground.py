"""The playground: two models answer the same prompt, each with what it cost and how to repeat it."""

import ast
import dataclasses
import json
import re
import subprocess
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.maas import starter_files
from tests.web import checks, schools
from tests.web.conftest import Site

from shuyuan.maas.gateway.interface import Price

PATH = "/developer/playground"
CURL = "curl() { cat; }\n"  # instead of the real one: what it would send


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


def test_what_a_call_cost_stands_beside_it_where_the_school_set_a_price(office: schools.Office) -> None:
    gateway = office.platform.get("gateway")
    admin = office.platform.get("identity").sign_in("office", schools.PASSWORD).principal
    prices = {"tiny": Price(input=1000.0, output=1000.0)}
    gateway.set_terms(admin, dataclasses.replace(gateway.terms(admin), currency="EUR", prices=prices))
    asked = {"prompt": "Hi", "left": "tiny", "max_tokens": "4", "temperature": "0"}
    page = developer(office).post(PATH, data=asked).text
    found = re.search(r"(\d+) in, (\d+) out.*?<dd>([\d.]+) EUR</dd>", page, re.DOTALL)
    assert found, page
    assert float(found[3]) == int(found[1]) + int(found[2]), "1 EUR a token, both ways"


def test_a_models_version_in_use_and_each_version_can_be_chosen(office: schools.Office) -> None:
    admin = office.platform.get("identity").sign_in("office", schools.PASSWORD).principal
    catalogue = office.platform.get("catalogue")
    with catalogue.locate("tiny").path.open("rb") as file:
        given = {"model": "ours", "runner": "llama", "context_tokens": 2048, "champion": True, "reason": "t"}
        catalogue.add_file(admin.school_id, "a", source=file, **given)
    client = developer(office)
    choices = re.findall(r'<option value="([^"]+)"', client.get(PATH).text)
    assert {"tiny", "models:/ours@champion", "models:/ours/1"} <= set(choices)
    asked = {"prompt": "Hi", "left": "models:/ours@champion", "right": "models:/ours/1", "max_tokens": "4"}
    page = client.post(PATH, data={**asked, "temperature": "0"}).text
    assert page.count("<code>models:/ours/1</code>") == 3, "both were answered by that version, one was named so"
    assert page.count("200 ·") == 2


def test_what_is_copied_repeats_the_prompt_whatever_lines_and_quotes_it_has(office: schools.Office) -> None:
    prompt = "it's '''three''' and \"two\" \\ back\n\nEND\n$HOME `id` 你好 " + "long words " * 20 + "end"
    page = developer(office).post(PATH, data={"prompt": prompt.replace("\n", "\r\n"), "left": "nope"}).text
    python = unescape(re.findall(r"<code[^>]*>(import os.*?)</code>", page, re.DOTALL)[0])
    body = next(one.value for one in ast.parse(python).body if isinstance(one, ast.Assign) and "body" in ast.dump(one))
    assert ast.literal_eval(body)["messages"][0]["content"] == prompt
    curl = unescape(re.findall(r"<code[^>]*>(curl.*?)</code>", page, re.DOTALL)[0])
    said = subprocess.run(["sh", "-c", CURL + curl], capture_output=True, check=True)
    assert json.loads(said.stdout)["messages"][0]["content"] == prompt


def test_a_long_prompt_is_asked_whole_and_one_too_long_is_kept_and_said(office: schools.Office) -> None:
    client = developer(office)
    long = "word " * 2_000
    answer = client.post(PATH, data={"prompt": long, "left": "nope"})
    assert (answer.status_code, long.strip() in answer.text) == (200, True)
    too_long = "x" * 100_001
    answer = client.post(PATH, data={"prompt": too_long, "left": "nope"})
    assert answer.status_code == 400
    assert "Nothing was cut" in answer.text
    assert too_long in answer.text, "what was written stays"
    page = client.get(PATH).text
    assert "maxlength" not in page
    assert 'data-context="2048"' in page


def test_the_facts_of_a_streamed_call_are_the_ledgers_not_the_browsers(office: schools.Office) -> None:
    client = developer(office)
    body = {"model": "tiny", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 3, "stream": True}
    answer = client.post("/v1/chat/completions", json=body)
    heard = {"model": "tiny", "prompt": "Hi", "text": "<b>Hello</b>", "seconds": "1.5", "n": "2"}
    part = client.post(f"{PATH}/side", data={**heard, "call_id": answer.headers["x-shuyuan-call"]}).text
    assert "models:/tiny@sha256:b179c952" in part
    assert re.search(r"\d+ in, 3 out", part)
    assert "&lt;b&gt;Hello&lt;/b&gt;" in part
    assert 'id="side-2"' in part
    assert "<html" not in part
    wrong = client.post(f"{PATH}/side", data={**heard, "status": "429", "error_code": "overloaded", "error": "full"})
    assert "overloaded" in wrong.text
