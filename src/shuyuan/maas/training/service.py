"""The verbs of training: start, look, pause, resume, cancel, take files, register. Runs are done by `supervision`."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from shuyuan.identity.interface import Identity, Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock, durable
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import settings as kernel_settings
from shuyuan.kernel import storage as kernel_storage
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.training import (
    children,
    downloads,
    files,
    folders,
    interface,
    permission,
    preparing,
    recording,
    registering,
    searches,
    starting,
    store,
    supervision,
    taskinfos,
    upkeep,
    wishes,
)


class TrainingService:
    """Implements `interface.Training` and `interface.TrainingWork`."""

    def __init__(
        self,
        db: kernel_db.Database,
        storage: kernel_storage.Storage,
        audit: kernel_audit.Audit,
        settings: kernel_settings.Settings,
        identity: Identity,
        catalogue: catalogue_api.Catalogue,
        datasets: datasets_api.DataSets,
        *,
        command: Sequence[str] = children.COMMAND,
        now: clock.Clock = clock.now,
    ) -> None:
        """command: what starts a child; the folder is put behind it."""
        self._db, self._audit, self._settings, self._identity, self._now = db, audit, settings, identity, now
        home_id = durable.executor_of(settings.home)
        self.home_id = None if db.dialect == "sqlite" else home_id  # a file belongs to one home alone
        self.readings: interface.NotesReadings | None = None  # None: the activity log alone
        self.folds: preparing.FoldFiles | None = None  # whoever cross-validates
        self.supervisor = supervision.Supervisor(
            db,
            storage,
            settings.home / "runs",
            home_id=self.home_id,
            slots=settings.training_slots,
            prepare=preparing.Preparing(db, storage, datasets, catalogue, self._note_reading, self._fold_files),
            held=self.is_held,
            on_ended=self._on_ended,
            command=command,
        )
        wake, slots = self.supervisor.wake, settings.training_slots
        self._files = files.RunFiles(storage, self.supervisor.root)
        self._downloads = downloads.Downloads(db, audit, datasets, self._files)
        self._wishes = wishes.Wishes(db, audit, home_id, wake)
        self._starting = starting.Starting(
            db, storage, audit, catalogue, datasets, home_id=home_id, slots=slots, wake=wake
        )
        self._registry = registering.Registry(db, storage, catalogue, datasets, audit)
        self._searches = searches.Searches(
            db, audit, self._starting, self._wishes, self._files, settings.home / "searches", home_id, at_once=slots
        )

    def open(self) -> None:
        """Do what waits, from now on, in this process."""
        self._searches.work.open()
        self.supervisor.open()

    def close(self) -> None:
        """Pause what trains; the next process goes on."""
        self._searches.work.close()
        self.supervisor.close()

    # --- tasks ---

    def tasks(self) -> list[interface.TaskInfo]:
        """See Training.tasks."""
        return taskinfos.every()

    # --- runs, for people ---

    def start(self, principal: Principal, new: interface.NewRun) -> interface.Run:
        """See Training.start."""
        permission.require_reader(principal)
        permission.require_own_key(new.key)
        return self.start_for(principal.school_id, principal.account_id, new)

    def check(self, principal: Principal, new: interface.NewRun) -> None:
        """See Training.check."""
        permission.require_reader(principal)
        self._starting.check(principal.school_id, new)

    def run(self, principal: Principal, run_id: str) -> interface.Run:
        """See Training.run."""
        permission.require_reader(principal)
        return self.run_of(principal.school_id, run_id)

    def runs(
        self,
        principal: Principal,
        *,
        state: interface.RunState | None = None,
        limit: int = 50,
        before: int | None = None,
    ) -> list[interface.Run]:
        """See Training.runs."""
        permission.require_reader(principal)
        with self._db.read() as conn:
            rows = store.runs(conn, principal.school_id, state=state, limit=limit, before=before)
        return [self._files.told(row) for row in rows]

    def metrics(self, principal: Principal, run_id: str, *, after: int = 0) -> list[Mapping[str, Any]]:
        """See Training.metrics."""
        return list(folders.Curve(self.curve_file(self.run(principal, run_id)), line=after).new())

    def pause(self, principal: Principal, run_id: str) -> interface.Run:
        """See Training.pause."""
        self._require_keeper(principal, run_id)
        return self._files.told(self._wishes.stop(principal.school_id, principal.account_id, run_id, "pause"))

    def resume(self, principal: Principal, run_id: str) -> interface.Run:
        """See Training.resume."""
        self._require_keeper(principal, run_id)
        return self.resume_for(principal.school_id, principal.account_id, run_id)

    def cancel(self, principal: Principal, run_id: str) -> interface.Run:
        """See Training.cancel."""
        self._require_keeper(principal, run_id)
        return self.cancel_for(principal.school_id, principal.account_id, run_id)

    def artefact(self, principal: Principal, run_id: str, name: str) -> Path:
        """See Training.artefact."""
        permission.require_reader(principal)
        return self.artefact_of(principal.school_id, run_id, name)

    def download(self, principal: Principal, run_id: str, name: str) -> Path:
        """`artefact` for people. Raises Forbidden for what tells of rows, by who may see it."""
        return self._downloads.take(principal, self.run(principal, run_id), name)

    def register(self, principal: Principal, run_id: str, model: str) -> catalogue_api.Version:
        """See Training.register."""
        principal.require("admin", "developer")
        return self.register_for(principal.school_id, principal.account_id, run_id, model)

    # --- the same for work that acts for a school ---

    def start_for(
        self,
        school_id: str,
        actor_id: str,
        new: interface.NewRun,
        *,
        trial: starting.Trial | None = None,
        begun: starting.Begun | None = None,
    ) -> interface.Run:
        """`start`. trial: the cross-validation it belongs to, and its number there.  begun: called as it is stored."""
        return self._starting.start(school_id, actor_id, new, trial=trial, begun=begun)

    def check_start(
        self, school_id: str, new: interface.NewRun, plan: datasets_api.Plan | None = None
    ) -> interface.NewRun:
        """What `start` refuses; returns it with references that never move. plan: done to the data before."""
        return self._starting.check(school_id, new, plan)

    def run_of(self, school_id: str, run_id: str) -> interface.Run:
        """`run`."""
        with self._db.read() as conn:
            return self._files.told(wishes.row_of(conn, school_id, run_id))

    def resume_for(self, school_id: str, actor_id: str, run_id: str) -> interface.Run:
        """`resume`."""
        return self._files.told(self._wishes.resume(school_id, actor_id, run_id))

    def cancel_for(self, school_id: str, actor_id: str, run_id: str) -> interface.Run:
        """`cancel`."""
        return self._files.told(self._wishes.stop(school_id, actor_id, run_id, "cancel"))

    def has_file(self, sha256: str) -> bool:
        """Whether a run of any school has a file of this address."""
        return bool(self.runs_with(sha256))

    def runs_with(self, sha256: str) -> list[interface.Run]:
        """The runs of any school that have a file of this address."""
        with self._db.read() as conn:
            return [store.told(row) for row in store.with_file(conn, sha256)]

    def runs_on(self, school_id: str, data: Collection[str]) -> list[interface.Run]:
        """Every run of these versions (`data:/name/3`), whatever started it: trials and folds too."""
        with self._db.read() as conn:
            return [store.told(row) for row in store.runs_on(conn, school_id, data)]

    def artefact_of(self, school_id: str, run_id: str, name: str) -> Path:
        """`artefact`."""
        return self._files.artefact(self.run_of(school_id, run_id), name)

    def register_for(self, school_id: str, actor_id: str, run_id: str, model: str) -> catalogue_api.Version:
        """`register`."""
        return registering.register(self._registry, school_id, actor_id, run_id, model)

    def resolve(self, school_id: str, reference: str) -> Path:
        """See TrainingWork.resolve."""
        return self.artefact_of(school_id, *files.name_of(reference))

    def require_agreed(self, school_id: str, parent: str) -> None:
        """See TrainingWork.require_agreed."""
        self._starting.require_agreed(school_id, parent)

    # --- searches ---

    def start_search(self, principal: Principal, new: interface.NewSearch) -> interface.Search:
        """See Training.start_search."""
        permission.require_reader(principal)
        return self._searches.start(principal.school_id, principal.account_id, new)

    def search(self, principal: Principal, search_id: str) -> interface.Search:
        """See Training.search."""
        permission.require_reader(principal)
        return self._searches.search(principal.school_id, search_id)

    def searches(self, principal: Principal, *, limit: int = 50) -> list[interface.Search]:
        """See Training.searches."""
        permission.require_reader(principal)
        return self._searches.searches(principal.school_id, limit)

    def trials(self, principal: Principal, search_id: str) -> list[interface.Run]:
        """See Training.trials."""
        permission.require_reader(principal)
        return self._searches.trials(principal.school_id, search_id)

    def cancel_search(self, principal: Principal, search_id: str) -> interface.Search:
        """See Training.cancel_search."""
        found = self.search(principal, search_id)
        permission.require_own(principal, found.created_by)
        return self._searches.cancel(principal.school_id, principal.account_id, found.id)

    # --- upkeep ---

    def prune(self) -> int:
        """Remove the folders of runs and searches that ended long ago, or that nobody knows; returns how many."""
        before = self._now() - timedelta(days=self._settings.runs_kept_days)
        return upkeep.prune(self._db, self._files, self._searches.root, before)

    def mirror(self) -> int:
        """Copy runs that ended to the MLflow server an administrator has named; returns how many."""
        if not self._settings.mlflow_url:
            return 0
        return upkeep.copy_to_mirror(self._db, self._files, self._settings.mlflow_url, self.home_id, self._now())

    def is_held(self) -> bool:
        """Whether an exam of any school holds all training back: they share this machine."""
        return self._settings.training_waits_for_exams and permission.is_exam(self._identity, self._now())

    def curve_file(self, run: interface.Run) -> Path:
        """Where the curves of a run lie."""
        return self._files.curve(run)

    # --- within ---

    def _require_keeper(self, principal: Principal, run_id: str) -> None:
        permission.require_own(principal, self.run(principal, run_id).created_by)

    def _fold_files(self, row: Row[Any]) -> Mapping[datasets_api.Part, Path] | None:
        """The files of a fold of a cross-validation; None: the run has the data set's own parts."""
        if self.folds is None or row.search_id is None:
            return None
        return self.folds(row.school_id, row.search_id, row.trial)

    def _note_reading(self, row: Row[Any], data: datasets_api.DataSetVersion) -> None:
        part = data.parts["test"]  # by its own content: other splits of the data may have the same test part
        told = {"subject": interface.RUNS + row.id, "data": data.uri, "data_sha256": part.sha256}
        if self.readings is not None:
            self.readings(row.school_id, row.created_by, **told, rows=part.rows)
        else:
            self._db.write(lambda uow: recording.record(self._audit, uow, row, row.created_by, "test_part.read"))

    def _on_ended(self, uow: kernel_db.UnitOfWork, row: Row[Any]) -> None:
        if row.state != "cancelled":  # whoever cancelled it is noted already
            ending = "run.finished" if row.state == "finished" else "run.failed"
            recording.record(self._audit, uow, row, kernel_audit.SYSTEM, ending)
        uow.after_commit(self._searches.work.wake)
