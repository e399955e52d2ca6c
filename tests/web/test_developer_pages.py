"""The API page: own keys shown once, snippets, and Run, which makes a real call."""

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.maas import starter_files
from tests.web import checks, schools
from tests.web.conftest import Site


def developer(office: schools.Office) -> TestClient:
    form = {"name": "Dev", "login": "dev", "role": "developer"}
    password = re.findall(r'class="big-code">([^<]+)<', office.admin.post("/admin/people/accounts", data=form).text)[0]
    return office.enter("dev", password)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", ["/developer", "/developer?show=curl", "/developer?show=javascript", "/loop"])
def test_a_page_is_sound_and_light(site: Site, path: str, language: str) -> None:
    with site.client("developer", language) as client:
        answer = client.get(path)
    assert answer.status_code == 200
    checks.is_sound(answer.text, language)
    assert checks.weight(answer.text) <= checks.MOST_BYTES


@pytest.mark.parametrize("role", ["student", "teacher"])
def test_it_is_refused_to_others(site: Site, role: str) -> None:
    with site.client(role) as client:
        assert client.get("/developer").status_code == 403
        assert client.post("/developer/run").status_code == 403
        assert client.post("/developer/keys", data={"name": "x"}).status_code == 403


def test_the_snippets_name_this_server_and_say_nothing_of_a_secret(office: schools.Office) -> None:
    page = developer(office).get("/developer").text
    assert "http://testserver/v1" in page
    assert 'os.environ[<span class="q">' in page


def test_a_key_is_shown_once_opens_the_api_and_ends_at_once(office: schools.Office) -> None:
    client = developer(office)
    made = client.post("/developer/keys", data={"name": "laptop", "days": "7"}).text
    checks.is_sound(made, "en")
    secret = re.findall(r'class="big-code">(sk-[^<]+)<', made)[0]
    page = client.get("/developer").text
    assert secret not in page
    assert secret[:10] in page
    bearer = {"authorization": f"Bearer {secret}"}
    assert office.anyone().get("/v1/models", headers=bearer).status_code == 200
    revoke = re.findall(r'action="(/developer/keys/[^"]+/revoke)"', page)[0]
    assert client.post(revoke).status_code == 303
    assert office.anyone().get("/v1/models", headers=bearer).status_code == 401
    assert "Revoked" in client.get("/developer").text
    assert "None that may call models" in client.get("/developer").text


def test_what_a_key_may_do_and_how_long_is_chosen_and_said_in_words(office: schools.Office) -> None:
    client = developer(office)
    form = {"name": "marks", "days": "0", "scopes": ["models", "learning"]}
    made = client.post("/developer/keys", data=form).text
    checks.is_sound(made, "en")
    assert "call models, read and write learning data · No end" in made
    assert 'data-copy="made"' in made
    secret = re.findall(r'class="big-code">(sk-[^<]+)<', made)[0]
    who = office.platform.get("identity").principal_of_key(secret)
    assert who.scopes == {"models", "learning"}
    for scopes in (["admin"], [""]):
        assert client.post("/developer/keys", data={"name": "all", "scopes": scopes}).status_code == 403, scopes


def test_a_key_without_a_name_is_refused_with_the_reason(office: schools.Office) -> None:
    answer = developer(office).post("/developer/keys", data={"name": " "})
    assert answer.status_code == 400
    assert "1 to" in answer.text


def test_run_without_a_model_shows_the_code_and_counts_nothing(office: schools.Office) -> None:
    page = developer(office).post("/developer/run", data={"question": "Why?"}).text
    checks.is_sound(page, "en")
    assert "model_not_pulled" in page
    assert "503 ·" in page
    assert "It never began; nothing is counted" in page


def test_run_makes_a_real_call_and_shows_what_the_platform_noted(tmp_path: Path) -> None:
    starter_files.require("tiny")
    with schools.empty(tmp_path / "home", starter="tiny") as office:
        client = developer(office)
        client.post("/developer/keys", data={"name": "laptop"})
        page = client.post("/developer/run", data={"question": 'Say "hello" <now>.', "show": "curl"}).text
        checks.is_sound(page, "en")
        assert "200 ·" in page
        assert "<now>" not in page, "what one typed comes back as text"
        assert "models:/tiny@sha256:b179c952" in page
        identity = office.platform.get("identity")
        admin = identity.sign_in("office", schools.PASSWORD).principal
        (call,) = office.platform.get("gateway").calls(admin)
        assert call.id in page
        assert (call.status, call.outcome, call.endpoint) == ("settled", "ok", "chat")
        assert f"{call.prompt_tokens} in, {call.completion_tokens} out" in page
        assert f"{call.prompt_tokens + call.completion_tokens} tokens settled" in page
        assert re.search(r"\d+\.\d\d ms <code>x-shuyuan-overhead-ms", page)
        assert "key.created" in page
        assert call.completion_tokens > 0
