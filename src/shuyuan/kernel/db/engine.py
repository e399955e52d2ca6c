"""Open a database and read from it: SQLite (WAL, synchronous=FULL, foreign keys, busy timeout) or PostgreSQL."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.pool import QueuePool

from shuyuan.kernel.db.writer import UnitOfWork, Writer

T = TypeVar("T")
BUSY_TIMEOUT_MS = 10_000
POOL_SIZE = 48


class Database:
    """One database: many snapshot readers, one writer with group commit. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        snapshot = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
        self._reading = engine.execution_options(**snapshot)  # SQLite in WAL mode reads one snapshot anyway
        self._writer = Writer(engine)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection on one snapshot; anything written through it is rolled back."""
        with self._reading.connect() as conn:
            yield conn

    def write(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run `work(uow)` in a unit of work; return its result once it is durable.

        An exception in `work` undoes that unit alone and is raised here. Calling `write` inside a unit
        is refused: pass the `uow` down instead.
        """
        return self._writer.submit(work).result()

    def submit(self, work: Callable[[UnitOfWork], T]) -> "Future[T]":
        """`write` for whoever waits later, or not at all: the unit is queued when this returns."""
        return self._writer.submit(work)

    async def write_async(self, work: Callable[[UnitOfWork], T]) -> T:
        """`write` for coroutines: awaits durability without blocking the event loop."""
        return await asyncio.wrap_future(self._writer.submit(work))

    def close(self) -> None:
        """Finish the queued units, then close every connection."""
        self._writer.close()
        event.listen(self.engine, "checkin", _close_late)
        self.engine.dispose()


def _close_late(connection: Any, _record: object) -> None:  # Any: the driver's own connection type
    """What a thread still held when everything else was closed."""
    if connection is not None:
        connection.close()


def open_database(url: str, *, synchronous: str = "FULL") -> Database:
    """Open `url`. `synchronous` exists for the durability test, which proves that OFF loses answers."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return Database(_sqlite(url, parsed.database, synchronous))
    return Database(create_engine(url, pool_size=POOL_SIZE, pool_pre_ping=True))


def _sqlite(url: str, path: str | None, synchronous: str) -> Engine:
    if path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, poolclass=QueuePool, pool_size=POOL_SIZE, max_overflow=16)

    @event.listens_for(engine, "connect")
    def _configure(dbapi: Any, _record: object) -> None:  # Any: the driver's own connection type
        dbapi.isolation_level = None  # SQLAlchemy's BEGIN below is the only one
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={synchronous}",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_TIMEOUT_MS}",
        ):
            dbapi.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(conn: Connection) -> None:
        immediate = conn.get_execution_options().get("immediate")
        conn.connection.driver_connection.execute("BEGIN IMMEDIATE" if immediate else "BEGIN")  # type: ignore[union-attr]

    return engine
