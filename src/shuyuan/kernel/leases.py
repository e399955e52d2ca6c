"""Whose turn a named round is, where several servers work on one PostgreSQL database: one at a time, once an interval.

Who is at it holds an advisory lock on a session of its own: a server that dies loses it with its connection. From when
on the round is due again says a row, by the clock of the database, so that another server does not do it anew. SQLite
has one server and no need of either.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import Column, Connection, DateTime, String, Table, func, select
from sqlalchemy.dialects.postgresql import insert

from shuyuan.kernel import db

round_ = Table(
    "leases_round",
    db.metadata,
    Column("name", String(64), primary_key=True),
    Column("due_at", db.UtcDateTime, nullable=False),
)
_NOW = func.clock_timestamp(type_=DateTime(timezone=True))  # of the database: clocks of servers differ
_NOTICED = {"tcp_keepalives_idle": 60, "tcp_keepalives_interval": 10, "tcp_keepalives_count": 6}  # a host without power


class Leases:
    """Of one server. Every lease takes a connection while its round goes on."""

    def __init__(self, database: db.Database) -> None:
        self._engine = database.engine

    def run(self, name: str, every_s: float, work: Callable[[], object]) -> bool:
        """Do `work` unless it is not due yet, or another server is at it; whether it was done here.

        Due again `every_s` from its end, failed or not, or from its beginning where the server died; at once when
        `work` returns False: it stopped half-way, as this server stops.
        """
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            with _locked(conn, name) as mine:
                if not mine or not _is_due(conn, name, every_s):
                    return False
                _put_off(conn, name, every_s)
                whole: object = True
                try:
                    whole = work()
                finally:
                    _put_off(conn, name, 0.0 if whole is False else every_s)
        return True


@contextmanager
def _locked(conn: Connection, name: str) -> Iterator[bool]:
    key = int.from_bytes(hashlib.sha256(f"shuyuan round {name}".encode()).digest()[:8], signed=True)
    noticed = (func.set_config(setting, str(value), False) for setting, value in _NOTICED.items())
    try:
        mine: bool = conn.execute(select(func.pg_try_advisory_lock(key), *noticed)).one()[0]
        yield mine
        if mine:
            conn.execute(select(func.pg_advisory_unlock(key)))
    except BaseException:
        conn.invalidate()  # the session ends, and with it the lock: no pooled one keeps it
        raise


def _is_due(conn: Connection, name: str, every_s: float) -> bool:
    """Never more than an interval ahead: the clock was set back since, or the interval was longer then."""
    waits = round_.c.due_at.between(_NOW, _NOW + timedelta(seconds=every_s))
    return conn.execute(select(waits).where(round_.c.name == name)).scalar_one_or_none() is not True


def _put_off(conn: Connection, name: str, every_s: float) -> None:
    due_at = _NOW + timedelta(seconds=every_s)
    stored = insert(round_).values(name=name, due_at=due_at)
    conn.execute(stored.on_conflict_do_update(index_elements=[round_.c.name], set_={"due_at": due_at}))
