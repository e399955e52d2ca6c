"""The verbs of training: start, look, pause, resume, cancel, take files, register. Runs are done by `supervision`."""

import contextlib
import functools
import hashlib
import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row

from shuyuan.identity.interface import Identity, Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock, durable, errors
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import settings as kernel_settings
from shuyuan.kernel import storage as kernel_storage
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.training import (
    children,
    codeversion,
    configs,
    folders,
    interface,
    mirror,
    outcomes,
    parents,
    preparing,
    references,
    registering,
    searches,
    store,
    supervision,
    tasks,
)

MOST_OPEN = 100  # runs of a school that have not ended
_PREDICTIONS = "predictions.parquet"
_MIRRORED_DAYS = 7  # after that a run is not copied any more
_OWN = "teacher"  # may start runs, and stop what they started


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
        self._db, self._storage, self._audit, self._settings = db, storage, audit, settings
        self._identity, self._catalogue, self._datasets, self._now = identity, catalogue, datasets, now
        self._home_id = durable.executor_of(settings.home)
        self.home_id = None if db.dialect == "sqlite" else self._home_id  # a file belongs to one home alone
        self._threads = max(1, (os.cpu_count() or 1) // (2 * max(1, settings.training_slots)))
        self.readings: interface.NotesReadings | None = None  # None: the activity log alone
        self.supervisor = supervision.Supervisor(
            db,
            storage,
            settings.home / "runs",
            home_id=self.home_id,
            slots=settings.training_slots,
            prepare=preparing.Preparing(db, storage, datasets, catalogue, self._note_reading),
            held=self.is_held,
            on_ended=self._on_ended,
            command=command,
        )
        self._searches = searches.Searches(
            self, db, audit, settings.home / "searches", self._home_id, at_once=settings.training_slots
        )

    def open(self) -> None:
        """Do what waits, from now on, in this process."""
        self._searches.open()
        self.supervisor.open()

    def close(self) -> None:
        """Pause what trains; the next process goes on."""
        self._searches.close()
        self.supervisor.close()

    # --- tasks ---

    def tasks(self) -> list[interface.TaskInfo]:
        """See Training.tasks."""
        return [
            interface.TaskInfo(
                name=about.name,
                title=catalogue_api.LocalText(zh=about.title.zh, en=about.title.en),
                what=catalogue_api.LocalText(zh=about.what.zh, en=about.what.en),
                config=about.schema,
            )
            for about in tasks.every()
        ]

    # --- runs, for people ---

    def start(self, principal: Principal, new: interface.NewRun) -> interface.Run:
        """See Training.start."""
        principal.require("admin", "developer", "teacher")
        return self.start_for(principal.school_id, principal.account_id, new)

    def run(self, principal: Principal, run_id: str) -> interface.Run:
        """See Training.run."""
        _require_reader(principal)
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
        _require_reader(principal)
        with self._db.read() as conn:
            rows = store.runs(conn, principal.school_id, state=state, limit=limit, before=before)
        return [self.told(row) for row in rows]

    def metrics(self, principal: Principal, run_id: str, *, after: int = 0) -> list[Mapping[str, Any]]:
        """See Training.metrics."""
        found = self.run(principal, run_id)
        return list(folders.Curve(self.curve_file(found), line=after).new())

    def pause(self, principal: Principal, run_id: str) -> interface.Run:
        """See Training.pause."""
        self._require_keeper(principal, run_id)
        return self._want(principal.school_id, principal.account_id, run_id, "pause")

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
        _require_reader(principal)
        return self.artefact_of(principal.school_id, run_id, name)

    def download(self, principal: Principal, run_id: str, name: str) -> Path:
        """`artefact` for people. Predictions tell of single rows: not for teachers, and who took them is noted."""
        if name == _PREDICTIONS:
            principal.require("admin", "developer")
        path, found = self.artefact(principal, run_id, name), self.run(principal, run_id)
        if name == _PREDICTIONS:
            told = {"school_id": principal.school_id, "actor_id": principal.account_id, "object_id": found.id}
            self._db.write(lambda uow: self._audit.record(uow, action="run.predictions_downloaded", **told))
        return path

    def register(self, principal: Principal, run_id: str, model: str) -> catalogue_api.Version:
        """See Training.register."""
        principal.require("admin", "developer")
        return self.register_for(principal.school_id, principal.account_id, run_id, model)

    # --- the same for work that acts for a school ---

    def start_for(
        self, school_id: str, actor_id: str, new: interface.NewRun, *, trial: tuple[str, int] | None = None
    ) -> interface.Run:
        """`start`. trial: the search it belongs to, and its number there."""
        if new.key and (known := self._by_key(school_id, new.key)) is not None:
            return known
        config, data, parent = self._checked(school_id, new)
        values: dict[str, Any] = {
            "school_id": school_id,
            "name": new.name or f"{new.task} · {data.name}"[:120],
            "task": new.task,
            "data": data.uri,
            "data_sha256": data.sha256,
            "config": config,
            "seed": new.seed,
            "processes": new.processes,
            "threads": self._threads,
            "code_version": codeversion.current(),
            "state": "queued",
            "parent": parent.reference,
            "parent_version_id": parent.version_id,
            "weights_of": parent.weights_of,
            "search_id": trial and trial[0],
            "trial": trial and trial[1],
            "key": new.key or None,
            "home_id": self._home_id,
            "created_by": actor_id,
        }

        def insert(uow: kernel_db.UnitOfWork) -> Row[Any]:
            if new.key and (known := store.run_by_key(uow.conn, school_id, new.key)) is not None:
                return known
            if store.open_runs(uow.conn, school_id) >= MOST_OPEN:
                raise interface.TooManyRuns(
                    f"{MOST_OPEN} runs of the school have not ended", fix="cancel some, or wait", retry_after_s=60
                )
            row = store.add_run(uow, values)
            self._record(uow, row, actor_id, "run.started")
            return row

        run = store.told(self._db.write(insert))
        self._datasets.note_use(data, run.uri)
        self.supervisor.wake()
        return run

    def check_start(self, school_id: str, new: interface.NewRun) -> interface.NewRun:
        """What `start` refuses; returns it with references that never move."""
        _, data, parent = self._checked(school_id, new)
        return new.model_copy(update={"data": data.uri, "parent": parent.reference})

    def run_of(self, school_id: str, run_id: str) -> interface.Run:
        """`run`."""
        with self._db.read() as conn:
            return self.told(self._row(conn, school_id, run_id))

    def resume_for(self, school_id: str, actor_id: str, run_id: str) -> interface.Run:
        """`resume`; a pause that has not happened yet is taken back."""

        def change(uow: kernel_db.UnitOfWork) -> Row[Any]:
            row = self._row(uow.conn, school_id, run_id)
            taken_back = row.state == "running" and row.wanted == "pause"
            if taken_back:
                store.change(uow, row.id, ("running",), wanted="")
            elif not store.change(uow, row.id, ("paused",), state="queued", home_id=self._home_id):
                raise interface.RunNotPaused(f"run {row.number} is {row.state}", fix="only a paused run can be resumed")
            self._record(uow, row, actor_id, "run.resumed")
            return self._row(uow.conn, school_id, row.id)

        return self._changed(change)

    def cancel_for(self, school_id: str, actor_id: str, run_id: str) -> interface.Run:
        """`cancel`."""
        return self._want(school_id, actor_id, run_id, "cancel")

    def artefact_of(self, school_id: str, run_id: str, name: str) -> Path:
        """`artefact`: the file in the run's folder while it is whole, else copied again from the store."""
        found = self.run_of(school_id, run_id)
        kept = found.artefacts.get(name)
        if kept is None:
            made = ", ".join(found.artefacts) or "none yet"
            raise interface.NoArtefact(f"run {found.number} has no file {name[:120]!r}", fix=f"its files: {made}")
        folder = self.supervisor.folder(found.id)
        path = folder.metrics_file if name == outcomes.METRICS else folder.out / name
        if not _is_whole(path, kept):
            preparing.copy(self._storage, kept.sha256, path)
        return path

    def register_for(self, school_id: str, actor_id: str, run_id: str, model: str) -> catalogue_api.Version:
        """`register`."""
        at = registering.Registry(self._db, self._storage, self._catalogue, self._datasets, self._audit)
        return registering.register(at, school_id, actor_id, run_id, model)

    def resolve(self, school_id: str, reference: str) -> Path:
        """See TrainingWork.resolve."""
        found = references.read(reference)
        if not found.name:
            raise interface.BadReference(f"{reference[:120]!r} names no file", fix="use runs:/id/out/model.onnx")
        return self.artefact_of(school_id, found.run, found.name)

    # --- searches ---

    def start_search(self, principal: Principal, new: interface.NewSearch) -> interface.Search:
        """See Training.start_search."""
        principal.require("admin", "developer", "teacher")
        return self._searches.start(principal.school_id, principal.account_id, new)

    def search(self, principal: Principal, search_id: str) -> interface.Search:
        """See Training.search."""
        _require_reader(principal)
        return self._searches.search(principal.school_id, search_id)

    def searches(self, principal: Principal, *, limit: int = 50) -> list[interface.Search]:
        """See Training.searches."""
        _require_reader(principal)
        return self._searches.searches(principal.school_id, limit)

    def trials(self, principal: Principal, search_id: str) -> list[interface.Run]:
        """See Training.trials."""
        _require_reader(principal)
        return self._searches.trials(principal.school_id, search_id)

    def cancel_search(self, principal: Principal, search_id: str) -> interface.Search:
        """See Training.cancel_search."""
        found = self.search(principal, search_id)
        _require_own(principal, found.created_by)
        return self._searches.cancel(principal.school_id, principal.account_id, found.id)

    # --- upkeep ---

    def prune(self) -> int:
        """Remove the folders of runs that ended long ago, and of runs nobody knows; returns how many."""
        before = self._now() - timedelta(days=self._settings.runs_kept_days)
        found = {path.name: path for path in self.supervisor.root.glob("*") if path.is_dir()}
        with self._db.read() as conn:
            old = store.ended_before(conn, list(found), before) | (set(found) - store.known(conn, list(found)))
        for run_id in old:
            self.supervisor.folder(run_id).remove()
        return len(old)

    def mirror(self) -> int:
        """Copy runs that ended to the MLflow server an administrator has named; returns how many."""
        if not self._settings.mlflow_url:
            return 0
        with self._db.read() as conn:
            rows = store.to_mirror(conn, self.home_id, self._now() - timedelta(days=_MIRRORED_DAYS))
        copied = 0
        with contextlib.closing(mirror.Mirror(self._settings.mlflow_url)) as server:
            for row in rows:
                run = store.told(row)
                server.write(run, folders.Curve(self.curve_file(run)).new())
                self._db.write(functools.partial(store.change, run_id=run.id, was=interface.ENDED, mirrored=True))
                copied += 1
        return copied

    def is_held(self) -> bool:
        """Whether an exam of any school holds all training back: they share this machine."""
        if not self._settings.training_waits_for_exams:
            return False
        until = (self._identity.exam_until(school.id) for school in self._identity.schools())
        return any(one is not None and one > self._now() for one in until)

    def curve_file(self, run: interface.Run) -> Path:
        """Where the curves of a run lie; brought back from the store once its folder is gone."""
        path = self.supervisor.folder(run.id).metrics_file
        if not path.is_file() and outcomes.METRICS in run.artefacts:
            preparing.copy(self._storage, run.artefacts[outcomes.METRICS].sha256, path)
        return path

    def told(self, row: Row[Any]) -> interface.Run:
        """A row as people see it, with what its child says just now."""
        run = store.told(row)
        if run.state != "running":
            return run
        said = self.supervisor.folder(run.id).progress()
        figures = folders.finite(said)
        live: dict[str, Any] = {name: int(figures[name]) for name in ("step", "steps", "epoch") if name in figures}
        live |= {"eta_s": figures["eta_s"]} if "eta_s" in figures else {}
        live |= {"stage": str(said["stage"])} if "stage" in said else {}
        live["cpu_s"] = run.cpu_s + figures.get("cpu_s", 0.0)
        live["peak_rss_bytes"] = max(run.peak_rss_bytes, int(figures.get("rss_bytes", 0)))
        return run.model_copy(update=live)

    # --- within ---

    def _checked(
        self, school_id: str, new: interface.NewRun
    ) -> tuple[dict[str, Any], datasets_api.DataSetVersion, parents.Parent]:
        """Config, data and parent of a run that may start. Nothing is stored before."""
        config = configs.check(new.task, new.config)
        preparing.require_extra()
        data = self._datasets.version(school_id, new.data)
        self._datasets.require_trainable(data)
        with self._db.read() as conn:
            parent = parents.resolve(conn, self._catalogue, school_id, new.parent)
        return config, data, parent

    def _want(self, school_id: str, actor_id: str, run_id: str, wanted: str) -> interface.Run:
        """Pause or cancel: at once where nothing trains, else the supervisor asks the child."""
        state = {"pause": "paused", "cancel": "cancelled"}[wanted]
        action = "run.cancelled" if wanted == "cancel" else "run.paused"

        def change(uow: kernel_db.UnitOfWork) -> Row[Any]:
            row = self._row(uow.conn, school_id, run_id)
            idle = ("queued", "paused") if wanted == "cancel" else ("queued",)
            ended = {"ended_at": uow.now} if wanted == "cancel" else {}
            if not store.change(uow, row.id, idle, state=state, waits_for="", **ended) and not store.change(
                uow, row.id, ("running",), wanted=wanted
            ):
                raise interface.RunEnded(f"run {row.number} is {row.state}", fix=f"nothing is left to {wanted}")
            self._record(uow, row, actor_id, action)
            return self._row(uow.conn, school_id, row.id)

        return self._changed(change)

    def _changed(self, change: Any) -> interface.Run:  # Any: a unit that gives a row
        run = self.told(self._db.write(change))
        self.supervisor.wake()
        return run

    def _row(self, conn: Connection, school_id: str, run_id: str) -> Row[Any]:
        row = store.run(conn, school_id, references.read(run_id).run)
        if row is None:
            raise interface.UnknownRun(f"there is no run {run_id[:80]!r}", fix="see GET /api/runs, or `shuyuan runs`")
        return row

    def _by_key(self, school_id: str, key: str) -> interface.Run | None:
        with self._db.read() as conn:
            row = store.run_by_key(conn, school_id, key)
        return row and self.told(row)

    def _require_keeper(self, principal: Principal, run_id: str) -> None:
        _require_own(principal, self.run(principal, run_id).created_by)

    def _note_reading(self, row: Row[Any], data: datasets_api.DataSetVersion) -> None:
        part = data.parts["test"]  # by its own content: other splits of the data may have the same test part
        told = {"subject": interface.RUNS + row.id, "data": data.uri, "data_sha256": part.sha256}
        if self.readings is not None:
            self.readings(row.school_id, row.created_by, **told, rows=part.rows)
        else:
            self._db.write(lambda uow: self._record(uow, row, row.created_by, "test_part.read"))

    def _on_ended(self, uow: kernel_db.UnitOfWork, row: Row[Any]) -> None:
        if row.state != "cancelled":  # whoever cancelled it is noted already
            ending = "run.finished" if row.state == "finished" else "run.failed"
            self._record(uow, row, kernel_audit.SYSTEM, ending)
        uow.after_commit(self._searches.wake)

    def _record(self, uow: kernel_db.UnitOfWork, row: Row[Any], actor_id: str, action: str) -> None:
        self._audit.record(
            uow, school_id=row.school_id, actor_id=actor_id, action=action, object_id=row.id, number=row.number
        )


def _is_whole(path: Path, kept: interface.Artefact) -> bool:
    if not path.is_file() or path.stat().st_size != kept.size_bytes:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == kept.sha256


def _require_reader(principal: Principal) -> None:
    principal.require("admin", "developer", "teacher")


def _require_own(principal: Principal, created_by: str) -> None:
    """Administrators and developers stop anybody's; teachers what they started."""
    _require_reader(principal)
    if principal.role == _OWN and created_by != principal.account_id:
        raise errors.Forbidden("somebody else started it", fix="ask whoever did, or an administrator")
