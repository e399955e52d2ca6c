"""Bringing a version over HTTP: streamed, judged, registered for the caller's school alone."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.requests import ClientDisconnect
from tests.maas.catalogue import model_files as files
from tests.maas.catalogue.test_routes import sign_in

from shuyuan.compose import Platform
from shuyuan.identity import http as identity_http
from shuyuan.identity.interface import Role
from shuyuan.kernel import http
from shuyuan.maas.catalogue import importing

CAP = 200_000
HERE = "/api/models/digits/versions"
CHAMPION: dict[str, str | bool] = {"champion": True, "reason": "tried in class 7"}


@pytest.fixture
def client(platform: Platform) -> Iterator[TestClient]:
    identity = platform.get("identity")
    app = http.build_app(
        version="test",
        gate=identity_http.gate(identity),
        known=identity_http.known(identity),
        ready=dict,
        max_body_bytes=100,
        body_caps={"/api/models/{name}/versions": CAP},
        routers=platform.routers(["catalogue"]),
    )
    with TestClient(app, headers={"origin": "http://testserver"}) as made:
        yield made


def enter(client: TestClient, platform: Platform, role: Role = "admin") -> TestClient:
    client.cookies.set(identity_http.COOKIE, sign_in(platform, role))
    return client


def refusal(answer: Any) -> tuple[int, str]:  # Any: a response of the client
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize("role", ["admin", "developer"])
def test_a_version_is_brought_and_listed(client: TestClient, platform: Platform, role: Role) -> None:
    enter(client, platform, role)
    asked = {"labels": "零, one,two", "card_en": "Reads digits.", "tasks": "predict,image_classify"}
    spec = json.dumps({"image": {"size": [28, 28]}, "note": "手写"}, ensure_ascii=False).encode()
    added = client.post(HERE, params=asked, content=files.onnx(), headers={b"x-shuyuan-spec": spec})
    assert added.status_code == 201, added.text
    version = added.json()
    assert (version["number"], version["tasks"]) == (1, ["predict", "image_classify"])
    assert version["spec"] == {"labels": ["零", "one", "two"], "image": {"size": [28, 28]}, "note": "手写"}
    assert version["card"] == {"zh": "Reads digits.", "en": "Reads digits."}
    assert client.get(HERE).json() == [version]


def test_another_school_sees_nothing_of_it(client: TestClient, platform: Platform) -> None:
    enter(client, platform, "admin").post(HERE, params=CHAMPION, content=files.onnx())
    enter(client, platform, "developer")  # of another school
    assert client.get(HERE).json() == []


@pytest.mark.parametrize("role", ["teacher", "student", "guardian"])
def test_others_bring_nothing(client: TestClient, platform: Platform, role: Role) -> None:
    assert refusal(enter(client, platform, role).post(HERE, content=files.onnx()[:90])) == (403, "forbidden")


def test_nobody_brings_anything_nor_gets_the_larger_cap(client: TestClient) -> None:
    assert client.post(HERE, content=b"x" * 90).status_code == 401
    assert client.post(HERE, content=b"x" * 150).status_code == 413


@pytest.mark.parametrize(
    ("content", "query", "spec", "code"),
    [
        (files.pickled(), "", "{}", "model_file_refused"),
        (files.torch_archive(), "runner=torch", "{}", "model_file_refused"),
        (files.graph(tensor=files.outside("data")), "", "{}", "model_file_refused"),
        (b"", "", "{}", "model_file_refused"),
        (files.onnx(), "runner=tracer", "{}", "bad_input"),
        (files.onnx(), "", "[]", "bad_spec"),
        (files.onnx(), "", "{", "bad_spec"),
        (files.onnx(), "", "[" * 5000, "bad_spec"),
        (files.onnx(), "labels=a,a", "{}", "bad_spec"),
        (files.onnx(), "labels=a,b", "{}", "bad_spec"),
        (files.onnx(), "", '{"labels": ["\\u0000"]}', "bad_spec"),
        (files.onnx(), "card_en=%00", "{}", "malformed"),
        (files.onnx(), "context_tokens=-1", "{}", "malformed"),
    ],
)
def test_what_is_refused_says_why_and_leaves_nothing(
    client: TestClient, platform: Platform, content: bytes, query: str, spec: str, code: str
) -> None:
    enter(client, platform)
    said = client.post(f"{HERE}?{query}", content=content, headers={"x-shuyuan-spec": spec})
    assert refusal(said)[1] == code
    assert said.json()["error"]["fix"]
    assert client.get(HERE).json() == []
    assert left(platform) == []


def test_a_body_over_the_cap_is_refused_by_length_and_while_it_grows(client: TestClient, platform: Platform) -> None:
    enter(client, platform)
    assert client.post(HERE, content=bytes(CAP + 1)).status_code == 413
    blocks = (b"x" * 10_000 for _ in range(CAP // 10_000 + 1))
    assert client.post(HERE, content=blocks).status_code == 413
    assert left(platform) == []


def test_only_an_administrator_chooses_what_is_served(client: TestClient, platform: Platform) -> None:
    enter(client, platform, "developer")
    said = client.post(HERE, params=CHAMPION, content=files.onnx())
    assert refusal(said) == (403, "forbidden")
    assert client.get(HERE).json() == []
    move = {"version": 1, "reason": "mine"}
    assert client.post("/api/models/digits/aliases/champion", json=move).status_code == 403


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_version_is_served_with_a_reason_or_not_at_all(client: TestClient, platform: Platform, reason: str) -> None:
    enter(client, platform)
    said = client.post(HERE, params={"champion": True, "reason": reason}, content=files.onnx())
    assert refusal(said) == (400, "bad_input")
    assert "champion came without a reason" in said.json()["error"]["message"]
    assert "add reason" in said.json()["error"]["fix"]
    assert (client.get(HERE).json(), left(platform)) == ([], [])
    client.post(HERE, content=files.onnx())
    moved = client.post("/api/models/digits/aliases/champion", json={"version": 1, "reason": reason})
    assert moved.status_code in (400, 422)


def test_a_key_without_the_scope_admin_does_not_choose_what_is_served(client: TestClient, platform: Platform) -> None:
    identity = platform.get("identity")
    admin = identity.principal_of_session(sign_in(platform, "admin"))
    for scopes, code in ((("models",), 403), (("models", "admin"), 201)):
        key = identity.create_key(admin, "curl", scopes=scopes).secret
        said = client.post(HERE, params=CHAMPION, content=files.onnx(), headers={"authorization": f"Bearer {key}"})
        assert said.status_code == code


def test_an_alias_is_moved_with_a_reason_and_back(client: TestClient, platform: Platform) -> None:
    enter(client, platform)
    for content in (files.onnx(), files.graph()):
        assert client.post(HERE, content=content).status_code == 201
    for version in (1, 2, 1):
        moved = client.post(
            "/api/models/digits/aliases/champion", json={"version": version, "reason": "tried in class 7"}
        )
        assert (moved.status_code, moved.json()["version_number"]) == (200, version)
    for move, code in (({"version": 9, "reason": "x"}, 404), ({"version": 1, "reason": ""}, 422), ({}, 422)):
        assert client.post("/api/models/digits/aliases/champion", json=move).status_code == code
    assert client.post("/api/models/digits/aliases/A%20B", json={"version": 1, "reason": "x"}).status_code == 400


@pytest.mark.parametrize("name", ["%00", "x" * 200, "Ünïcode", "tutor"])
def test_a_name_that_no_model_can_have_is_refused_in_words(client: TestClient, platform: Platform, name: str) -> None:
    enter(client, platform)
    for said in (
        client.post(f"/api/models/{name}/versions", content=files.onnx()),
        client.post(f"/api/models/{name}/aliases/champion", json={"version": 1, "reason": "x"}),
    ):
        assert said.status_code in (400, 404, 422)
        assert said.json()["error"]["code"] != "internal"
    assert client.get(f"/api/models/{name}/versions").status_code in (200, 422)


def test_a_client_that_leaves_halfway_leaves_nothing_behind(tmp_path: Path) -> None:
    async def blocks() -> AsyncIterator[bytes]:
        yield bytes(2 << 20)
        assert [path.stat().st_size > 0 for path in tmp_path.iterdir()] == [True]
        raise ClientDisconnect

    async def receive() -> None:
        async with importing.received(blocks(), tmp_path, 4 << 20):
            raise AssertionError("half a file is not used")

    with pytest.raises(ClientDisconnect):
        asyncio.run(receive())
    assert list(tmp_path.iterdir()) == []


def left(platform: Platform) -> list[Path]:
    """What a refused file has left in the cache or the store."""
    folders = (platform.settings.cache / "incoming", platform.settings.home / "artefacts")
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]
