"""Who acts in the identity and people tests: a school with one person of each role, a class and its pupils."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from shuyuan.compose import Platform
from shuyuan.identity import http as identity_http
from shuyuan.identity.interface import Identity, Principal, Role, SignedIn
from shuyuan.kernel import db, http
from shuyuan.learning.people.interface import Class, People

ADULTS: tuple[Role, ...] = ("admin", "teacher", "guardian", "developer")
PASSWORD = "correct horse 7"
ORIGIN = {"origin": "http://testserver"}


@dataclass(frozen=True)
class Cast:
    """One school. `signed`: a session of each role; the student is number 1 of `class_`, which the teacher teaches."""

    platform: Platform
    school_id: str
    signed: dict[Role, SignedIn]
    class_: Class
    learner_id: str

    @property
    def identity(self) -> Identity:
        identity: Identity = self.platform.get("identity")
        return identity

    @property
    def people(self) -> People:
        people: People = self.platform.get("people")
        return people

    @property
    def database(self) -> db.Database:
        database: db.Database = self.platform.get("db")
        return database

    def who(self, role: Role) -> Principal:
        return self.signed[role].principal


def gather(platform: Platform, name: str) -> Cast:
    """A school called `name` with logins like `name-teacher`, all with `PASSWORD`; the pupil's PIN is 123456."""
    identity: Identity = platform.get("identity")
    people: People = platform.get("people")
    database: db.Database = platform.get("db")
    school_id, hashed = identity.create_school(name).id, identity.hash_secret(PASSWORD, "teacher")
    pin = identity.hash_secret("123456", "student")
    by_role = {
        role: database.write(
            lambda uow, role=role: identity.create_account(  # type: ignore[misc]
                uow, school_id=school_id, role=role, name=f"{role} of {name}", login=f"{name}-{role}", secret=hashed
            )
        )
        for role in ADULTS
    }
    admin = identity.sign_in_as(by_role["admin"]).principal
    class_ = people.create_class(admin, f"Class of {name}", course_ids=["year7"])
    people.join_teacher(admin, class_.id, by_role["teacher"])
    learner_id = database.write(
        lambda uow: people.add_learner(
            uow, school_id=school_id, class_id=class_.id, number="1", name=f"pupil of {name}", pin=pin
        )
    )
    accounts: dict[Role, str] = {**by_role, "student": learner_id}
    signed = {role: identity.sign_in_as(account_id) for role, account_id in accounts.items()}
    return Cast(platform, school_id, signed, people.class_(admin, class_.id), learner_id)


def build_app(platform: Platform, *modules: str) -> FastAPI:
    """The application with the routes of identity and people, or of the named modules."""
    return http.build_app(
        version="test",
        gate=identity_http.gate(platform.get("identity")),
        ready=dict,
        max_body_bytes=2_000_000,
        routers=platform.routers(modules or ("identity", "people")),
        body_caps={"/api/roster": 6_000_000},
        known=identity_http.known(platform.get("identity")),
    )


@contextmanager
def browser(platform: Platform, signed: SignedIn | None = None) -> Iterator[TestClient]:
    """A client of the real application that behaves like a page of ours; signed in when told so."""
    with TestClient(build_app(platform), headers=ORIGIN, raise_server_exceptions=False) as client:
        if signed is not None:
            client.cookies.set(identity_http.COOKIE, signed.token)
        yield client


@contextmanager
def served(platform: Platform) -> Iterator[str]:
    """The application behind a real HTTP server on a free port; yields its address."""
    config = uvicorn.Config(build_app(platform), port=0, log_config=None, lifespan="off")
    server, listener = uvicorn.Server(config), socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
