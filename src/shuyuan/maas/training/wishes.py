"""Pause, resume, cancel: at once where nothing trains; else the wish is kept, and whoever supervises passes it on."""

from collections.abc import Callable
from typing import Any, Literal

from sqlalchemy import Connection, Row

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db as kernel_db
from shuyuan.maas.training import interface, recording, references, store

_BECOMES = {"pause": "paused", "cancel": "cancelled"}
_IDLE = {"pause": ("queued",), "cancel": ("queued", "paused")}  # nothing trains: it happens at once


def row_of(conn: Connection, school_id: str, run_id: str) -> Row[Any]:
    """A run by id, number or `runs:/id`. Raises UnknownRun."""
    row = store.run(conn, school_id, references.read(run_id).run)
    if row is None:
        raise interface.UnknownRun(f"there is no run {run_id[:80]!r}", fix="see GET /api/runs, or `shuyuan runs`")
    return row


class Wishes:
    """What people want of runs."""

    def __init__(
        self, db: kernel_db.Database, audit: kernel_audit.Audit, home_id: str, wake: Callable[[], None]
    ) -> None:
        """home_id: where a resumed run goes on.  wake: whoever supervises."""
        self._db, self._audit, self._home_id, self._wake = db, audit, home_id, wake

    def stop(self, school_id: str, actor_id: str, run_id: str, wanted: Literal["pause", "cancel"]) -> Row[Any]:
        """Pause or cancel. Raises UnknownRun, RunEnded."""

        def change(uow: kernel_db.UnitOfWork) -> Row[Any]:
            row = row_of(uow.conn, school_id, run_id)
            ended = {"ended_at": uow.now} if wanted == "cancel" else {}
            at_once = store.change(uow, row.id, _IDLE[wanted], state=_BECOMES[wanted], waits_for="", **ended)
            if not at_once and not store.change(uow, row.id, ("running",), wanted=wanted):
                raise interface.RunEnded(f"run {row.number} is {row.state}", fix=f"nothing is left to {wanted}")
            recording.record(self._audit, uow, row, actor_id, "run.cancelled" if wanted == "cancel" else "run.paused")
            return row_of(uow.conn, school_id, row.id)

        return self._done(change)

    def resume(self, school_id: str, actor_id: str, run_id: str) -> Row[Any]:
        """Back into the queue; a pause that has not happened yet is taken back. Raises UnknownRun, RunNotPaused."""

        def change(uow: kernel_db.UnitOfWork) -> Row[Any]:
            row = row_of(uow.conn, school_id, run_id)
            if row.state == "running" and row.wanted == "pause":
                store.change(uow, row.id, ("running",), wanted="")
            elif not store.change(uow, row.id, ("paused",), state="queued", home_id=self._home_id):
                raise interface.RunNotPaused(f"run {row.number} is {row.state}", fix="only a paused run can be resumed")
            recording.record(self._audit, uow, row, actor_id, "run.resumed")
            return row_of(uow.conn, school_id, row.id)

        return self._done(change)

    def _done(self, change: Callable[[kernel_db.UnitOfWork], Row[Any]]) -> Row[Any]:
        row = self._db.write(change)
        self._wake()
        return row
