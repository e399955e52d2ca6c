"""Lead the searches of a home on: end one, wait for its trials, or start the next with values from its child.

One thread. Nothing but the database and the search's folder is remembered: a trial is started under a key, so that a
server killed between question and start gives it once. A trial that fails is told to the child as failed, and the
search goes on; only one whose first trials all failed is given up.
"""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Row

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors, log
from shuyuan.maas.training import columns, interface, recording, room, starting, store, suggesting

LOOK_EVERY_S = 2.0
MOST_TRIES, HOPELESS = 3, 5  # tries of one question; failed trials at the beginning
VALIDATION = "validation_"
_logger = log.get("training.searches")


class Starts(Protocol):
    """What starts a trial."""

    def start(
        self, school_id: str, actor_id: str, new: interface.NewRun, *, trial: starting.Trial | None = None
    ) -> interface.Run: ...


class SearchWork:
    """The searches under way in one home."""

    def __init__(
        self,
        starting: Starts,
        db: kernel_db.Database,
        audit: kernel_audit.Audit,
        root: Path,
        home_id: str | None,
        *,
        at_once: int = 1,
    ) -> None:
        """home_id: whose searches; None: all of the database's.  at_once: trials of a search."""
        self._starting, self._db, self._audit, self._home_id = starting, db, audit, home_id
        self._at_once = max(1, at_once)
        self._wake, self._stop = threading.Event(), threading.Event()
        self.suggesting = suggesting.Suggesting(root, self._stop)
        self._without_room: frozenset[str] = frozenset()
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Go on with what is under way."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="shuyuan-searches", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Something changed: look now."""
        self._wake.set()

    def close(self) -> None:
        """Stop asking; trials under way are runs, and end as those do."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def waits_for(self, search_id: str) -> str:
        """What the next values wait for just now; empty: nothing."""
        return "room" if search_id in self._without_room else ""

    def look(self) -> None:
        """One step of every search of this home."""
        with self._db.read() as conn:
            rows = store.open_searches(conn, self._home_id)
        for row in rows:
            if self._stop.is_set():
                return
            try:
                self._advance(row)
            except Exception as failure:  # one search's trouble is no other's
                _logger.error("search_step_failed", search=row.id, error=repr(failure))

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except Exception as failure:  # the database is away: look again
                _logger.error("search_look_failed", error=repr(failure))
            self._wake.wait(LOOK_EVERY_S)
            self._wake.clear()

    def _advance(self, row: Row[Any]) -> None:
        """End the search, wait for its trials, or start the next."""
        with self._db.read() as conn:
            runs = store.trials(conn, row.id)
        still = [run for run in runs if run.state not in interface.ENDED]
        failed = [run for run in runs if run.state == "failed"]
        tried = len(runs) + len(row.refused)
        if not still and tried >= row.trials:
            self._conclude(row, runs)
        elif len(failed) == len(runs) >= HOPELESS:
            self._end(row, "failed", failed[0].error)
        elif len(still) < self._at_once and tried < row.trials and self._has_room(row):
            self._next(row, runs)

    def _has_room(self, row: Row[Any]) -> bool:
        """Whether the machine bears the child and another trial; the search waits while it does not."""
        try:
            room.require(self.suggesting.root)
        except interface.NoRoom as full:
            if row.id not in self._without_room:
                _logger.warning("search_waits_for_room", search=row.id, why=full.message)
            self._without_room |= {row.id}
            return False
        self._without_room -= {row.id}
        return True

    def _next(self, row: Row[Any], runs: store.Rows) -> None:
        suggested = self.suggesting.ask(row, runs)
        if suggested is None:
            self._unanswered(row, runs)
            return
        if row.tries:
            self._db.write(lambda uow: store.change_search(uow, row.id, tries=0))
        number = int(suggested["trial"])
        try:
            self._starting.start(
                row.school_id, row.created_by, _trial(row, number, suggested["values"]), trial=(row.id, number)
            )
        except (errors.RateLimited, errors.Unavailable, interface.RunEnded):
            return  # later; or cancelled while the child answered
        except (interface.BadConfig, columns.BadTraining):  # values that are each allowed, and not together
            self._db.write(lambda uow: store.change_search(uow, row.id, refused=[*row.refused, number]))
            self.wake()
        except errors.ShuyuanError as refused:  # the data set is gone, say: so it is for every further trial
            self._break_off(row, runs, refused.to_dict())

    def _unanswered(self, row: Row[Any], runs: store.Rows) -> None:
        """Asked again; a child that fails thrice ends the search."""
        if self._stop.is_set():
            return
        if row.tries + 1 < MOST_TRIES:
            self._db.write(lambda uow: store.change_search(uow, row.id, tries=row.tries + 1))
            return
        error = {
            "code": "search_failed",
            "message": f"the search gave no values: {self.suggesting.last_words(row.id)}",
            "fix": "install the extra `train`, or see the search's child.log",
        }
        self._break_off(row, runs, error)

    def _break_off(self, row: Row[Any], runs: store.Rows, error: Mapping[str, str]) -> None:
        """No further trial can be made: what was found stays, with the reason beside it."""
        if any(run.state not in interface.ENDED for run in runs):
            return  # its last trials first
        self._end(row, "finished" if _scored(row, runs) else "failed", error)

    def _conclude(self, row: Row[Any], runs: store.Rows) -> None:
        """Every trial has ended."""
        if _scored(row, runs):
            self._end(row, "finished", {})
            return
        known = sorted({name for run in runs for name in run.figures if name.startswith(VALIDATION)})
        error = {
            "code": "no_trial_scored",
            "message": f"no trial ended with the figure {row.metric}",
            "fix": f"choose a metric among {', '.join(known)}" if known else "see why the trials failed",
        }
        self._end(row, "failed", error)

    def _end(self, row: Row[Any], state: str, error: Mapping[str, str]) -> None:
        def write(uow: kernel_db.UnitOfWork) -> None:
            if store.change_search(uow, row.id, state=state, error=dict(error), ended_at=uow.now):
                ending = "search.finished" if state == "finished" else "search.failed"
                recording.record(self._audit, uow, row, kernel_audit.SYSTEM, ending)

        self._db.write(write)


def _trial(row: Row[Any], number: int, values: Mapping[str, Any]) -> interface.NewRun:
    """The run of one trial. Started again, its key gives the same."""
    base = interface.NewRun.model_validate(row.new_run)
    key, name = f"{row.id}/{number}", f"{row.name[:100]} · {number + 1}"
    return base.model_copy(update={"config": {**base.config, **values}, "key": key, "name": name})


def _scored(row: Row[Any], runs: store.Rows) -> bool:
    return any(run.state == "finished" and row.metric in run.figures for run in runs)
