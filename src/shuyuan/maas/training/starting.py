"""Take in a run: everything is checked before anything is stored, and a key gives the same run again."""

import os
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Row

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import storage as kernel_storage
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.training import (
    codeversion,
    configs,
    descent,
    fitness,
    interface,
    limits,
    parents,
    preparing,
    recording,
    store,
)

Trial = tuple[str, int]  # the search, and the number there
Begun = Callable[[kernel_db.UnitOfWork, str], None]  # in the unit that stores a run: its id; raises what undoes it


class Checked(NamedTuple):
    """What a run that may start is made from."""

    config: dict[str, Any]  # Any: JSON
    data: datasets_api.DataSetVersion
    parent: parents.Parent


class Starting:
    """Stores runs of one home."""

    def __init__(
        self,
        db: kernel_db.Database,
        storage: kernel_storage.Storage,
        audit: kernel_audit.Audit,
        catalogue: catalogue_api.Catalogue,
        datasets: datasets_api.DataSets,
        *,
        home_id: str,
        slots: int,
        wake: Callable[[], None],
    ) -> None:
        """slots: runs at once.  wake: whoever starts what waits."""
        self._db, self._storage, self._audit, self._catalogue, self._datasets = db, storage, audit, catalogue, datasets
        self._home_id, self._wake = home_id, wake
        self._threads = max(1, (os.cpu_count() or 1) // (2 * max(1, slots)))  # of each run

    def check(self, school_id: str, new: interface.NewRun, plan: datasets_api.Plan | None = None) -> interface.NewRun:
        """What `start` refuses; returns it with references that never move.

        plan: what is done to the data before; its columns are taken as they will be then.
        """
        found = self._checked(school_id, new, plan)
        return new.model_copy(update={"data": found.data.uri, "parent": found.parent.reference})

    def require_agreed(self, school_id: str, parent: str) -> None:
        """See TrainingWork.require_agreed."""
        with self._db.read() as conn:
            descent.require_agreed(conn, self._catalogue, self._datasets, school_id, parent)

    def require_validation(self, school_id: str, reference: str) -> None:
        """Raises BadSpace for data without the part that trials are chosen by."""
        data = self._datasets.version(school_id, reference)
        if "validation" not in data.parts or not data.parts["validation"].rows:
            raise interface.BadSpace(
                f"{data.uri} has no validation part to choose trials by", fix="split it first: `shuyuan data prepare`"
            )

    def start(
        self,
        school_id: str,
        actor_id: str,
        new: interface.NewRun,
        *,
        trial: Trial | None = None,
        begun: Begun | None = None,
    ) -> interface.Run:
        """See Training.start."""
        if new.key and begun is None and (known := self._by_key(school_id, new.key)) is not None:
            return known
        found = self._checked(school_id, new)
        values = {**self._values(new, found, trial), "school_id": school_id, "created_by": actor_id}

        def insert(uow: kernel_db.UnitOfWork) -> Row[Any]:
            if new.key and (known := store.run_by_key(uow.conn, school_id, new.key)) is not None:
                return told(uow, known)
            if trial is not None:
                _require_looking(uow, school_id, trial[0])
            limits.require_run(uow.conn, school_id, actor_id, trial=trial is not None)
            row = store.add_run(uow, values)
            recording.record(self._audit, uow, row, actor_id, "run.started")
            return told(uow, row)

        def told(uow: kernel_db.UnitOfWork, row: Row[Any]) -> Row[Any]:
            if begun is not None:
                begun(uow, row.id)
            return row

        run = store.told(self._db.write(insert))
        self._datasets.note_use(found.data, run.uri)
        self._wake()
        return run if trial is not None else run.model_copy(update={"notes": fitness.notes(found.data)})

    def _checked(self, school_id: str, new: interface.NewRun, plan: datasets_api.Plan | None = None) -> Checked:
        """Nothing is stored before."""
        config = configs.check(new.task, new.config)
        preparing.require_extra()
        data = self._datasets.version(school_id, new.data)
        if plan is None:
            self._datasets.require_trainable(data)
        with self._db.read() as conn:
            parent = parents.resolve(conn, self._catalogue, school_id, new.parent)
            descent.require_agreed(conn, self._catalogue, self._datasets, school_id, parent.reference)
            earlier = parents.reads(conn, self._catalogue, self._storage, school_id, parent)
        fitness.require(new, config, data, plan, earlier)
        if plan is not None:  # what comes of it is asked again; whether it can be learned from is known now
            self._datasets.require_trainable(data)
        return Checked(config, data, parent)

    def _values(self, new: interface.NewRun, found: Checked, trial: Trial | None) -> dict[str, Any]:
        return {
            "name": new.name or f"{new.task} · {found.data.name}"[:120],
            "task": new.task,
            "data": found.data.uri,
            "data_sha256": found.data.sha256,
            "config": found.config,
            "seed": new.seed,
            "processes": new.processes,
            "threads": self._threads,
            "code_version": codeversion.current(),
            "state": "queued",
            "parent": found.parent.reference,
            "parent_version_id": found.parent.version_id,
            "weights_of": found.parent.weights_of,
            "search_id": trial and trial[0],
            "trial": trial and trial[1],
            "key": new.key or None,
            "home_id": self._home_id,
        }

    def _by_key(self, school_id: str, key: str) -> interface.Run | None:
        with self._db.read() as conn:
            row = store.run_by_key(conn, school_id, key)
        return row and store.told(row)


def _require_looking(uow: kernel_db.UnitOfWork, school_id: str, search_id: str) -> None:
    """Raises RunEnded for a trial of a search that has ended; the search cannot end before the trial is stored.

    A fold belongs to no search: its cross-validation says in `begun` whether it still runs.
    """
    found = store.search(uow.conn, school_id, search_id)
    if found is not None and not store.change_search(uow, found.id, state="running"):  # locks the row
        raise interface.RunEnded(f"search {found.number} is {found.state}", fix="start another search")
