"""The verbs of data sets that do something: take in, prepare, hand out, delete. Child processes alone open tables."""

import importlib.util
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Literal

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import crypto, durable, errors, ids
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.kernel import settings as kernel_settings
from shuyuan.kernel import storage as kernel_storage
from shuyuan.maas.datasets import (
    consents,
    erasing,
    folder,
    intake,
    interface,
    looking,
    parts,
    reading,
    splittable,
    steps,
    store,
    sweeping,
    working,
)
from shuyuan.maas.datasets.bounds import Bounds


class DataSetsService(looking.Looking):
    """Implements `interface.DataSets`."""

    def __init__(
        self,
        db: kernel_db.Database,
        storage: kernel_storage.Storage,
        vault: crypto.Vault,
        audit: kernel_audit.Audit,
        settings: kernel_settings.Settings,
        outbox: kernel_outbox.Outbox,
    ) -> None:
        self._audit, self._vault = audit, vault
        self._home, home = settings.home, settings.home / "datasets"
        kept = parts.Parts(storage, home / "parts")
        self._consents = consents.Consents(db, audit, outbox, kept)
        works = working.Works(
            db,
            storage,
            vault,
            audit,
            kept,
            self._consents,
            home / "works",
            durable.executor_of(settings.home),
        )
        super().__init__(db, kept, works)
        self.bounds = Bounds(max_bytes=settings.max_data_bytes)

    def set_consent(
        self, school_id: str, actor_id: str, reference: str, consent: bool, reason: str = ""
    ) -> interface.DataSetVersion:
        """See DataSets.set_consent."""
        found = self.version(school_id, reference)
        self._consents.change(found, actor_id, consent, reason)
        return self.version_by_id(school_id, found.id)

    def purge(self, school_id: str, actor_id: str, reference: str, reason: str) -> interface.Purged:
        """See DataSets.purge."""
        return self._consents.purge(self.version(school_id, reference), actor_id, reason)

    def erase_persons(
        self,
        school_id: str,
        actor_id: str,
        reference: str,
        persons: Sequence[str],
        reason: str,
        *,
        work_id: str = "",
    ) -> interface.Work:
        """See DataSets.erase_persons."""
        _require_library()
        found = self.version(school_id, reference)
        first = (self._lineage(found) or [found])[-1]
        with self._db.read() as conn:
            family = store.by_ids(conn, school_id, store.family(conn, school_id, first.id))
        job = erasing.job(found, family, erasing.key_of(self._vault, school_id), persons, reason)
        return self._started(school_id, actor_id, found.name, "erase", job, work_id)

    def note_use(self, version: interface.DataSetVersion, by: str) -> None:
        """See DataSets.note_use."""
        self._db.write(lambda uow: store.note_use(uow, version.school_id, version.id, by[:200]))

    def create(
        self,
        school_id: str,
        actor_id: str,
        source: Path | IO[bytes],
        new: interface.NewDataSet,
        *,
        work_id: str = "",
    ) -> interface.Work:
        """See DataSets.create."""
        if isinstance(source, Path) and not new.filename:
            new = new.model_copy(update={"filename": source.name})
        kind = reading.format_of(new)
        work_id, path = self.incoming(work_id)
        with self._works.clean(work_id):
            intake.take(source, path, kind, self.bounds)
        return self.taken(school_id, actor_id, work_id, new)

    def incoming(self, work_id: str = "") -> tuple[str, Path]:
        """The id of a new work, and where its file goes. Raises NotInstalled."""
        _require_library()
        work_id = work_id or ids.new_id()
        return work_id, self._works.home_of(work_id) / folder.INPUT

    def taken(self, school_id: str, actor_id: str, work_id: str, new: interface.NewDataSet) -> interface.Work:
        """Start reading the file that lies in the folder of this work. The folder goes with whatever goes wrong."""
        with self._works.clean(work_id):
            new = new.model_copy(update={"format": reading.format_of(new)})
            if new.format == "xapi":
                new = new.model_copy(update={"personal": True})
            job = {"work": "import", "new": new.model_dump(mode="json"), "bounds": self.bounds.model_dump()}
            self._works.start(school_id, actor_id, work_id, new.name, "import", job)
        return self.work(school_id, work_id)

    def prepare(
        self,
        school_id: str,
        actor_id: str,
        reference: str,
        plan: interface.Plan,
        *,
        name: str | None = None,
        purpose: str = "",
    ) -> interface.Work:
        """See DataSets.prepare."""
        _require_library()
        parent = self.version(school_id, reference)
        consents.require_rows(parent)
        steps.check(plan, parent.columns)
        if plan.split is not None:
            splittable.require(parent, self._lineage(parent))
        wanted = interface.NewDataSet(name=name or parent.name, purpose=purpose or parent.purpose)
        job = {
            "work": "prepare",
            "parent_id": parent.id,
            "purpose": wanted.purpose,
            "plan": plan.model_dump(mode="json"),
            "columns": [one.model_dump(mode="json") for one in parent.columns],
            "processes": os.cpu_count() or 1,
        }
        return self._started(school_id, actor_id, wanted.name, "prepare", job)

    def cancel(self, school_id: str, actor_id: str, work_id: str) -> interface.Work:
        """See DataSets.cancel."""
        found = self.work(school_id, work_id)

        def stop(uow: kernel_db.UnitOfWork) -> None:
            if store.move_work(uow, work_id, "cancelled"):
                self._record(uow, school_id, actor_id, "data_set.work_cancelled", work_id, name=found.name)

        if not found.ended:
            self._db.write(stop)
            self._works.supervision.stop(work_id)
        return self.work(school_id, work_id)

    def export_csv(self, version: interface.DataSetVersion, part: interface.Part, target: Path) -> None:
        """A part as CSV, written to `target` by a child process. Raises WrongColumns for pictures."""
        source, work_id = self.open_part(version, part), ids.new_id()
        home = self._works.home_of(work_id)
        with self._works.clean(work_id, always=True):
            home.mkdir(parents=True, mode=0o700)
            folder.write(home / folder.JOB, {"work": "export", "source": str(source)})
            made = self._works.supervision.run(work_id, home)
            with intake.told_when_full(), Path(made["path"]).open("rb") as found, target.open("wb") as out:
                while block := found.read(1 << 20):
                    out.write(block)

    def note_download(self, version: interface.DataSetVersion, actor_id: str, part: interface.Part, form: str) -> None:
        """Who took which rows."""
        self._db.write(
            lambda uow: self._record(
                uow,
                version.school_id,
                actor_id,
                "data_set.downloaded",
                version.id,
                part=part,
                form=form,
                rows=version.rows,
            )
        )

    def delete(self, school_id: str, actor_id: str, reference: str) -> None:
        """See DataSets.delete."""
        found = self.version(school_id, reference)
        consents.require_rows(found)

        def forget(uow: kernel_db.UnitOfWork) -> list[str]:
            now = store.version_by_id(uow.conn, school_id, found.id)
            if now is None:
                raise looking.unknown(reference)
            made = store.children(uow.conn, school_id, found.id)
            if now.used_by or made or store.sources_of_open_work(uow.conn, school_id, found.id):
                raise interface.DataSetInUse(
                    f"{found.uri} was used {now.used_by} times and has {made} versions made from it",
                    fix="delete what was made with it first",
                )
            if now.personal and not now.consent and store.is_withdrawn(uow.conn, school_id, set(), found.id):
                raise errors.Conflict(
                    f"the consent in {found.uri} was taken back, and deleting it would forget that", fix="purge it"
                )
            store.delete_version(uow, school_id, found.id)
            self._record(uow, school_id, actor_id, "data_set.deleted", found.id, name=found.name, number=found.number)
            return [part.sha256 for part in found.parts.values() if not store.holders(uow.conn, part.sha256)]

        self._parts.forget(self._db.write(forget))

    def recover(self) -> int:
        """Take up what an earlier process left; returns how many. What another process is doing is left to it."""
        return self._works.recover()

    def sweep(self) -> int:
        """Remove folders of the home that hold rows of versions that are gone; returns how many."""
        self.forget_left()
        return sweeping.sweep(self._home, self._may_be_read)

    def forget_left(self) -> None:
        """Remove files of purged versions that are still there, in the store and in this home."""
        self._consents.forget_left()

    def purged(self) -> dict[str, list[str]]:
        """School → `data:/name/3` of every purged version."""
        with self._db.read() as conn:
            return store.tombstones(conn)

    def close(self) -> None:
        """End the children."""
        self._works.supervision.close()

    def _started(
        self,
        school_id: str,
        actor_id: str,
        name: str,
        kind: Literal["prepare", "erase"],
        job: Mapping[str, Any],  # Any: JSON
        work_id: str = "",
    ) -> interface.Work:
        """A work that reads what is stored already."""
        work_id = work_id or ids.new_id()
        with self._works.clean(work_id):
            self._works.home_of(work_id).mkdir(parents=True, mode=0o700)
            self._works.start(school_id, actor_id, work_id, name, kind, job)
        return self.work(school_id, work_id)

    def _record(
        self,
        uow: kernel_db.UnitOfWork,
        school_id: str,
        actor_id: str,
        action: str,
        object_id: str,
        **detail: str | int | None,
    ) -> None:
        self._audit.record(uow, school_id=school_id, actor_id=actor_id, action=action, object_id=object_id, **detail)


def _require_library() -> None:
    if importlib.util.find_spec("polars") is None:
        raise interface.NotInstalled("polars, which reads tables, is not installed", fix="install the extra `data`")
