"""The owner's key: for commands on this machine, on marked routes only, gone with the server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import APIRouter, Depends
from fastapi.testclient import TestClient

from shuyuan.compose import Platform
from shuyuan.identity import http as identity_http
from shuyuan.identity import owner
from shuyuan.identity.access import allow
from shuyuan.identity.interface import Principal
from shuyuan.kernel import http

TABLE = {("GET", "/marked"): allow("admin", owner=True), ("GET", "/other"): allow("admin")}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def client(platform: Platform, home: Path) -> Iterator[TestClient]:
    api, identity = APIRouter(), platform.get("identity")

    @api.get("/marked")
    @api.get("/other")
    def who(principal: Principal = Depends(identity_http.caller)) -> list[str]:
        return [principal.account_id, principal.school_id, *principal.scopes]

    people = identity_http.gate(identity, TABLE)
    gate = owner.gate(people, identity, home, TABLE)
    app = http.build_app(version="t", gate=gate, routers=[api], ready=dict, max_body_bytes=1000)
    with TestClient(app) as made:
        yield made


def told(client: TestClient, key: str, path: str = "/marked", **headers: str) -> tuple[int, object]:
    answer = client.get(path, headers={"authorization": f"Bearer {key}", **headers})
    return answer.status_code, answer.json()


def test_the_key_acts_as_the_system_without_any_scope(client: TestClient, home: Path) -> None:
    key = owner.open_way(home, "http://127.0.0.1:1", None).key
    assert told(client, key) == (200, ["system", owner.NO_SCHOOL])


def test_it_lies_where_only_its_owner_reads_it_and_is_another_each_time(home: Path) -> None:
    first = owner.open_way(home, "http://a", None)
    assert (home / owner.FILE).stat().st_mode & 0o777 == 0o600
    assert owner.way(home) == first
    assert owner.open_way(home, "http://a", None).key != first.key


def test_a_key_of_before_and_one_made_up_are_refused(client: TestClient, home: Path) -> None:
    before = owner.open_way(home, "http://a", None).key
    owner.open_way(home, "http://a", None)
    for key in (before, owner.PREFIX, f"{before}x"):
        assert told(client, key)[0] == 401
    odd = {"authorization": b"Bearer owner-schl\xfcssel"}
    assert client.get("/marked", headers=odd).status_code == 401  # type: ignore[arg-type]  # bytes, as a socket may bring


def test_once_the_server_has_stopped_no_key_passes(client: TestClient, home: Path) -> None:
    key = owner.open_way(home, "http://a", None).key
    owner.close_way(home)
    assert owner.way(home) is None
    assert told(client, key)[0] == 401


def test_it_opens_marked_routes_only(client: TestClient, home: Path) -> None:
    key = owner.open_way(home, "http://a", None).key
    assert told(client, key, "/other")[0] == 403


def test_it_acts_for_the_only_school_or_for_the_one_named(client: TestClient, home: Path, platform: Platform) -> None:
    key = owner.open_way(home, "http://a", None).key
    hill = platform.get("identity").create_school("Hill").id
    assert told(client, key) == (200, ["system", hill])
    valley = platform.get("identity").create_school("Valley").id
    assert told(client, key) == (200, ["system", owner.NO_SCHOOL]), "with two, nobody guesses"
    assert told(client, key, **{owner.SCHOOL: valley}) == (200, ["system", valley])
    assert told(client, key, **{owner.SCHOOL: "nowhere"})[0] == 404


def test_people_are_left_to_the_gate_of_people(client: TestClient, home: Path) -> None:
    owner.open_way(home, "http://a", None)
    assert client.get("/marked").status_code == 401
    assert told(client, "sk-unknown")[0] == 401
