"""The verbs of data sets: take in, prepare, look up, hand out, delete. Tables are opened in child processes only."""

import importlib.util
import os
import re
import time
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
    parts,
    reading,
    splittable,
    steps,
    store,
    sweeping,
    working,
)
from shuyuan.maas.datasets.bounds import Bounds
from shuyuan.maas.datasets.pool import raised

_REFERENCE = re.compile(r"(?:data:/)?(?P<name>[a-z0-9][a-z0-9_.-]{0,79})(?:/(?P<number>[0-9]{1,9}))?")
_POLL_S = 0.05


class DataSetsService:
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
        self._db, self._audit, self._vault = db, audit, vault
        self._home, home = settings.home, settings.home / "datasets"
        self._parts = parts.Parts(storage, home / "parts")
        self._consents = consents.Consents(db, audit, outbox, self._parts)
        self._works = working.Works(
            db,
            storage,
            vault,
            audit,
            self._parts,
            self._consents,
            home / "works",
            durable.executor_of(settings.home),
        )
        self.bounds = Bounds(max_bytes=settings.max_data_bytes)

    def version(self, school_id: str, reference: str) -> interface.DataSetVersion:
        """See DataSets.version."""
        said = _REFERENCE.fullmatch(reference)
        number = int(said["number"]) if said and said["number"] else None
        found = None
        if said:
            with self._db.read() as conn:
                found = store.version(conn, school_id, said["name"], number)
        if found is None:
            raise _unknown(reference)
        return found

    def version_by_id(self, school_id: str, version_id: str) -> interface.DataSetVersion:
        """See DataSets.version_by_id."""
        with self._db.read() as conn:
            found = store.version_by_id(conn, school_id, version_id)
        if found is None:
            raise _unknown(version_id)
        return found

    def versions(self, school_id: str, name: str | None = None) -> list[interface.DataSetVersion]:
        """See DataSets.versions."""
        with self._db.read() as conn:
            return store.versions(conn, school_id, name)

    def newest(self, school_id: str, *, limit: int = 50, after: str = "") -> list[interface.DataSetVersion]:
        """See DataSets.newest."""
        with self._db.read() as conn:
            return store.newest(conn, school_id, limit=limit, after=after)

    def count(self, school_id: str) -> tuple[int, int]:
        """How many data sets and how many versions there are."""
        with self._db.read() as conn:
            return store.count_names(conn, school_id)

    def holding(self, school_id: str, sha256: str) -> list[interface.DataSetVersion]:
        """See DataSets.holding."""
        with self._db.read() as conn:
            return store.holding(conn, school_id, sha256)

    def users(self, version: interface.DataSetVersion) -> list[str]:
        """See DataSets.users."""
        with self._db.read() as conn:
            return store.users(conn, [version.id])

    def preview(self, version: interface.DataSetVersion, rows: int = 20) -> Sequence[Mapping[str, interface.Option]]:
        """See DataSets.preview."""
        with self._db.read() as conn:
            return store.preview(conn, version.school_id, version.id)[:rows]

    def open_part(self, version: interface.DataSetVersion, part: interface.Part) -> Path:
        """See DataSets.open_part."""
        consents.require_rows(version)
        return self._parts.open(version, part)

    def require_trainable(self, version: interface.DataSetVersion) -> None:
        """See DataSets.require_trainable."""
        consents.require_rows(version)
        if version.personal and not version.consent:
            raise interface.ConsentMissing(
                f"{version.uri} tells of persons who have not agreed to training",
                fix="ask them; an administrator then notes their consent: PUT /api/datasets/{name}/{number}/consent",
            )
        consents.require_pseudonyms(version)

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
            family = store.family(conn, school_id, first.id)
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

    def work(self, school_id: str, work_id: str) -> interface.Work:
        """See DataSets.work."""
        with self._db.read() as conn:
            row = store.work(conn, school_id, work_id)
        if row is None:
            raise _unknown(work_id)
        return self._works.told(row)

    def works(self, school_id: str) -> list[interface.Work]:
        """The last fifty, newest first."""
        with self._db.read() as conn:
            rows = store.works(conn, school_id)
        return [self._works.told(row) for row in rows]

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

    def wait(self, school_id: str, work_id: str, timeout_s: float = 600.0) -> interface.DataSetVersion:
        """See DataSets.wait."""
        until = time.monotonic() + timeout_s
        while not (found := self.work(school_id, work_id)).ended:
            if time.monotonic() > until:
                raise errors.Unavailable(f"work {work_id} is not finished after {timeout_s:g} s", fix="wait longer")
            time.sleep(_POLL_S)
        if found.error is not None:
            raise raised(found.error)
        if found.state == "cancelled":
            raise errors.Conflict(f"work {work_id} was cancelled", fix="start it again")
        return self.version(school_id, found.version)

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
                raise _unknown(reference)
            made = store.children(uow.conn, school_id, found.id)
            if now.used_by or made or store.sources_of_open_work(uow.conn, school_id, found.id):
                raise interface.DataSetInUse(
                    f"{found.uri} was used {now.used_by} times and has {made} versions made from it",
                    fix="delete what was made with it first",
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
        return sweeping.sweep(self._home, self._has_rows)

    def close(self) -> None:
        """End the children."""
        self._works.supervision.close()

    def _has_rows(self, school_id: str, reference: str) -> bool:
        try:
            return self.version(school_id, reference).purged_at is None
        except interface.UnknownDataSet:
            return False

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

    def _lineage(self, version: interface.DataSetVersion) -> list[interface.DataSetVersion]:
        """What it was made from, the nearest first."""
        found: list[interface.DataSetVersion] = []
        while (parent_id := (found[-1] if found else version).parent_id) is not None:
            found.append(self.version_by_id(version.school_id, parent_id))
        return found

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


def _unknown(reference: str) -> interface.UnknownDataSet:
    return interface.UnknownDataSet(
        f"there is no data set {reference[:120]!r}", fix="list what there is: /api/datasets"
    )
