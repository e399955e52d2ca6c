"""Hyper-parameter searches, for people: trials are runs, the validation part decides. `searchwork` leads them on."""

import contextlib
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db as kernel_db
from shuyuan.maas.training import (
    configs,
    files,
    interface,
    limits,
    recording,
    room,
    searchwork,
    starting,
    store,
    wishes,
)

DEFAULT_METRIC = "validation_loss"
_SMALLER_IS_BETTER = ("loss", "error", "rmse", "mae", "mse", "perplexity", "brier", "inertia", "ece")


class Searches:
    """The searches of one home."""

    def __init__(
        self,
        db: kernel_db.Database,
        audit: kernel_audit.Audit,
        starts: starting.Starting,
        wants: wishes.Wishes,
        runs: files.RunFiles,
        root: Path,
        home_id: str,
        *,
        at_once: int = 1,
    ) -> None:
        """root: folders of searches.  at_once: trials of a search."""
        self._db, self._audit, self._starts, self._wants, self._runs = db, audit, starts, wants, runs
        self.root, self._home_id = root, home_id
        of_home = None if db.dialect == "sqlite" else home_id
        self.work = searchwork.SearchWork(starts, db, audit, root, of_home, at_once=at_once)

    def start(self, school_id: str, actor_id: str, new: interface.NewSearch) -> interface.Search:
        """See Training.start_search."""
        base = self._starts.check(school_id, new.run)
        configs.check_space(new.run.task, new.run.config, new.space)
        metric, direction = _metric(new)
        self._starts.require_validation(school_id, base.data)
        room.require(self.root)
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
            limits.require_search(uow.conn, school_id, actor_id, new.trials)
            row = store.add_search(uow, values)
            recording.record(self._audit, uow, row, actor_id, "search.started")
            return row

        row = self._db.write(insert)
        self.work.wake()
        return store.told_search(row, [])

    def search(self, school_id: str, search_id: str) -> interface.Search:
        """See Training.search."""
        with self._db.read() as conn:
            return self._told(conn, [_row(conn, school_id, search_id)])[0]

    def searches(self, school_id: str, limit: int) -> list[interface.Search]:
        """See Training.searches."""
        with self._db.read() as conn:
            return self._told(conn, store.searches(conn, school_id, limit=limit))

    def trials(self, school_id: str, search_id: str) -> list[interface.Run]:
        """See Training.trials."""
        with self._db.read() as conn:
            rows = store.trials(conn, _row(conn, school_id, search_id).id)
        return [self._runs.told(row) for row in rows]

    def cancel(self, school_id: str, actor_id: str, search_id: str) -> interface.Search:
        """See Training.cancel_search."""

        def change(uow: kernel_db.UnitOfWork) -> list[str]:
            row = _row(uow.conn, school_id, search_id)
            if not store.change_search(uow, row.id, state="cancelled", ended_at=uow.now):
                raise interface.RunEnded(f"search {row.number} is {row.state}", fix="nothing is left to cancel")
            recording.record(self._audit, uow, row, actor_id, "search.cancelled")
            return [run.id for run in store.trials(uow.conn, row.id) if run.state in store.OPEN]

        for run_id in self._db.write(change):
            with contextlib.suppress(interface.RunEnded):  # just now
                self._wants.stop(school_id, actor_id, run_id, "cancel")
        return self.search(school_id, search_id)

    def _told(self, conn: Connection, rows: store.Rows) -> list[interface.Search]:
        tried = store.tried(conn, [row.id for row in rows])
        return [store.told_search(row, tried[row.id], self.work.waits_for(row.id)) for row in rows]


def _metric(new: interface.NewSearch) -> tuple[str, str]:
    """Figure and direction. Raises BadSpace for a figure that is not of the validation part."""
    metric = new.metric or DEFAULT_METRIC
    if not metric.startswith(searchwork.VALIDATION):
        raise interface.BadSpace(
            f"a search cannot select by {metric!r}", fix=f"name a figure of the validation part, as {DEFAULT_METRIC}"
        )
    smaller = metric.removeprefix(searchwork.VALIDATION).endswith(_SMALLER_IS_BETTER)
    return metric, new.direction or ("minimize" if smaller else "maximize")


def _row(conn: Connection, school_id: str, search_id: str) -> Row[Any]:
    row = store.search(conn, school_id, search_id)
    if row is None:
        raise interface.UnknownSearch(f"there is no search {search_id[:80]!r}", fix="see GET /api/searches")
    return row
