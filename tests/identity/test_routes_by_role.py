"""Every route of the application against the access table, and each tried as everybody.

The application is the one that is served: every router that `compose` names. Path parameters are filled with ids of
the north school; whoever belongs to the south school must never get an answer about them, nor break anything.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from anyio import from_thread
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.identity import cast
from tests.identity.cast import ORIGIN, Cast

from shuyuan.compose import Platform
from shuyuan.entrypoints import server
from shuyuan.identity import http as identity_http
from shuyuan.identity.access import ACCESS
from shuyuan.identity.interface import ROLES, Role
from shuyuan.kernel import http
from shuyuan.kernel.settings import Settings

RouteKey = tuple[str, str]
Outcome = tuple[str, RouteKey, int]
GATE_NOBODY, GATE_ROLE, ELSEWHERE = {401, 303}, {403, 404}, {400, 401, 403, 404, 409, 422}
LATER = (datetime.now(UTC) + timedelta(days=1)).isoformat()  # however long the tests before took
BODIES: dict[RouteKey, dict[str, Any]] = {
    ("PUT", "/api/groups/{group_id}/suspension"): {"until": LATER},
    ("PATCH", "/api/accounts/{account_id}"): {"active": False},
    ("PUT", "/api/classes/{class_id}/courses"): {"course_ids": ["taken-over"]},
    ("PUT", "/api/classes/{class_id}/tutor"): {"on": True},
    ("PUT", "/api/learners/{learner_id}/consent"): {"purposes": ["research"]},
    ("PUT", "/api/quotas/{scope}/{scope_id}"): {"tokens": 1, "requests": 1, "period": "day"},
}
SIGN_IN = {("POST", "/api/session"), ("POST", "/api/session/pupil"), ("POST", "/enter/adult"), ("POST", "/enter/pupil")}
NOTHING_FOREIGN = {  # answered, and rightly: what these name is of the installation, or kept in the caller's own school
    ("GET", "/api/models/{name}/versions"),
}
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")


@pytest.fixture
def platform(database_url: str, tmp_path: Path) -> Iterator[Platform]:
    """Every module, and no model on this machine: nothing is loaded or measured."""
    settings = Settings(home=tmp_path / "home", cache=tmp_path / "cache", database_url=database_url, starter="none")
    built = Platform(settings)
    yield built
    built.close()


@pytest.fixture
def app(school: Cast) -> Iterator[FastAPI]:
    """The application, and one event loop for all that is asked of it: a client alone would make one a request."""
    built = server.build_app(school.platform)
    with from_thread.start_blocking_portal() as built.state.portal:
        yield built


@pytest.fixture
def keys(app: FastAPI) -> list[RouteKey]:
    return sorted(set(http.route_keys(app)))


def test_every_route_is_in_the_table_and_every_line_of_the_table_is_a_route(keys: list[RouteKey]) -> None:
    assert sorted(set(keys) - set(ACCESS)) == [], "routes that nobody may call: list them in identity/access.py"
    assert sorted(set(ACCESS) - set(keys)) == [], "lines without a route: remove them from identity/access.py"


def test_nobody_gets_past_a_closed_route(school: Cast, app: FastAPI, keys: list[RouteKey]) -> None:
    client = client_of(app)
    tried = [("nobody", key, call(client, key, school)) for key in closed(keys)]
    assert unlike(tried, GATE_NOBODY) == []
    assert len(tried) >= 30


def test_a_role_that_is_not_listed_is_refused(school: Cast, app: FastAPI, keys: list[RouteKey]) -> None:
    tried: list[Outcome] = []
    for role in ROLES:
        client = client_of(app, school.signed[role].token)
        tried += [(role, key, call(client, key, school)) for key in closed(keys) if role not in ACCESS[key].roles]
    assert unlike(tried, GATE_ROLE) == []


def test_a_role_that_is_listed_passes_the_gate_and_nothing_breaks(
    school: Cast, app: FastAPI, keys: list[RouteKey]
) -> None:
    wrong: list[Outcome] = []
    for role in reversed(ROLES):  # the administrator last: erases the pupil, deactivates the guardian
        client = client_of(app)
        for key in keys:
            if role in ACCESS[key].roles and key not in SIGN_IN:
                renew(client, school, role)
                status = call(client, key, school)
                wrong += [(role, key, status)] if status in {401, 403, 500} else []
    assert wrong == []


def test_a_member_of_another_school_gets_nothing_of_this_one(
    school: Cast, other: Cast, app: FastAPI, keys: list[RouteKey]
) -> None:
    before = state(school)
    tried: list[Outcome] = []
    for role in ROLES:
        client = client_of(app, other.signed[role].token)
        for key in closed(keys):
            if names_something(key) and key not in NOTHING_FOREIGN:
                tried.append((role, key, call(client, key, school)))
    assert unlike(tried, ELSEWHERE) == []
    assert state(school) == before, "somebody of another school changed something here"


def test_no_answer_to_another_school_holds_a_name_of_this_one(
    school: Cast, other: Cast, app: FastAPI, keys: list[RouteKey]
) -> None:
    leaky, seen = [], 0
    for role in ROLES:
        client = client_of(app, other.signed[role].token)
        for key in keys:
            if key[0] == "GET":
                answer = client.get(path_of(key, school))
                seen += "of south" in answer.text
                leaky += [(role, key)] if "of north" in answer.text else []
    assert leaky == []
    assert seen >= 5, "names of one's own school do show"


def client_of(app: FastAPI, token: str | None = None) -> TestClient:
    """A client without the application's start-up (no engine, no jobs), signed in when told so."""
    client = TestClient(app, headers=ORIGIN, raise_server_exceptions=False, follow_redirects=False)
    client.portal = app.state.portal
    if token is not None:
        client.cookies.set(identity_http.COOKIE, token)
    return client


