"""Every route of the application against the access table, and each tried as everybody.

The application is the one that is served: every router that `compose` names. Path parameters are filled with ids of
the north school; whoever belongs to the south school must never get an answer about them, nor break anything.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.identity import cast
from tests.identity.cast import ORIGIN, Cast

from shuyuan import compose
from shuyuan.entrypoints import server
from shuyuan.identity import http as identity_http
from shuyuan.identity.access import ACCESS, Allow
from shuyuan.identity.interface import ROLES, Role
from shuyuan.kernel import http

RouteKey = tuple[str, str]
REFUSED = {401, 403, 404}
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")


@pytest.fixture
def app(school: Cast) -> FastAPI:
    return server.build_app(school.platform)


@pytest.fixture
def keys(app: FastAPI) -> list[RouteKey]:
    return sorted(set(http.route_keys(app)))


def test_every_route_is_in_the_table_and_every_line_of_the_table_is_a_route(keys: list[RouteKey]) -> None:
    assert sorted(set(keys) - set(ACCESS)) == [], "routes that nobody may call: list them in identity/access.py"
    assert sorted(set(ACCESS) - set(keys)) == [], "lines without a route: remove them from identity/access.py"


def test_every_router_of_compose_is_served(keys: list[RouteKey]) -> None:
    served = {path for _, path in keys}
    for name in compose.ROUTERS:
        assert name in server.ALL
    assert {"/api/session", "/api/classes", "/healthz"} <= served


def test_nobody_gets_past_a_closed_route(school: Cast, app: FastAPI, keys: list[RouteKey]) -> None:
    with client_of(app) as client:
        wrong = [
            (key, status) for key in closed(keys) if (status := call(client, key, school).status_code) not in {401, 303}
        ]
    assert wrong == []


@pytest.mark.parametrize("role", ROLES)
def test_a_role_that_is_not_listed_is_refused(school: Cast, app: FastAPI, keys: list[RouteKey], role: Role) -> None:
    with client_of(app, school.signed[role].token) as client:
        wrong = [
            (key, status) for key in closed(keys) if role not in ACCESS[key].roles
            and (status := call(client, key, school).status_code) not in {403, 404}
        ]
    assert wrong == []


@pytest.mark.parametrize("role", ROLES)
def test_a_role_that_is_listed_passes_the_gate_and_breaks_nothing(
    school: Cast, app: FastAPI, keys: list[RouteKey], role: Role
) -> None:
    wrong = []
    with client_of(app) as client:
        for key in keys:
            if role not in ACCESS[key].roles or ends_itself(key):
                continue
            client.cookies.set(identity_http.COOKIE, school.identity.sign_in_as(account_of(school, role)).token)
            status = call(client, key, school).status_code
            if status == 401 or status == 500:
                wrong.append((key, status))
    assert wrong == []


@pytest.mark.parametrize("role", ROLES)
def test_a_member_of_another_school_gets_nothing_of_this_one(
    school: Cast, other: Cast, app: FastAPI, keys: list[RouteKey], role: Role
) -> None:
    before, wrong = told(school), []
    with client_of(app, other.signed[role].token) as client:
        for key in closed(keys):
            if names_something(key) and not ends_itself(key):
                status = call(client, key, school).status_code
                if status not in REFUSED | {400, 422}:
                    wrong.append((key, status))
    assert wrong == []
    assert told(school) == before, "somebody of another school changed something here"


@pytest.mark.parametrize("role", ROLES)
def test_no_answer_to_another_school_holds_a_name_of_this_one(
    school: Cast, other: Cast, app: FastAPI, keys: list[RouteKey], role: Role
) -> None:
    with client_of(app, other.signed[role].token) as client:
        leaky = [
            key for key in keys if key[0] == "GET" and key[1] != "/metrics"
            and "of north" in call(client, key, school).text
        ]
    assert leaky == []


def client_of(app: FastAPI, token: str | None = None) -> TestClient:
    """A client without the application's start-up (no engine, no jobs), signed in when told so."""
    client = TestClient(app, headers=ORIGIN, raise_server_exceptions=False, follow_redirects=False)
    if token is not None:
        client.cookies.set(identity_http.COOKIE, token)
    return client


def closed(keys: list[RouteKey]) -> Iterator[RouteKey]:
    return (key for key in keys if not open_to_all(ACCESS[key]))


def open_to_all(rule: Allow) -> bool:
    return rule.open


def ends_itself(key: RouteKey) -> bool:
    """Signing out is for everyone's own session: tried in its own test."""
    return key == ("DELETE", "/api/session")


def names_something(key: RouteKey) -> bool:
    """A path with an id in it, or an import into a class."""
    return "{" in key[1] or key[1] == "/api/roster"


def account_of(school: Cast, role: Role) -> str:
    return school.who(role).account_id


def call(client: TestClient, key: RouteKey, school: Cast) -> Any:  # Any: httpx.Response
    method, template = key
    path = _PARAMETER.sub(lambda found: value_of(found[1], school), template)
    if method == "GET":
        return client.get(path)
    if template == "/api/roster":
        return client.post(path, files={"file": ("list.csv", b"number,name\n2,Anna\n")},
                           params={"class_id": school.class_.id})
    return client.request(method, path, json=BODIES.get(key, {}))


def value_of(parameter: str, school: Cast) -> str:
    known = {
        "class_id": school.class_.id, "group_id": school.class_.id, "learner_id": school.learner_id,
        "account_id": school.who("guardian").account_id, "scope_id": school.learner_id, "scope": "account",
    }
    return known.get(parameter, "0" * 26)


LATER = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
BODIES: dict[RouteKey, dict[str, Any]] = {
    ("PUT", "/api/groups/{group_id}/suspension"): {"until": LATER},
    ("PATCH", "/api/accounts/{account_id}"): {"active": True},
    ("PUT", "/api/classes/{class_id}/courses"): {"course_ids": ["taken-over"]},
    ("PUT", "/api/classes/{class_id}/tutor"): {"on": True},
    ("PUT", "/api/learners/{learner_id}/consent"): {"purposes": ["research"]},
}


def told(school: Cast) -> list[object]:
    """What a stranger might have changed."""
    admin = school.who("admin")
    return [
        school.people.classes(admin), school.people.learners(admin, school.class_.id), school.identity.accounts(admin),
        school.identity.principal_of_session(school.signed["guardian"].token),
        school.identity.principal_of_session(school.signed["student"].token),
    ]


def test_the_cast_has_every_role() -> None:
    assert {*cast.ADULTS, "student"} == set(ROLES)
