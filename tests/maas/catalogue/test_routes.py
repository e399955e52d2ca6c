"""Models over HTTP: administrators list and pull, developers look, others stay out."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from shuyuan.compose import Platform
from shuyuan.identity import http as identity_http
from shuyuan.identity.interface import Identity, Role
from shuyuan.kernel import db, http


def sign_in(platform: Platform, role: Role) -> str:
    identity: Identity = platform.get("identity")
    database: db.Database = platform.get("db")
    school = identity.create_school(f"school of {role}")
    account_id = database.write(
        lambda uow: identity.create_account(
            uow, school_id=school.id, role=role, name=role, login=f"{role}@{school.id}", secret=None
        )
    )
    return identity.sign_in_as(account_id).token


@pytest.fixture
def client(platform: Platform) -> Iterator[TestClient]:
    app = http.build_app(
        version="test",
        gate=identity_http.gate(platform.get("identity")),
        ready=dict,
        max_body_bytes=10_000,
        routers=platform.routers(["catalogue"]),
    )
    with TestClient(app, headers={"origin": "http://testserver"}) as made:
        yield made


def enter(client: TestClient, platform: Platform, role: Role) -> TestClient:
    client.cookies.set(identity_http.COOKIE, sign_in(platform, role))
    return client


def test_an_administrator_sees_every_entry_with_its_card(client: TestClient, platform: Platform) -> None:
    models = enter(client, platform, "admin").get("/api/models").json()
    assert [model["entry"]["name"] for model in models] == ["tutor", "tiny", "embed", "minilm", "ocr", "whisper"]
    assert all({"licence", "card", "origin", "sha256", "tasks"} <= model["entry"].keys() for model in models)


def test_an_unknown_model_cannot_be_pulled(client: TestClient, platform: Platform) -> None:
    enter(client, platform, "admin")
    for answer in (client.post("/api/models/nothing/pull"), client.delete("/api/models/nothing/pull")):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")


def test_cancelling_where_nothing_runs_is_no_error(client: TestClient, platform: Platform) -> None:
    assert enter(client, platform, "admin").delete("/api/models/tiny/pull").status_code == 204


def test_a_developer_looks_but_does_not_pull(client: TestClient, platform: Platform) -> None:
    enter(client, platform, "developer")
    assert client.get("/api/models").status_code == 200
    assert client.get("/api/models/tracer/versions").json() == []
    assert client.post("/api/models/tiny/pull").status_code == 403


@pytest.mark.parametrize("role", ["teacher", "student", "guardian"])
def test_others_do_not_see_the_models_page(client: TestClient, platform: Platform, role: Role) -> None:
    assert enter(client, platform, role).get("/api/models").status_code == 403


def test_nobody_is_told_to_sign_in(client: TestClient) -> None:
    assert client.get("/api/models").status_code == 401