def renew(client: TestClient, school: Cast, role: Role) -> None:
    """A fresh session: the route before may have been the one that ends sessions."""
    account_id = school.who(role).account_id
    client.cookies.clear()
    client.cookies.set(identity_http.COOKIE, school.identity.sign_in_as(account_id).token)


def closed(keys: list[RouteKey]) -> Iterator[RouteKey]:
    return (key for key in keys if not ACCESS[key].open)


def names_something(key: RouteKey) -> bool:
    """A path with an id in it, or an import into a class."""
    return "{" in key[1] or key[1] == "/api/roster"


def unlike(tried: list[Outcome], expected: set[int]) -> list[Outcome]:
    return [outcome for outcome in tried if outcome[2] not in expected]


def call(client: TestClient, key: RouteKey, school: Cast) -> int:
    method, path = key[0], path_of(key, school)
    if method == "GET":
        return client.get(path).status_code
    if key[1] == "/api/roster":
        files, where = {"file": ("list.csv", b"number,name\n2,Anna\n")}, {"class_id": school.class_.id}
        return client.post(path, files=files, params=where).status_code
    return client.request(method, path, json=BODIES.get(key, {})).status_code


def path_of(key: RouteKey, school: Cast) -> str:
    """The path with ids of `school` in it; its guardian stands for any account, nobody's session depends on it."""
    known = {
        "class_id": school.class_.id,
        "group_id": school.class_.id,
        "learner_id": school.learner_id,
        "account_id": school.who("guardian").account_id,
        "scope_id": school.learner_id,
        "scope": "account",
    }
    return _PARAMETER.sub(lambda found: known.get(found[1], "0" * 26), key[1])


def state(school: Cast) -> list[object]:
    """What a stranger might have changed."""
    admin = school.who("admin")
    return [
        school.people.classes(admin),
        school.people.learners(admin, school.class_.id),
        school.identity.accounts(admin),
        *(school.identity.principal_of_session(school.signed[role].token) for role in ROLES),
    ]


def test_the_cast_has_every_role() -> None:
    assert {*cast.ADULTS, "student"} == set(ROLES)
