"""Watches the runs of this home: a queue, a few children at once, and whatever becomes of them.

One thread looks twice a second. All it must remember is in the database and the run's folder, so that the next server
goes on: it finds children that still train, and starts the others again from their last checkpoint. States change
only here once a run has left the queue; people only say what they want.
"""

import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Row

from shuyuan.kernel import children as kernel_children
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors, log
from shuyuan.kernel import storage as kernel_storage
from shuyuan.maas.training import children, folders, interface, outcomes, store

LOOK_EVERY_S, ASK_EVERY_S = 0.5, 5.0
STOP_S, CANCEL_S = 12.0, 5.0  # how long a child may take to leave
EXAM, CLOSING = "exam", "closing"
_AS_WANTED = {"pause": "paused", "cancel": "cancelled"}
_logger = log.get("training.supervision")


class Prepares(Protocol):
    """Makes ready what a child reads."""

    def __call__(self, row: Row[Any], folder: folders.RunFolder) -> dict[str, Any]:
        """The job, its files at hand. Raises ShuyuanError when it cannot be done."""
        ...


class Supervisor:
    """The children of one home."""

    def __init__(
        self,
        db: kernel_db.Database,
        storage: kernel_storage.Storage,
        root: Path,
        *,
        home_id: str | None,
        slots: int,
        prepare: Prepares,
        held: Callable[[], bool],
        on_ended: Callable[[kernel_db.UnitOfWork, Row[Any]], None],
        command: Sequence[str] = children.COMMAND,
    ) -> None:
        """home_id: whose runs; None: all of the database's.  held: nothing may train now.  on_ended: in the unit that
        notes the end."""
        self._db, self._storage, self.root, self._home_id = db, storage, root, home_id
        self._slots, self._prepare, self._held, self._on_ended = slots, prepare, held, on_ended
        self._kind = children.of(command)
        self._children: dict[str, children.Process] = {}
        self._asked_at: dict[str, float] = {}
        self._holding, self._ask_at = False, 0.0
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def folder(self, run_id: str) -> folders.RunFolder:
        """Where a run works."""
        return folders.RunFolder(self.root / run_id)

    def open(self) -> None:
        """Begin, with what an earlier server left."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="shuyuan-training", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Something changed: look now."""
        self._wake.set()

    def close(self) -> None:
        """Pause the children; the next server resumes them. One that takes too long trains on and is found again."""
        self._stop.set()
        self._wake.set()
        if self._thread is None:
            return
        self._thread.join()
        for run_id, child in self._children.items():
            self._hold_back(run_id, child, CLOSING)
        until = time.monotonic() + STOP_S
        for run_id, child in list(self._children.items()):
            child.wait(max(0.0, until - time.monotonic()))
            with self._db.read() as conn:
                row = store.by_id(conn, run_id)
            gone, code = child.ended()
            if gone and row is not None:
                self._end(row, code)

    def look(self) -> None:
        """One look at every run of this home."""
        with self._db.read() as conn:
            rows = store.supervised(conn, self._home_id)
        self._hold()
        for row in rows:
            if row.state == "running":
                self._quietly(row, self._watch)
        for row in rows:
            if row.state == "queued":
                self._quietly(row, self._advance)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except Exception as failure:  # the database is away: look again
                _logger.error("training_look_failed", error=repr(failure))
            self._wake.wait(LOOK_EVERY_S)
            self._wake.clear()

    def _quietly(self, row: Row[Any], step: Callable[[Row[Any]], None]) -> None:
        """One run's trouble is no other's."""
        if self._stop.is_set():
            return
        try:
            step(row)
        except Exception as failure:
            _logger.error("training_step_failed", run=row.id, error=repr(failure))

    def _hold(self) -> None:
        if time.monotonic() >= self._ask_at:
            self._holding, self._ask_at = self._held(), time.monotonic() + ASK_EVERY_S

    def _watch(self, row: Row[Any]) -> None:
        """A run that trains, or did when somebody last looked."""
        child = self._children.get(row.id)
        if child is None:
            child = self._children[row.id] = self._kind.adopt(self.folder(row.id).path, row.pid, row.pid_began)
            _logger.info("training_found_again", run=row.id)
        gone, code = child.ended()
        self._note_memory(row)
        if gone:
            self._end(row, code)
        elif row.wanted:
            self._ask(row, child)
        elif self._holding and not self.folder(row.id).asked:
            self._hold_back(row.id, child, EXAM)

    def _hold_back(self, run_id: str, child: children.Process, reason: str) -> None:
        """Ask for a checkpoint and the end, for the server's own reasons."""
        self.folder(run_id).ask(reason)
        child.signal(signal.SIGTERM)

    def _note_memory(self, row: Row[Any]) -> None:
        """The most it takes, to a tenth: seldom written."""
        rss_bytes = int(folders.finite(self.folder(row.id).progress()).get("rss_bytes", 0))
        if rss_bytes > 1.1 * row.peak_rss_bytes:
            self._db.write(lambda uow: store.change(uow, row.id, ("running",), peak_rss_bytes=rss_bytes))

    def _ask(self, row: Row[Any], child: children.Process) -> None:
        """Pass on what people want; who wants the end does not wait for a long step."""
        if row.id not in self._asked_at:
            self.folder(row.id).control(row.wanted)
            self._asked_at[row.id] = time.monotonic()
        elif row.wanted == "cancel":
            self.folder(row.id).control("cancel")
            if time.monotonic() - self._asked_at[row.id] > CANCEL_S:
                child.kill()

    def _advance(self, row: Row[Any]) -> None:
        """A queued run: starts when there is room and nothing holds it."""
        waits = EXAM if self._holding else ""
        if row.waits_for != waits:
            self._db.write(lambda uow: store.change(uow, row.id, ("queued",), waits_for=waits))
        if not self._holding and len(self._children) < self._slots:
            self._start(row)

    def _start(self, row: Row[Any]) -> None:
        folder = self.folder(row.id)
        if children.is_held(folder.lock):
            return  # what an earlier attempt left behind is still ending
        try:
            folder.prepare(self._prepare(row, folder))
        except errors.ShuyuanError as refused:
            self._note(row, ("queued",), outcomes.failed(refused))
            return
        except OSError as failure:
            if (kernel_children.trouble(failure) or {}).get("code") != outcomes.DISK_FULL:
                raise
            self._note(row, ("queued",), outcomes.without_room(row))
            return

        def begin(uow: kernel_db.UnitOfWork) -> bool:
            started_at = row.started_at or uow.now
            return store.change(
                uow, row.id, ("queued",), state="running", pid=None, pid_began="", waits_for="", started_at=started_at,
                error={},
            )  # fmt: skip

        if not self._db.write(begin):
            return  # cancelled meanwhile
        try:
            child = self._kind.start(folder.path, threads=row.threads)
        except OSError as failure:
            error = errors.Unavailable(f"the training process did not start: {failure}", fix="see the server's log")
            self._note(row, ("running",), outcomes.failed(error))
            return
        self._children[row.id] = child
        self._db.write(lambda uow: store.change(uow, row.id, ("running",), pid=child.pid, pid_began=child.began))
        _logger.info("training_started", run=row.id, pid=child.pid)

    def _end(self, row: Row[Any], code: int | None) -> None:
        """Note what became of it; a run that crashed or was held goes back into the queue."""
        with self._db.read() as conn:  # what people want may have changed since
            row = store.by_id(conn, row.id) or row
        outcome = outcomes.of(row, self.folder(row.id), code, self._storage)
        self._note(row, ("running",), outcome)
        self._children.pop(row.id, None)
        self._asked_at.pop(row.id, None)
        _logger.info("training_ended", run=row.id, state=outcome.state, code=code)

    def _note(self, row: Row[Any], was: Sequence[str], outcome: outcomes.Outcome) -> None:

        def write(uow: kernel_db.UnitOfWork) -> None:
            now = store.by_id(uow.conn, row.id)
            wanted = now.wanted if now is not None and outcome.state == "queued" else ""  # said at the last moment
            state = _AS_WANTED.get(wanted, outcome.state)
            values = {**outcome.values, "state": state, "wanted": "", "pid": None, "pid_began": ""}
            ended = state in interface.ENDED
            if ended:
                values["ended_at"] = uow.now
            if store.change(uow, row.id, was, **values) and ended:
                after = store.by_id(uow.conn, row.id)
                assert after is not None
                self._on_ended(uow, after)

        self._db.write(write)
        self._wake.set()
