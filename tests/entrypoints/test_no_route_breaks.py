"""No address breaks the server: absurd numbers and ids at every GET route, as somebody who may call it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from anyio import from_thread
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from starlette.routing import BaseRoute
from tests.identity import cast
from tests.identity.cast import ORIGIN, Cast

from shuyuan.compose import Platform
from shuyuan.entrypoints import server
from shuyuan.identity import http as identity_http
from shuyuan.identity.access import ACCESS
from shuyuan.identity.interface import ROLES, Role
from shuyuan.kernel import log
from shuyuan.kernel.settings import Settings

COURSE = "year7-expressions"
HUGE = "9" * 23
HOSTILE = (HUGE, f"-{HUGE}", "x" * 300, f"models:/tiny/{HUGE}", "²", "\x00", "")
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")


@pytest.fixture
def school(sqlite_template: Path, tmp_path: Path) -> Iterator[Cast]:
    """A school on SQLite, without any model."""
    file = tmp_path / "shuyuan.db"
    file.write_bytes(sqlite_template.read_bytes())
    settings = Settings(
        home=tmp_path / "home", cache=tmp_path / "cache", database_url=f"sqlite:///{file}", starter="none"
    )
    platform = Platform(settings)
    gathered = cast.gather(platform, "north")
    gathered.people.set_courses(gathered.who("admin"), gathered.class_.id, [COURSE])
    log.configure("CRITICAL")
    yield gathered
    structlog.reset_defaults()
    platform.close()


def test_no_absurd_number_or_id_at_any_get_route_is_an_error_of_ours(school: Cast) -> None:
    app = server.build_app(school.platform)
    broken, tried = [], 0
    with from_thread.start_blocking_portal() as portal:  # one event loop for all requests
        for route in gets(app.routes):
            rule = ACCESS[("GET", route.path)]
            client = client_of(app, school, next(role for role in reversed(ROLES) if role in rule.roles))
            client.portal = portal
            for path, query in requests_of(route, known_of(school)):
                answer = client.get(path, params=query)
                tried += 1
                broken += [(route.path, path[-30:], query)] if answer.status_code == 500 else []
    assert broken == []
    assert tried > 200


def gets(routes: list[BaseRoute]) -> Iterator[APIRoute]:
    """Every GET route, those of included routers too."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from gets(inner.routes)
        elif isinstance(route, APIRoute) and "GET" in (route.methods or ()):
            yield route


def requests_of(route: APIRoute, known: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """One hostile value at a time, everything else as it should be."""
    queries = sorted(query_names(route.dependant))
    wanted = {name: known[name] for name in queries if name in known}
    for value in HOSTILE:
        for name in queries:
            yield filled(route.path, known), {**wanted, name: value}
        if value:
            for name in _PARAMETER.findall(route.path):
                yield filled(route.path, {**known, name: value.replace("\x00", "%00")}), wanted


def query_names(needs: Dependant) -> set[str]:
    """The query parameters of a handler and of what it depends on."""
    return {field.alias for field in needs.query_params}.union(*map(query_names, needs.dependencies))


def filled(path: str, known: dict[str, str]) -> str:
    return _PARAMETER.sub(lambda found: known.get(found[1], "0" * 26), path)


def known_of(school: Cast) -> dict[str, str]:
    """What a right request names."""
    return {
        "class_id": school.class_.id,
        "class": school.class_.id,
        "learner_id": school.learner_id,
        "learner": school.learner_id,
        "course_id": COURSE,
        "course": COURSE,
        "model": "tiny",
        "name": "tiny",
    }


def client_of(app: FastAPI, school: Cast, role: Role) -> TestClient:
    client = TestClient(app, headers=ORIGIN, raise_server_exceptions=False, follow_redirects=False)
    client.cookies.set(identity_http.COOKIE, school.signed[role].token)
    return client
