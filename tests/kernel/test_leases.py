"""Of two servers on one database a round is done by one, and by the other when that one is gone."""

import threading
from collections.abc import Iterator
from functools import partial

import pytest
from sqlalchemy import exc, text

from shuyuan.kernel import db, leases, parts
from shuyuan.kernel.leases import Leases

LONG_S, HOUR_S = 10.0, 3600.0
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one server


@pytest.fixture
def other(database: db.Database) -> Iterator[db.Database]:
    """A second server's connections to the same database."""
    opened = db.open_database(database.engine.url.render_as_string(hide_password=False))
    yield opened
    opened.close()


@pytest.fixture
def servers(database: db.Database, other: db.Database) -> tuple[Leases, Leases]:
    """The leases of two servers."""
    return Leases(database), Leases(other)


def test_two_schedulers_on_one_database_do_once_what_is_done_alone(database: db.Database, other: db.Database) -> None:
    """Which on SQLite, where there is one server, is what each of them does: nothing is asked there."""
    seen = list[str]()
    for name, server in (("first", database), ("second", other)):
        scheduler, asked = parts.scheduler(server), threading.Event()
        beside = scheduler.aside("round")
        scheduler.every(HOUR_S, "look", partial(seen.append, name), first_s=0.0, alone=True)
        scheduler.round(HOUR_S, "round", [name].copy, seen.append, first_s=0.0, aside=beside)
        scheduler.every(HOUR_S, "own", partial(seen.append, f"{name}'s own"), first_s=0.0)
        scheduler.every(HOUR_S, "asked", asked.set, first_s=0.0)
        scheduler.start()
        assert asked.wait(LONG_S)
        assert beside.ends_within(LONG_S)
        scheduler.close()
    shared = database.dialect == "postgresql"
    alone = ["first", "first"] if shared else ["first", "first", "second", "second"]
    assert sorted(seen) == sorted([*alone, "first's own", "second's own"])
    with database.read() as conn:
        assert conn.execute(text("SELECT count(*) FROM leases_round")).scalar() == (2 if shared else 0)


@on_postgresql
def test_while_one_server_is_at_it_the_other_leaves_it_alone(servers: tuple[Leases, Leases]) -> None:
    first, second = servers
    said = list[bool]()

    def work() -> None:
        said.append(second.run("look", 0.0, work))
        said.append(second.run("another", 0.0, lambda: None))

    assert first.run("look", 0.0, work)
    assert said == [False, True]
    assert second.run("look", 0.0, lambda: None), "its interval is over as soon as it ended"


@on_postgresql
def test_within_the_interval_nobody_does_it_again_but_what_stopped_half_way(servers: tuple[Leases, Leases]) -> None:
    first, second = servers
    assert first.run("look", HOUR_S, lambda: False)
    assert second.run("look", HOUR_S, lambda: True)
    assert not first.run("look", HOUR_S, lambda: True)
    with pytest.raises(ValueError, match="broken"):
        first.run("broken", HOUR_S, _broken)
    assert not second.run("broken", HOUR_S, _broken), "what fails is tried again at the next turn"


@on_postgresql
def test_a_clock_that_was_set_back_keeps_no_round_waiting(
    servers: tuple[Leases, Leases], database: db.Database
) -> None:
    first, second = servers
    assert first.run("look", 2 * HOUR_S, lambda: None)
    assert not second.run("look", 2 * HOUR_S, lambda: None)
    assert second.run("look", HOUR_S, lambda: None), "nor does an interval that was longer then"


@on_postgresql
def test_a_lease_that_could_not_be_begun_is_held_by_no_pooled_session(
    servers: tuple[Leases, Leases], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = servers
    with monkeypatch.context() as broken:
        broken.setattr(leases, "_NOTICED", {"no_such_setting": 1})
        with pytest.raises(exc.DBAPIError):
            first.run("look", HOUR_S, lambda: None)
    assert second.run("look", HOUR_S, lambda: None)


@on_postgresql
def test_a_server_that_dies_loses_its_lease(servers: tuple[Leases, Leases], database: db.Database) -> None:
    first, second = servers
    said = list[bool]()

    def work() -> None:
        with database.engine.begin() as conn:
            conn.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON database = pg_database.oid"
                    " WHERE locktype = 'advisory' AND datname = current_database()"
                )
            )
        said.append(second.run("look", HOUR_S, lambda: None))
        with database.engine.begin() as conn:
            conn.execute(text("UPDATE leases_round SET due_at = now()"))
        said.append(second.run("look", HOUR_S, lambda: None))

    with pytest.raises(exc.DBAPIError):
        first.run("look", HOUR_S, work)
    assert said == [False, True], "it counts as done for the interval from its beginning, then another server does it"
    assert not first.run("look", HOUR_S, lambda: None), "a lost session is not used again"


def _broken() -> None:
    raise ValueError("broken")
