"""Schools that a test may change as it likes: an empty one with its first administrator, or a demo of its own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi.testclient import TestClient
from tests.web import demohome

from shuyuan import compose, demo, migrations
from shuyuan.entrypoints import server
from shuyuan.kernel.settings import Settings

PASSWORD = "ink on rice paper"
WITHOUT_CLOCK = tuple(name for name in server.ALL if name != "improvement")  # the loop turns when a test says so
PAGE = {"accept": "text/html", "sec-fetch-site": "same-origin"}


@dataclass
class Office:
    """A platform of its own behind a browser without script. `admin` is signed in as administrator."""

    platform: compose.Platform
    admin: TestClient

    def anyone(self) -> TestClient:
        """Another browser, nobody signed in."""
        client = TestClient(self.admin.app, headers=PAGE, follow_redirects=False)
        client.portal = self.admin.portal  # one server, one event loop
        client.cookies.set("lang", "en")
        return client

    def enter(self, login: str, password: str) -> TestClient:
        """Another browser, signed in as an adult."""
        client = self.anyone()
        entered = client.post("/enter/adult", data={"login": login, "password": password})
        assert entered.status_code == 303, entered.text
        return client


@contextmanager
def opened(
    home: Path, given: Mapping[str, object] | None = None, **settings: object
) -> Iterator[tuple[compose.Platform, TestClient]]:
    """A platform in a fresh home, and a browser that runs its server. given: parts made by the test."""
    platform = compose.Platform(Settings(home=home, port=0, **settings), **(given or {}))  # type: ignore[arg-type]  # checked there
    migrations.upgrade(platform.get("db"))
    try:
        with TestClient(server.build_app(platform, WITHOUT_CLOCK), headers=PAGE, follow_redirects=False) as client:
            client.cookies.set("lang", "en")
            yield platform, client
    finally:
        platform.close()


@contextmanager
def empty(home: Path, given: Mapping[str, object] | None = None, **settings: object) -> Iterator[Office]:
    """A school with nobody but its first administrator (login "office")."""
    with opened(home, given, **settings) as (platform, client):
        token = platform.get("identity").create_link("first_admin")
        form = {"school": "Hill School", "name": "Zhou", "login": "office", "password": PASSWORD, "again": PASSWORD}
        made = client.post(f"/enter/{token}/first", data=form)
        assert made.status_code == 303, made.text
        yield Office(platform, client)


@contextmanager
def again(home: Path, **settings: object) -> Iterator[Office]:
    """A school that `empty` made before in this home, its administrator signed in anew."""
    with opened(home, None, **settings) as (platform, client):
        entered = client.post("/enter/adult", data={"login": "office", "password": PASSWORD})
        assert entered.status_code == 303, entered.text
        yield Office(platform, client)


@contextmanager
def demonstration(home: Path, **settings: object) -> Iterator[tuple[Office, dict[str, TestClient]]]:
    """A demo school of one's own, and a browser for each adult role."""
    with opened(demohome.copy(home), None, **settings) as (platform, client):
        accounts = {one["role"]: one for one in demo.ensure(platform).accounts}
        office = Office(platform, client)
        adults = [role for role in accounts if role != "student"]
        yield office, {role: office.enter(accounts[role]["login"], accounts[role]["password"]) for role in adults}
