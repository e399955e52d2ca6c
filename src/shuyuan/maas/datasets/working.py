"""Works on data sets: started, watched, registered whole or not at all, taken up again by the next process.

A work is a row and a folder. Whoever does it holds a lock in the folder; the row says how it ended.
"""

import contextlib
import fcntl
import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Row

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import crypto, errors, log
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import storage as kernel_storage
from shuyuan.maas.datasets import consents, erasing, findings, folder, intake, interface, store, supervision
from shuyuan.maas.datasets import parts as datasets_parts
from shuyuan.science.features import pseudonyms

MOST_OPEN = 20  # works of a school that have not ended
_FORGOTTEN_S = 86_400.0  # a file that was being sent longer ago is not any more
_logger = log.get("datasets")


class Works:
    """The works of this process."""

    def __init__(
        self,
        db: kernel_db.Database,
        storage: kernel_storage.Storage,
        vault: crypto.Vault,
        audit: kernel_audit.Audit,
        parts: datasets_parts.Parts,
        agreed: consents.Consents,
        home: Path,
        home_id: str,
    ) -> None:
        """home_id: of the installation that does them: another one on the same database has not their folders."""
        self._home_id = home_id
        self._db, self._storage, self._vault, self._audit = db, storage, vault, audit
        self._parts, self._home = parts, home
        self._erasing = erasing.Erasing(audit, agreed)
        self.supervision = supervision.Supervision()

    def recover(self) -> int:
        """Take up what an earlier process left; returns how many. What another process is doing is left to it."""
        with self._db.read() as conn:
            rows = store.open_works(conn, None if self._db.dialect == "sqlite" else self._home_id)
            self._sweep(conn)
        taken = [row for row in rows if self._is_abandoned(row.id)]
        for row in taken:
            self._queue(row.school_id, row.created_by, row.id, row.name, row.job)
        return len(taken)

    def start(
        self,
        school_id: str,
        actor_id: str,
        work_id: str,
        name: str,
        kind: Literal["import", "prepare", "erase"],
        job: Mapping[str, Any],  # Any: JSON
    ) -> None:
        """Note a work and let it wait for its turn; what it needs lies in its folder."""
        said = {"name": name, "kind": kind, "job": dict(job), "home_id": self._home_id}

        def add(uow: kernel_db.UnitOfWork) -> None:
            if (there := store.count_open_works(uow.conn, school_id)) >= MOST_OPEN:
                raise interface.TooManyWorks(
                    f"{there} works of the school have not ended, at most {MOST_OPEN} may wait",
                    fix="cancel some, or wait until they are done",
                    retry_after_s=60.0,
                )
            store.add_work(uow, school_id, actor_id, work_id, said)

        intake.require_space(self._home, self._input_bytes(school_id, work_id, job))
        self._db.write(add)
        self._queue(school_id, actor_id, work_id, name, job)

    def _queue(self, school_id: str, actor_id: str, work_id: str, name: str, job: Mapping[str, Any]) -> None:
        self.supervision.start(work_id, lambda: self._do(school_id, actor_id, work_id, name, job))

    def _do(self, school_id: str, actor_id: str, work_id: str, name: str, job: Mapping[str, Any]) -> None:
        """A work from its turn to its end: one unit registers the version and ends the work, or neither."""
        home = self.home_of(work_id)
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
                result = self.supervision.run(work_id, home, self._key(school_id))
                with intake.told_when_full():
                    self._finish(school_id, actor_id, work_id, name, job, result, home)
        except (supervision.Cancelled, erasing.AlreadyEnded):
            if self.supervision.closed:
                return  # the next process takes it up
        except errors.ShuyuanError as known:
            error = known.to_dict()
            self._db.write(lambda uow: store.move_work(uow, work_id, "failed", error=error))
        except BaseException as defect:
            _logger.error("work_failed", work_id=work_id, error=repr(defect))
            error = interface.BadData("the work failed", fix="the log of the server says why").to_dict()
            self._db.write(lambda uow: store.move_work(uow, work_id, "failed", error=error))
        supervision.remove(home)

    def _finish(
        self,
        school_id: str,
        actor_id: str,
        work_id: str,
        name: str,
        job: Mapping[str, Any],
        result: folder.Json,
        home: Path,
    ) -> None:
        """What the child made becomes versions, in the unit that ends the work."""
        if job["work"] == "erase":
            made = erasing.stored(result, self._files)
            told = (school_id, actor_id, work_id, job, made)
            self._parts.forget(self._db.write(lambda uow: self._erasing.register(uow, *told)))
            return
        said = self._stored(school_id, job, result, home)
        self._db.write(lambda uow: self._register(uow, school_id, actor_id, work_id, name, said))
        for part, told in said["parts"].items():  # a purge of the same rows may have removed the file meanwhile
            if not self._storage.has(told["sha256"]):
                self._storage.put_file(Path(result["parts"][part]["path"]))

    def _parent(self, school_id: str, job: Mapping[str, Any]) -> interface.DataSetVersion:
        with self._db.read() as conn:
            found = store.version_by_id(conn, school_id, job["parent_id"])
        if found is None:
            raise interface.UnknownDataSet("the version to prepare is gone", fix="prepare another one")
        consents.require_rows(found)
        return found

    def _input_bytes(self, school_id: str, work_id: str, job: Mapping[str, Any]) -> int:
        """How much a work reads, bytes: what it makes is about as much."""
        if job["work"] == "import":
            return (self.home_of(work_id) / folder.INPUT).stat().st_size
        read = job["reads"] if job["work"] == "erase" else [job["parent_id"]]
        with self._db.read() as conn:
            versions = store.by_ids(conn, school_id, read)
        return sum(part.size_bytes for one in versions for part in one.parts.values())

    def _with_sources(self, school_id: str, job: Mapping[str, Any]) -> dict[str, Any]:
        if job["work"] == "erase":
            with self._db.read() as conn:
                versions = store.by_ids(conn, school_id, job["reads"])
            return {**job, "versions": erasing.sources(versions, self._parts)}
        if job["work"] != "prepare":
            return dict(job)
        parent = self._parent(school_id, job)
        sources = [
            {"path": str(self._parts.open(parent, part)), "part": part, "rows": parent.parts[part].rows}
            for part in interface.PARTS
            if part in parent.parts
        ]
        return {**job, "sources": sources, "unmarked": parent.created_at < pseudonyms.MARKED_SINCE}

    def _stored(self, school_id: str, job: Mapping[str, Any], result: folder.Json, home: Path) -> dict[str, Any]:
        """What becomes the row of a version; its files lie in the store."""
        said = self._files(result)
        if job["work"] == "import":
            new, source = job["new"], datasets_parts.digest(home / folder.INPUT)
            told = {name: new[name] for name in ("purpose", "consent", "personal")}
            told["basis"] = new.get("basis", "")
            return {**said, **told, "plan": {}, "parent_id": None, "source": f"{new['filename']} sha256:{source}"[:400]}
        parent = self._parent(school_id, job)
        return {**said, "purpose": job["purpose"], "plan": job["plan"], "parent_id": parent.id, "source": parent.uri}

    def _files(self, result: folder.Json) -> dict[str, Any]:  # Any: JSON
        """Parts put into the store, and what is told of them."""
        parts = {}
        for part, made in result["parts"].items():
            path = Path(made["path"])
            sha256 = self._storage.put_file(path)
            parts[part] = {"sha256": sha256, "rows": made["rows"], "size_bytes": path.stat().st_size}
        schema = [[one["name"], one["kind"], one["role"]] for one in result["columns"]]
        held = {part: told["sha256"] for part, told in parts.items()}
        return {
            "sha256": hashlib.sha256(json.dumps([schema, held], sort_keys=True).encode()).hexdigest(),
            "rows": sum(told["rows"] for told in parts.values()),
            "parts": parts,
            **{name: result[name] for name in ("columns", "findings", "preview")},
        }

    def _register(
        self, uow: kernel_db.UnitOfWork, school_id: str, actor_id: str, work_id: str, name: str, said: Mapping[str, Any]
    ) -> None:
        parent_id = said["parent_id"]
        if parent_id is not None:
            parent = store.version_by_id(uow.conn, school_id, parent_id)
            if parent is None:
                raise interface.UnknownDataSet(f"{said['source']} is gone", fix="prepare another version")
            consents.require_rows(parent)
            kept = {name: getattr(parent, name) for name in ("consent", "basis", "personal")}
            said = {**said, **kept}  # as they are at this moment
        tells = any(one["role"] == "person" for one in said["columns"])
        if tells and parent_id is not None and not said["personal"]:  # its rows are those of others
            store.set_personal(uow, school_id, [one.id for one in store.sharing(uow.conn, school_id, parent_id)])
        tells = tells or (parent_id is None and store.is_personal(uow.conn, school_id, _digests(said)))
        said = {**said, "personal": said["personal"] or tells}
        refused = parent_id is None and store.is_withdrawn(uow.conn, school_id, _digests(said))
        if refused:  # who took it back was asked about these rows, not about one file
            no = findings.found("consent", ("no_stands", {}), action="not taken").model_dump(mode="json")
            said = {**said, "personal": True, "consent": False, "findings": [*said["findings"], no]}
        version, added = store.add_version(uow, school_id, actor_id, name, said)
        if not store.move_work(uow, work_id, "finished", version=version.uri):
            raise supervision.Cancelled  # undone with the unit
        if added:
            action = "data_set.imported" if parent_id is None else "data_set.prepared"
            told: dict[str, str | int] = {"number": version.number, "rows": version.rows, "sha256": version.sha256}
            self._audit.record(
                uow, school_id=school_id, actor_id=actor_id, action=action, object_id=version.id, name=name, **told
            )
            if refused:
                self._audit.record(
                    uow,
                    school_id=school_id,
                    actor_id=actor_id,
                    action="data_set.consent_withdrawn",
                    object_id=version.id,
                    name=name,
                )

    def told(self, row: Row[Any]) -> interface.Work:  # Any: its columns
        """A work as others see it, with how far it is."""
        progress = (folder.read(self.home_of(row.id) / folder.PROGRESS) or {}) if row.state == "running" else {}
        facts = {name: row._mapping[name] for name in ("id", "school_id", "name", "kind", "state", "error", "version")}
        return interface.Work.model_validate({**facts, "created_at": row.created_at, **progress})

    def home_of(self, work_id: str) -> Path:
        """The folder of a work."""
        return self._home / work_id

    def _key(self, school_id: str) -> str:
        return erasing.key_of(self._vault, school_id)

    def _sweep(self, conn: Connection) -> None:
        """Remove folders whose work has ended, and those that never became a work."""
        for home in self._home.glob("*"):
            old = time.time() - home.stat().st_mtime > _FORGOTTEN_S
            if store.has_ended(conn, home.name) or (old and not store.is_work(conn, home.name)):
                supervision.remove(home)

    def _is_abandoned(self, work_id: str) -> bool:
        home = self.home_of(work_id)
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
    def clean(self, work_id: str, *, always: bool = False) -> Iterator[None]:
        """The folder goes with whatever goes wrong."""
        try:
            yield
        except BaseException:
            supervision.remove(self.home_of(work_id))
            raise
        if always:
            supervision.remove(self.home_of(work_id))


def _digests(said: Mapping[str, Any]) -> set[str]:  # Any: JSON
    """By which rows are known again: the file they came in, and the parts."""
    return {said["source"].rpartition("sha256:")[2]} | {part["sha256"] for part in said["parts"].values()}
