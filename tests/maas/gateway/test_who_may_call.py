"""The raw model API is for staff and programs: pupils and guardians reach a model through the tutor alone."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from tests.identity import cast
from tests.identity.cast import ORIGIN, Cast

from shuyuan.compose import Platform
from shuyuan.identity import http as identity_http
from shuyuan.identity.access import ACCESS
from shuyuan.identity.interface import Role

CLOSED: tuple[Role, ...] = ("student", "guardian")
OPEN: tuple[Role, ...] = ("admin", "teacher", "developer")
ROUTES = sorted(key for key in ACCESS if key[1].startswith(("/v1/", "/api/usage")))


@pytest.fixture
def school(platform: Platform) -> Cast:
    return cast.gather(platform, "north")


@pytest.fixture
def client(school: Cast) -> Iterator[TestClient]:
    app = cast.build_app(school.platform, "identity", "gateway")
    with TestClient(app, headers=ORIGIN, raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize("role", CLOSED)
def test_a_session_cookie_of_a_pupil_or_guardian_opens_no_model_route(
    client: TestClient, school: Cast, role: Role
) -> None:
    client.cookies.set(identity_http.COOKIE, school.signed[role].token)
    told = {key: client.request(key[0], key[1].replace("{model:path}", "tiny"), json={}).status_code for key in ROUTES}
    assert told == dict.fromkeys(ROUTES, 403)
    assert len(ROUTES) >= 17


@pytest.mark.parametrize("role", OPEN)
def test_staff_and_developers_pass(client: TestClient, school: Cast, role: Role) -> None:
    client.cookies.set(identity_http.COOKIE, school.signed[role].token)
    told = [client.request(key[0], key[1].replace("{model:path}", "tiny"), json={}).status_code for key in ROUTES]
    assert not {401, 403, 500} & set(told)
