"""The verbs of data sets: take in, prepare, look up, hand out, delete. Tables are opened in child processes only."""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Literal

from sqlalchemy import Connection, Row

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import crypto, errors, ids, log
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import settings as kernel_settings
from shuyuan.kernel import storage as kernel_storage
from shuyuan.maas.datasets import folder, intake, interface, reading, steps, store, supervision
from shuyuan.maas.datasets.bounds import Bounds
from shuyuan.maas.datasets.pool import raised

_REFERENCE = re.compile(r"(?:data:/)?(?P<name>[a-z0-9][a-z0-9_.-]{0,79})(?:/(?P<number>[0-9]{1,9}))?")
_POLL_S = 0.05
_FORGOTTEN_S = 86_400.0  # a file that was being sent longer ago is not any more
_logger = log.get("datasets")


class DataSetsService:
    """Implements `interface.DataSets`."""

    def __init__(
        self,
        db: kernel_db.Database,
        storage: kernel_storage.Storage,
        vault: crypto.Vault,
        audit: kernel_audit.Audit,
        settings: kernel_settings.Settings,
    ) -> None:
        self._db, self._storage, self._vault, self._audit = db, storage, vault, audit
        self._home = settings.home / "datasets"
        self.bounds = Bounds(max_bytes=settings.max_data_bytes)
        self._supervision = supervision.Supervision()

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

    def preview(self, version: interface.DataSetVersion, rows: int = 20) -> Sequence[Mapping[str, interface.Option]]:
        """See DataSets.preview."""
        with self._db.read() as conn:
            return store.preview(conn, version.school_id, version.id)[:rows]

    def open_part(self, version: interface.DataSetVersion, part: interface.Part) -> Path:
        """See DataSets.open_part."""
        if part not in version.parts:
            raise interface.UnknownPart(
                f"{version.uri} has no part {part!r}", fix=f"use one of: {', '.join(version.parts)}"
            )
        sha256 = version.parts[part].sha256
        path = self._home / "parts" / f"{sha256}.parquet"
        if not _is(path, sha256):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with intake.told_when_full(), _replacing(path) as out:
                self._storage.copy_to(sha256, out)
        return path

    def require_trainable(self, version: interface.DataSetVersion) -> None:
        """See DataSets.require_trainable."""
        if version.personal and not version.consent:
            raise interface.ConsentMissing(
                f"{version.uri} tells of persons who have not agreed to training",
                fix="ask them, then import it again with consent",
            )

    def set_consent(self, school_id: str, actor_id: str, reference: str, consent: bool) -> interface.DataSetVersion:
        """See DataSets.set_consent."""
        found = self.version(school_id, reference)

        def change(uow: kernel_db.UnitOfWork) -> None:
            changed = store.set_consent(uow, school_id, found.id, consent)
            action = "data_set.consent_given" if consent else "data_set.consent_withdrawn"
            self._record(uow, school_id, actor_id, action, found.id, name=found.name, versions=changed)

        self._db.write(change)
        return self.version_by_id(school_id, found.id)

    def note_use(self, version: interface.DataSetVersion, by: str) -> None:
        """See DataSets.note_use."""
        self._db.write(lambda uow: store.note_use(uow, version.school_id, version.id, by[:200]))

    def create(
        self, school_id: str, actor_id: str, source: Path | IO[bytes], new: interface.NewDataSet
    ) -> interface.Work:
        """See DataSets.create."""
        if isinstance(source, Path) and not new.filename:
            new = new.model_copy(update={"filename": source.name})
        kind = reading.format_of(new)
        work_id, path = self.incoming()
        with self._clean(work_id):
            intake.take(source, path, kind, self.bounds)
        return self.taken(school_id, actor_id, work_id, new)

    def incoming(self) -> tuple[str, Path]:
        """The id of a new work, and where its file goes."""
        work_id = ids.new_id()
        return work_id, self._folder(work_id) / folder.INPUT

    def taken(self, school_id: str, actor_id: str, work_id: str, new: interface.NewDataSet) -> interface.Work:
        """Start reading the file that lies in the folder of this work. The folder goes with whatever goes wrong."""
        with self._clean(work_id):
            new = new.model_copy(update={"format": reading.format_of(new)})
            if new.format == "xapi":
                new = new.model_copy(update={"personal": True})
            job = {"work": "import", "new": new.model_dump(mode="json"), "bounds": self.bounds.model_dump()}
            return self._start(school_id, actor_id, work_id, new.name, "import", job)

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
        parent = self.version(school_id, reference)
        steps.check(plan, parent.columns)
        wanted = interface.NewDataSet(name=name or parent.name, purpose=purpose or parent.purpose)
        job = {
            "work": "prepare",
            "parent_id": parent.id,
            "purpose": wanted.purpose,
            "plan": plan.model_dump(mode="json"),
            "columns": [one.model_dump(mode="json") for one in parent.columns],
            "processes": os.cpu_count() or 1,
        }
        work_id = ids.new_id()
        with self._clean(work_id):
            self._folder(work_id).mkdir(parents=True, mode=0o700)
            return self._start(school_id, actor_id, work_id, wanted.name, "prepare", job)

    def work(self, school_id: str, work_id: str) -> interface.Work:
        """See DataSets.work."""
        with self._db.read() as conn:
            row = store.work(conn, school_id, work_id)
        if row is None:
            raise _unknown(work_id)
        return self._work(row)

    def works(self, school_id: str) -> list[interface.Work]:
        """The last fifty, newest first."""
        with self._db.read() as conn:
            rows = store.works(conn, school_id)
        return [self._work(row) for row in rows]

    def cancel(self, school_id: str, actor_id: str, work_id: str) -> interface.Work:
        """See DataSets.cancel."""
        found = self.work(school_id, work_id)

        def stop(uow: kernel_db.UnitOfWork) -> None:
            if store.move_work(uow, work_id, "cancelled"):
                self._record(uow, school_id, actor_id, "data_set.work_cancelled", work_id, name=found.name)

        if not found.ended:
            self._db.write(stop)
            self._supervision.stop(work_id)
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
        home = self._folder(work_id)
        with self._clean(work_id, always=True):
            home.mkdir(parents=True, mode=0o700)
            folder.write(home / folder.JOB, {"work": "export", "source": str(source)})
            made = self._supervision.run(work_id, home)
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
            held = (part.sha256 for part in found.parts.values())
            return [sha256 for sha256 in held if not store.shares_parts(uow.conn, sha256, but=found.id)]

        for sha256 in self._db.write(forget):
            (self._home / "parts" / f"{sha256}.parquet").unlink(missing_ok=True)
            remove = getattr(self._storage, "remove", None)  # a store that cannot forget keeps it, unreferenced
            if remove is not None:
                remove(sha256)

    def recover(self) -> int:
        """Take up what an earlier process left; returns how many. What another process is doing is left to it."""
        with self._db.read() as conn:
            rows = store.open_works(conn)
            self._sweep(conn)
        taken = [row for row in rows if self._is_abandoned(row.id)]
        for row in taken:
            self._queue(row.school_id, row.created_by, row.id, row.name, row.job)
        return len(taken)

    def close(self) -> None:
        """End the children."""
        self._supervision.close()

    def _start(
        self,
        school_id: str,
        actor_id: str,
        work_id: str,
        name: str,
        kind: Literal["import", "prepare"],
        job: Mapping[str, Any],  # Any: JSON
    ) -> interface.Work:
        said = {"name": name, "kind": kind, "job": dict(job)}
        self._db.write(lambda uow: store.add_work(uow, school_id, actor_id, work_id, said))
        self._queue(school_id, actor_id, work_id, name, job)
        return self.work(school_id, work_id)

    def _queue(self, school_id: str, actor_id: str, work_id: str, name: str, job: Mapping[str, Any]) -> None:
        self._supervision.start(work_id, lambda: self._do(school_id, actor_id, work_id, name, job))

    def _do(self, school_id: str, actor_id: str, work_id: str, name: str, job: Mapping[str, Any]) -> None:
        """A work from its turn to its end: one unit registers the version and ends the work, or neither."""
        home = self._folder(work_id)
        try:
            if not home.is_dir():  # done meanwhile by whoever held it
                return
            with self._held(home) as held:
                if not held:
                    return
                if not self._db.write(lambda uow: store.move_work(uow, work_id, "running")):
                    raise supervision.Cancelled  # before its turn came
                told = self._with_sources(school_id, job)
                folder.write(home / folder.JOB, told)
                result = self._supervision.run(work_id, home, self._key(school_id))
                with intake.told_when_full():
                    said = self._stored(school_id, job, result, home)
                self._db.write(lambda uow: self._register(uow, school_id, actor_id, work_id, name, said))
        except supervision.Cancelled:
            if self._supervision.closed:
                return  # the next process takes it up
        except errors.ShuyuanError as known:
            error = known.to_dict()
            self._db.write(lambda uow: store.move_work(uow, work_id, "failed", error=error))
        except BaseException as defect:
            _logger.error("work_failed", work_id=work_id, error=repr(defect))
            error = interface.BadData("the work failed", fix="the log of the server says why").to_dict()
            self._db.write(lambda uow: store.move_work(uow, work_id, "failed", error=error))
        supervision.remove(home)

    def _with_sources(self, school_id: str, job: Mapping[str, Any]) -> dict[str, Any]:
        if job["work"] != "prepare":
            return dict(job)
        parent = self.version_by_id(school_id, job["parent_id"])
        sources = [
            {"path": str(self.open_part(parent, part)), "part": part, "rows": parent.parts[part].rows}
            for part in interface.PARTS
            if part in parent.parts
        ]
        return {**job, "sources": sources}

    def _stored(self, school_id: str, job: Mapping[str, Any], result: folder.Json, home: Path) -> dict[str, Any]:
        """What becomes the row of a version; its files lie in the store."""
        parts = {}
        for part, made in result["parts"].items():
            path = Path(made["path"])
            sha256 = self._storage.put_file(path)
            parts[part] = {"sha256": sha256, "rows": made["rows"], "size_bytes": path.stat().st_size}
        schema = [[one["name"], one["kind"], one["role"]] for one in result["columns"]]
        held = {part: told["sha256"] for part, told in parts.items()}
        said = {
            "sha256": hashlib.sha256(json.dumps([schema, held], sort_keys=True).encode()).hexdigest(),
            "rows": sum(told["rows"] for told in parts.values()),
            "parts": parts,
            **{name: result[name] for name in ("columns", "findings", "preview")},
        }
        if job["work"] == "import":
            new, source = job["new"], _digest(home / folder.INPUT)
            told = {name: new[name] for name in ("purpose", "consent", "personal")}
            return {**said, **told, "plan": {}, "parent_id": None, "source": f"{new['filename']} sha256:{source}"[:400]}
        parent = self.version_by_id(school_id, job["parent_id"])
        told = {"purpose": job["purpose"], "consent": parent.consent, "personal": parent.personal}
        return {**said, **told, "plan": job["plan"], "parent_id": parent.id, "source": parent.uri}

    def _register(
        self, uow: kernel_db.UnitOfWork, school_id: str, actor_id: str, work_id: str, name: str, said: Mapping[str, Any]
    ) -> None:
        parent_id = said["parent_id"]
        if parent_id is not None and store.version_by_id(uow.conn, school_id, parent_id) is None:
            raise _unknown(str(said["source"]))
        version, added = store.add_version(uow, school_id, actor_id, name, said)
        if not store.move_work(uow, work_id, "finished", version=version.uri):
            raise supervision.Cancelled  # undone with the unit
        if added:
            action = "data_set.imported" if parent_id is None else "data_set.prepared"
            told = {"number": version.number, "rows": version.rows}
            self._record(uow, school_id, actor_id, action, version.id, name=name, sha256=version.sha256, **told)

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

    def _work(self, row: Row[Any]) -> interface.Work:  # Any: its columns
        progress = (folder.read(self._folder(row.id) / folder.PROGRESS) or {}) if row.state == "running" else {}
        facts = {name: row._mapping[name] for name in ("id", "school_id", "name", "kind", "state", "error", "version")}
        return interface.Work.model_validate({**facts, "created_at": row.created_at, **progress})

    def _folder(self, work_id: str) -> Path:
        return self._home / "works" / work_id

    def _key(self, school_id: str) -> str:
        """Of pseudonyms: the same in every import of a school, another in another school."""
        return self._vault.keyed_hash("datasets.pseudonyms", school_id)

    def _sweep(self, conn: Connection) -> None:
        """Remove folders whose work has ended, and those that never became a work."""
        for home in (self._home / "works").glob("*"):
            old = time.time() - home.stat().st_mtime > _FORGOTTEN_S
            if store.has_ended(conn, home.name) or (old and not store.is_work(conn, home.name)):
                supervision.remove(home)

    def _is_abandoned(self, work_id: str) -> bool:
        home = self._folder(work_id)
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._held(home) as held:
            return held

    @contextlib.contextmanager
    def _held(self, home: Path) -> Iterator[bool]:
        """Whether nobody else does this work; nobody will while the context lasts."""
        with (home / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    @contextlib.contextmanager
    def _clean(self, work_id: str, *, always: bool = False) -> Iterator[None]:
        """The folder goes with whatever goes wrong."""
        try:
            yield
        except BaseException:
            supervision.remove(self._folder(work_id))
            raise
        if always:
            supervision.remove(self._folder(work_id))


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of `path` once it is whole."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as partial:
        try:
            yield partial
            partial.flush()
            os.fsync(partial.fileno())
        except BaseException:
            Path(partial.name).unlink()
            raise
    Path(partial.name).replace(path)


def _is(path: Path, sha256: str) -> bool:
    return path.is_file() and _digest(path) == sha256


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _unknown(reference: str) -> interface.UnknownDataSet:
    return interface.UnknownDataSet(
        f"there is no data set {reference[:120]!r}", fix="list what there is: /api/datasets"
    )
