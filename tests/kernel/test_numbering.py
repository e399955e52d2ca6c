"""Numbers of two servers on one database: none twice, and nobody waits for the other crosswise."""

import threading
from collections.abc import Callable, Iterator

import pytest

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import crypto, db

LONG_S, OTHERS_S = 20.0, 0.3  # OTHERS_S: more than the other needs to get as far, where nothing keeps it
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer


@pytest.fixture
def other(database: db.Database) -> Iterator[db.Database]:
    """A second server's connections to the same database."""
    opened = db.open_database(database.engine.url.render_as_string(hide_password=False))
    yield opened
    opened.close()


@on_postgresql
def test_who_numbers_and_who_logs_wait_in_one_line(database: db.Database, other: db.Database) -> None:
    """Units that wait together are one transaction: in which order they number and log is chance."""
    log, given = kernel_audit.Audit(crypto.Vault(b"k" * crypto.KEY_BYTES)), list[int]()
    at_it = threading.Event(), threading.Event()

    def numbers(uow: db.UnitOfWork) -> None:
        given.append(db.next_number(uow.conn, kernel_audit.entry.c.seq, school_id="s"))

    def logs(uow: db.UnitOfWork) -> None:
        log.record(uow, school_id="s", actor_id="a", action="thing.done")

    def both(here: int, *work: Callable[[db.UnitOfWork], None]) -> Callable[[db.UnitOfWork], None]:
        def unit(uow: db.UnitOfWork) -> None:
            work[0](uow)
            at_it[here].set()
            at_it[1 - here].wait(OTHERS_S)
            work[1](uow)

        return unit

    waiting = database.submit(both(0, logs, numbers)), other.submit(both(1, numbers, logs))
    for one in waiting:
        one.result(LONG_S)
    assert sorted(given) in ([1, 3], [2, 2]), "each sees what the other wrote, or comes first"
    with database.read() as conn:
        assert log.verify(conn) == kernel_audit.Verified(2, None)
