"""Hyper-parameter searches: trials are runs, their values come from a child process, the validation part decides.

One thread looks after the searches of this home. Nothing but the database and the search's folder is remembered: a
trial is started under a key, so that a server killed between question and start gives it once.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Row

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors, ids, log
from shuyuan.maas.training import children, configs, interface, store

COMMAND = (sys.executable, "-m", "shuyuan.maas.training.searching")
LOOK_EVERY_S, ANSWER_S = 2.0, 120.0
MOST_TRIES, HOPELESS = 3, 3  # tries of one question; failed trials at the beginning
VALIDATION, DEFAULT_METRIC = "validation_", "validation_loss"
_SMALLER_IS_BETTER = ("loss", "error", "rmse", "mae", "mse", "perplexity", "brier", "inertia", "ece")
_STARTUP_TRIALS = 5
_logger = log.get("training.searches")
_Json = dict[str, Any]  # Any: JSON


class Trains(Protocol):
    """What a search asks of training."""

    def check_start(self, school_id: str, new: interface.NewRun) -> interface.NewRun: ...
    def start_for(
        self, school_id: str, actor_id: str, new: interface.NewRun, *, trial: tuple[str, int] | None = None
    ) -> interface.Run: ...
    def cancel_for(self, school_id: str, actor_id: str, run_id: str) -> interface.Run: ...
    def told(self, row: Row[Any]) -> interface.Run: ...


class Searches:
    """The searches of one home."""

    def __init__(
        self,
        training: Trains,
        db: kernel_db.Database,
        audit: kernel_audit.Audit,
        root: Path,
        home_id: str,
        *,
        at_once: int = 1,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._training, self._db, self._audit, self._root, self._home_id = training, db, audit, root, home_id
        self._at_once, self._command = max(1, at_once), tuple(command)
        self._wake, self._stop = threading.Event(), threading.Event()
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

    def start(self, school_id: str, actor_id: str, new: interface.NewSearch) -> interface.Search:
        """See Training.start_search."""
        base = self._training.check_start(school_id, new.run)
        configs.check_space(new.run.task, new.run.config, new.space)
        metric, direction = _metric(new)
        values = {
            "school_id": school_id,
            "name": new.name or f"{new.run.task} · {', '.join(new.space)}"[:120],
            "new_run": {**base.model_dump(mode="json"), "config": dict(new.run.config), "key": ""},
            "space": {name: dict(said) for name, said in new.space.items()},
            "metric": metric,
            "direction": direction,
            "trials": new.trials,
            "state": "running",
            "home_id": self._home_id,
            "created_by": actor_id,
        }

        def insert(uow: kernel_db.UnitOfWork) -> Row[Any]:
            row = store.add_search(uow, values)
            self._record(uow, row, actor_id, "search.started")
            return row

        row = self._db.write(insert)
        self.wake()
        return store.told_search(row, [])

    def search(self, school_id: str, search_id: str) -> interface.Search:
        """See Training.search."""
        with self._db.read() as conn:
            row = _row(conn, school_id, search_id)
            return store.told_search(row, store.trials(conn, row.id))

    def searches(self, school_id: str, limit: int) -> list[interface.Search]:
        """See Training.searches."""
        with self._db.read() as conn:
            rows = store.searches(conn, school_id, limit=limit)
            return [store.told_search(row, store.trials(conn, row.id)) for row in rows]

    def trials(self, school_id: str, search_id: str) -> list[interface.Run]:
        """See Training.trials."""
        with self._db.read() as conn:
            rows = store.trials(conn, _row(conn, school_id, search_id).id)
        return [self._training.told(row) for row in rows]

    def cancel(self, school_id: str, actor_id: str, search_id: str) -> interface.Search:
        """See Training.cancel_search."""

        def change(uow: kernel_db.UnitOfWork) -> list[str]:
            row = _row(uow.conn, school_id, search_id)
            if not store.change_search(uow, row.id, state="cancelled", ended_at=uow.now):
                raise interface.RunEnded(f"search {row.number} is {row.state}", fix="nothing is left to cancel")
            self._record(uow, row, actor_id, "search.cancelled")
            return [run.id for run in store.trials(uow.conn, row.id) if run.state in store.OPEN]

        for run_id in self._db.write(change):
            self._training.cancel_for(school_id, actor_id, run_id)
        return self.search(school_id, search_id)

    def look(self) -> None:
        """One step of every search of this home."""
        home_id = None if self._db.dialect == "sqlite" else self._home_id
        with self._db.read() as conn:
            rows = store.open_searches(conn, home_id)
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
        if not still and len(runs) + len(row.refused) >= row.trials:
            self._finish(row, runs)
        elif len(failed) == len(runs) >= HOPELESS:
            self._fail(row, failed[0].error)
        elif len(still) < self._at_once and len(runs) + len(row.refused) < row.trials:
            self._next(row, runs)

    def _next(self, row: Row[Any], runs: store.Rows) -> None:
        suggested = self._ask(row, runs)
        if suggested is None:
            return
        number, values = int(suggested["trial"]), suggested["values"]
        base = interface.NewRun.model_validate(row.new_run)
        key, name = f"{row.id}/{number}", f"{row.name[:100]} · {number + 1}"
        new = base.model_copy(update={"config": {**base.config, **values}, "key": key, "name": name})
        try:
            self._training.start_for(row.school_id, row.created_by, new, trial=(row.id, number))
        except interface.TooManyRuns:
            return  # later
        except interface.BadConfig:  # values that are each allowed, and not together
            self._db.write(lambda uow: store.change_search(uow, row.id, refused=[*row.refused, number]))
            self.wake()
        except errors.ShuyuanError as refused:  # the data set is gone, say
            self._fail(row, refused.to_dict())

    def _ask(self, row: Row[Any], runs: store.Rows) -> _Json | None:
        """The values of the next trial; None: not this time. A child that fails thrice ends the search."""
        folder = self._root / row.id
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        ended = {run.trial: run.figures.get(row.metric) for run in runs if run.state in interface.ENDED}
        ended |= dict.fromkeys(row.refused)
        question = ids.new_id()
        asked = {
            "question": question,
            "space": row.space,
            "direction": row.direction,
            "seed": row.new_run["seed"],
            "startup": _STARTUP_TRIALS,
            "ended": ended,
            "taken": [*(run.trial for run in runs), *row.refused],
        }
        (folder / "ask.json").write_text(json.dumps(asked))
        self._answer(folder)
        suggested = _read(folder / "suggestion.json")
        if suggested.get("question") == question:
            if row.tries:
                self._db.write(lambda uow: store.change_search(uow, row.id, tries=0))
            return suggested
        if not self._stop.is_set():
            self._tried(row, folder)
        return None

    def _answer(self, folder: Path) -> None:
        """Run the child; it is killed when the server stops or it takes too long."""
        with (folder / "child.log").open("ab") as said:
            child = subprocess.Popen(
                [*self._command, str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env=children.environment(1),
                start_new_session=True,
            )
        waited_s = 0.0
        while child.poll() is None and waited_s < ANSWER_S and not self._stop.wait(0.05):
            waited_s += 0.05
        if child.poll() is None:
            child.kill()
            child.wait()

    def _tried(self, row: Row[Any], folder: Path) -> None:
        if row.tries + 1 < MOST_TRIES:
            self._db.write(lambda uow: store.change_search(uow, row.id, tries=row.tries + 1))
            return
        said = (folder / "child.log").read_text("utf-8", "replace").strip().splitlines()
        self._fail(
            row,
            {
                "code": "search_failed",
                "message": f"the search gave no values: {said[-1][:300] if said else 'it said nothing'}",
                "fix": "install the extra `train`, or see the search's child.log",
            },
        )

    def _finish(self, row: Row[Any], runs: store.Rows) -> None:
        if not any(run.state == "finished" and row.metric in run.figures for run in runs):
            known = sorted({name for run in runs for name in run.figures if name.startswith(VALIDATION)})
            error = {
                "code": "no_trial_scored",
                "message": f"no trial ended with the figure {row.metric}",
                "fix": f"choose a metric among {', '.join(known)}" if known else "see why the trials failed",
            }
            self._fail(row, error)
            return
        self._end(row, "finished", {})

    def _fail(self, row: Row[Any], error: Mapping[str, str]) -> None:
        self._end(row, "failed", error)

    def _end(self, row: Row[Any], state: str, error: Mapping[str, str]) -> None:
        def write(uow: kernel_db.UnitOfWork) -> None:
            if store.change_search(uow, row.id, state=state, error=dict(error), ended_at=uow.now):
                ending = "search.finished" if state == "finished" else "search.failed"
                self._record(uow, row, kernel_audit.SYSTEM, ending)

        self._db.write(write)

    def _record(self, uow: kernel_db.UnitOfWork, row: Row[Any], actor_id: str, action: str) -> None:
        self._audit.record(
            uow, school_id=row.school_id, actor_id=actor_id, action=action, object_id=row.id, number=row.number
        )


def _metric(new: interface.NewSearch) -> tuple[str, str]:
    """Figure and direction. Raises BadSpace for a figure that is not of the validation part."""
    metric = new.metric or DEFAULT_METRIC
    if not metric.startswith(VALIDATION):
        raise interface.BadSpace(
            f"a search cannot select by {metric!r}", fix=f"name a figure of the validation part, as {DEFAULT_METRIC}"
        )
    smaller = metric.removeprefix(VALIDATION).endswith(_SMALLER_IS_BETTER)
    return metric, new.direction or ("minimize" if smaller else "maximize")


def _row(conn: Connection, school_id: str, search_id: str) -> Row[Any]:
    row = store.search(conn, school_id, search_id)
    if row is None:
        raise interface.UnknownSearch(f"there is no search {search_id[:80]!r}", fix="see GET /api/searches")
    return row


def _read(path: Path) -> _Json:
    try:
        told: _Json = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return told
