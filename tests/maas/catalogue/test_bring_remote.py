"""A remote version makes this server call others and send keys: who may bring one, and to whom it may lead."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.maas.catalogue import test_routes

from shuyuan.compose import Platform
from shuyuan.identity import http as identity_http
from shuyuan.kernel import errors, http
from shuyuan.kernel.settings import Settings
from shuyuan.maas.catalogue import interface

HERE = "/api/models/far/versions"
LISTED = ["https://api.example.org EXAMPLE_API_KEY", "http://127.0.0.1:11434"]

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def platform(database_url: str, tmp_path: Path) -> Iterator[Platform]:
    settings = Settings(home=tmp_path / "home", database_url=database_url, starter="none", remote_upstreams=LISTED)
    made = Platform(settings)
    yield made
    made.close()


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


def described(*upstreams: dict[str, object]) -> bytes:
    return json.dumps({"upstreams": [{"model": "m", **one} for one in upstreams]}).encode()


GOOD = described(
    {"url": "https://API.example.org/v1", "key_env": "EXAMPLE_API_KEY"},
    {"url": "https://api.example.org:443/v1"},
    {"url": "http://127.0.0.1:11434/v1"},
)
STRANGE = {
    "another host": described({"url": "https://evil.example/v1"}),
    "another port": described({"url": "http://127.0.0.1:5432/v1"}),
    "another scheme": described({"url": "http://api.example.org/v1"}),
    "another key": described({"url": "https://api.example.org/v1", "key_env": "OPENAI_API_KEY"}),
    "a key where none is listed": described({"url": "http://127.0.0.1:11434/v1", "key_env": "EXAMPLE_API_KEY"}),
    "one of several": described({"url": "http://127.0.0.1:11434/v1"}, {"url": "https://evil.example/v1"}),
}


def bring(client: TestClient, content: bytes) -> Any:  # Any: a response of the client
    return client.post(HERE, params={"runner": "remote"}, content=content)


def enter(client: TestClient, platform: Platform, role: Any) -> None:
    client.cookies.set(identity_http.COOKIE, test_routes.sign_in(platform, role))


def test_an_administrator_brings_one_that_leads_where_the_setting_allows(
    client: TestClient, platform: Platform
) -> None:
    enter(client, platform, "admin")
    assert bring(client, GOOD).status_code == 201


@pytest.mark.parametrize("content", STRANGE.values(), ids=STRANGE)
def test_what_is_not_listed_is_refused_and_the_setting_named(
    client: TestClient, platform: Platform, content: bytes
) -> None:
    enter(client, platform, "admin")
    said = bring(client, content)
    assert (said.status_code, said.json()["error"]["code"]) == (403, "upstream_not_listed")
    assert "SHUYUAN_REMOTE_UPSTREAMS" in said.json()["error"]["fix"]
    assert client.get(HERE).json() == []


def test_a_developer_brings_none_even_where_it_is_listed(client: TestClient, platform: Platform) -> None:
    enter(client, platform, "developer")
    assert bring(client, GOOD).status_code == 403
    assert client.get(HERE).json() == []


def test_a_key_without_the_scope_admin_brings_none(client: TestClient, platform: Platform) -> None:
    identity = platform.get("identity")
    admin = identity.principal_of_session(test_routes.sign_in(platform, "admin"))
    key = identity.create_key(admin, "curl", scopes=("models",)).secret
    said = client.post(HERE, params={"runner": "remote"}, content=GOOD, headers={"authorization": f"Bearer {key}"})
    assert said.status_code == 403


@pytest.mark.parametrize("content", STRANGE.values(), ids=STRANGE)
def test_whoever_owns_the_machine_may_bring_any(platform: Platform, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "far.json"
    path.write_bytes(content)
    catalogue = platform.get("catalogue")
    with pytest.raises(errors.Forbidden):
        catalogue.add_file("school", "someone", model="far", source=path, runner="remote")
    assert catalogue.add_file("school", "someone", model="far", source=path, runner="remote", trusted=True).number == 1


@pytest.mark.parametrize(
    "content",
    [
        described({"url": "http://169.254.169.254/latest"}),
        described({"url": "http://2852039166/latest"}),
        described({"url": "http://[fe80::1]/v1"}),
        described({"url": "http://host/v1", "key_env": "DATABASE_URL"}),
        described({"url": "http://user:key@host/v1"}),
        b'{"upstreams": 3}',
        b'{"upstreams": []}',
        b'{"upstreams": [{"url": "http://host/v1"}]}',
        b"[1]",
    ],
)
def test_nobody_brings_one_to_a_link_local_address_or_without_sense(
    platform: Platform, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "far.json"
    path.write_bytes(content)
    with pytest.raises(interface.RefusedFile):
        platform.get("catalogue").add_file("school", "someone", model="far", source=path, runner="remote", trusted=True)
