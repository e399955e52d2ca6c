"""One thread writes. Units of work that wait together are committed together (group commit).

Each unit runs inside its own savepoint, so a failing one is undone alone; the transaction around them
is committed once, and only then do the callers hear of success. A failed commit fails every unit in it.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from shuyuan.kernel import clock, log
from shuyuan.kernel.db.prepared import driver

T = TypeVar("T")
MAX_GROUP = 64
_logger = log.get("kernel.writer")


@dataclass
class UnitOfWork:
    """What a unit may touch: a connection inside a transaction, one time, and what to do after the commit."""

    conn: Connection
    now: datetime
    scratch: dict[str, Any] = field(default_factory=dict)  # Any: what a module remembers for this unit only
    _after: list[Callable[[], None]] = field(default_factory=list)

    def after_commit(self, action: Callable[[], None]) -> None:
        """Run `action` once the unit is durable; never if it is undone."""
        self._after.append(action)


@dataclass
class _Job:
    work: Callable[[UnitOfWork], Any]  # Any: each unit has its own result type, restored by submit()
    future: "Future[Any]"


class Writer:
    """Owns the writing connection and its thread; both start with the first unit."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, work: Callable[[UnitOfWork], T]) -> "Future[T]":
        """Queue a unit; the future resolves when it is durable or undone. Cancelled before it begins, it never runs."""
        if threading.current_thread() is self._thread:
            raise RuntimeError("write() inside a unit of work would wait for itself: pass the uow down instead")
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("the database is closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="shuyuan-writer", daemon=True)
                self._thread.start()
            self._jobs.put(_Job(work, future))
        return future

    def close(self) -> None:
        """Finish what is queued and stop the thread."""
        with self._lock:
            self._closed = True
            thread = self._thread
            self._jobs.put(None)
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        stop = False
        while not stop:
            group, stop = self._next_group()
            if group:
                self._commit(group)

    def _next_group(self) -> tuple[list[_Job], bool]:
        """Block for the first job, then take what else waits: no artificial delay when idle."""
        first = self._jobs.get()
        if first is None:
            return [], True
        group = [first]
        while len(group) < MAX_GROUP:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return group, True
            group.append(job)
        return group, False

    def _commit(self, group: list[_Job]) -> None:
        outcomes: list[tuple[_Job, UnitOfWork, Any]] = []
        try:
            with self._engine.connect().execution_options(immediate=True) as conn, conn.begin():
                outcomes = [done for job in group if (done := _attempt(conn, job)) is not None]
        except BaseException as failure:  # the commit itself failed: nobody's unit is durable
            _logger.error("commit_failed", units=len(group), error=type(failure).__name__)
            for job in group:
                if not job.future.done():
                    job.future.set_exception(failure)
            return
        for job, uow, result in outcomes:
            for action in uow._after:
                _run_quietly(action)
            job.future.set_result(result)


def _attempt(conn: Connection, job: _Job) -> tuple[_Job, UnitOfWork, Any] | None:
    if not job.future.set_running_or_notify_cancel():  # nobody waits any more; from here on it cannot be called off
        return None
    uow = UnitOfWork(conn, clock.now())
    execute = driver(conn).execute  # savepoints by hand: a tenth of the cost of begin_nested(), paid by every answer
    execute("SAVEPOINT unit")
    try:
        result = job.work(uow)
    except Exception as failure:
        execute("ROLLBACK TO SAVEPOINT unit")
        execute("RELEASE SAVEPOINT unit")
        job.future.set_exception(failure)
        return None
    execute("RELEASE SAVEPOINT unit")
    return job, uow, result


def _run_quietly(action: Callable[[], None]) -> None:
    try:
        action()
    except Exception as failure:
        _logger.error("after_commit_failed", error=repr(failure))
