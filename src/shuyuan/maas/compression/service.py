"""The verbs of compression: queue, work one after the other in a child process, register the child, cancel.

Whether a process still works on one is told by a lock it holds: that falls with the process, its number is given again.
"""

import contextlib
import fcntl
import os
import queue
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors, log
from shuyuan.kernel import settings as kernel_settings
from shuyuan.kernel import storage as kernel_storage
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.compression import interface, methods, store, supervision, writing
from shuyuan.maas.datasets import interface as datasets_api

_MOST_WAITING = 50  # of one school
_LOOK_EVERY_S = 0.1
_THREADS = 1  # cores are for serving
_READ_PARTS: tuple[datasets_api.Part, ...] = ("train", "validation")
_logger = log.get("maas.compression")


class CompressionService:
    """Implements `interface.Compressing`. One at a time, on a thread of its own that starts with the first."""

    def __init__(
        self,
        db: kernel_db.Database,
        storage: kernel_storage.Storage,
        audit: kernel_audit.Audit,
        settings: kernel_settings.Settings,
        catalogue: catalogue_api.Catalogue,
        datasets: datasets_api.DataSets,
    ) -> None:
        self._db, self._storage, self._audit = db, storage, audit
        self._catalogue, self._datasets = catalogue, datasets
        self._folders = settings.home / "compressions"
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._stops: dict[str, threading.Event] = {}
        self._closed = threading.Event()

    def methods(self) -> list[interface.MethodInfo]:
        """See Compressing.methods."""
        return [methods.method_of(name).info() for name in methods.METHODS]

    def start(self, principal: Principal, new: interface.NewCompression) -> interface.Compression:
        """See Compressing.start."""
        principal.require("admin", "developer")
        return self.start_for(principal.school_id, principal.account_id, new)

    def start_for(self, school_id: str, actor_id: str, new: interface.NewCompression) -> interface.Compression:
        """See Compressing.start_for."""
        config = methods.config_of(new.method, new.config)
        if "data" in methods.method_of(new.method).NEEDS and new.data is None:
            raise interface.DataNeeded(
                f"{new.method} calibrates or learns on examples", fix="name a data set: data:/name/3"
            )
        parent = self._catalogue.resolve(school_id, new.version)
        if parent.runner not in ("onnx", "torch"):
            raise interface.CannotCompress(
                f"{parent.uri} is run by {parent.runner!r}; only ONNX graphs and our own nets are compressed",
                fix="choose a version of runner onnx or torch",
            )
        data = self._trainable(school_id, new.data)

        def work(uow: kernel_db.UnitOfWork) -> interface.Compression:
            if (count := store.waiting(uow.conn, school_id)) >= _MOST_WAITING:
                raise errors.RateLimited(
                    f"{count} compressions wait", fix="wait until some are done", retry_after_s=60.0
                )
            added = store.add(
                uow,
                school_id,
                method=new.method,
                config=config.model_dump(mode="json"),
                parent_id=parent.id,
                parent=parent.uri,
                data=data.uri if data else None,
                data_sha256=data.sha256 if data else None,
                seed=new.seed,
                created_by=actor_id,
            )
            self._record(uow, added, "compression.started", actor_id, method=added.method)
            return added

        added = self._db.write(work)
        self._enqueue(added.id)
        return added

    def compression(self, school_id: str, compression_id: str) -> interface.Compression:
        """See Compressing.compression."""
        with self._db.read() as conn:
            found = store.one(conn, school_id, compression_id)
        if found is None:
            raise errors.NotFound(f"there is no compression {compression_id[:40]!r}", fix="see /api/compressions")
        told = writing.read(self._files(found.id).progress) if found.state == "running" else None
        return found.model_copy(update=told) if told else found

    def compressions(
        self, school_id: str, *, parent: str | None = None, limit: int = 100
    ) -> list[interface.Compression]:
        """See Compressing.compressions."""
        with self._db.read() as conn:
            return store.newest_first(conn, school_id, parent, limit)

    def cancel(self, school_id: str, actor_id: str, compression_id: str) -> interface.Compression:
        """See Compressing.cancel."""
        found = self.compression(school_id, compression_id)

        def work(uow: kernel_db.UnitOfWork) -> interface.Compression:
            ended = store.cancel(uow, school_id, compression_id)
            if ended is None:
                raise errors.Conflict(f"compression {found.number} has ended already", fix="nothing is left to stop")
            self._record(uow, ended, "compression.cancelled", actor_id)
            return ended

        ended = self._db.write(work)
        with self._lock:
            if stop := self._stops.get(compression_id):
                stop.set()
        return ended

    def wait(
        self,
        school_id: str,
        compression_id: str,
        *,
        timeout_s: float = 3600.0,
        on_change: interface.OnChange | None = None,
    ) -> interface.Compression:
        """See Compressing.wait."""
        end, before = time.monotonic() + timeout_s, None
        while not (now := self.compression(school_id, compression_id)).ended or self._is_in_work(compression_id):
            if on_change is not None and now != before:
                on_change(now)
            before = now
            if time.monotonic() > end:
                raise errors.Unavailable(f"compression {now.number} is still {now.state}", fix="ask again later")
            time.sleep(_LOOK_EVERY_S)
        return now

    def resume(self) -> int:
        """After a start: take up what an earlier process left; how many. What a living process works on is its own."""
        with self._db.read() as conn:
            found = store.left(conn)
        taken = 0
        for one, worker in found:
            if worker is not None and _is_held(self._lock_of(one.id)):
                continue
            if one.state == "running" and not self._db.write(lambda uow, o=one, w=worker: store.requeue(uow, o.id, w)):  # type: ignore[misc]  # mypy cannot see through defaults
                continue
            self._enqueue(one.id)
            taken += 1
        return taken

    def close(self) -> None:
        """End the child in work; it is begun again by the next process."""
        self._closed.set()
        with self._lock:
            for stop in self._stops.values():
                stop.set()
            thread = self._thread
        self._queue.put(None)
        if thread is not None:
            thread.join()

    def _is_in_work(self, compression_id: str) -> bool:
        """Its row may have ended while this process still clears up behind it."""
        with self._lock:
            return compression_id in self._stops

    def _trainable(self, school_id: str, reference: str | None) -> datasets_api.DataSetVersion | None:
        if reference is None:
            return None
        data = self._datasets.version(school_id, reference)
        self._datasets.require_trainable(data)
        return data

    def _enqueue(self, compression_id: str) -> None:
        with self._lock:
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._work, name="shuyuan-compression", daemon=True)
                self._thread.start()
        self._queue.put(compression_id)

    def _work(self) -> None:
        while (compression_id := self._queue.get()) is not None and not self._closed.is_set():
            try:
                self._one(compression_id)
            except Exception as failure:  # the thread must live; the row says what happened where it could be written
                _logger.error("compression_failed", compression=compression_id, error=repr(failure))

    def _one(self, compression_id: str) -> None:
        stop = threading.Event()
        with self._lock:
            self._stops[compression_id] = stop
        try:
            with in_hand(self._lock_of(compression_id)):
                taken = self._db.write(lambda uow: store.begin(uow, compression_id, os.getpid()))
                if taken is not None:
                    self._do(taken, stop)
        finally:
            with self._lock:
                del self._stops[compression_id]

    def _do(self, taken: interface.Compression, stop: threading.Event) -> None:
        began, files = time.monotonic(), self._files(taken.id)
        try:
            self._prepare(taken, files)
            result = supervision.run(files, files.MODULE, stop, threads=_THREADS)
            self._register(taken, files, result, time.monotonic() - began)
        except supervision.Stopped:
            if self._closed.is_set():  # not cancelled: the next process begins it again
                self._db.write(lambda uow: store.requeue(uow, taken.id, os.getpid()))
        except errors.ShuyuanError as refused:
            self._fail(taken, refused, time.monotonic() - began)
        except Exception as broken:
            self._fail(
                taken, errors.ShuyuanError(f"it broke: {broken!r}"[:400], code="broken"), time.monotonic() - began
            )
            raise
        finally:
            shutil.rmtree(files.path, ignore_errors=True)  # copies of models and data sets do not stay

    def _prepare(self, taken: interface.Compression, files: interface.Folder) -> None:
        shutil.rmtree(files.path, ignore_errors=True)
        files.path.mkdir(parents=True, mode=0o700)
        model = self._catalogue.locate(taken.parent, taken.school_id)
        paths: dict[str, str] = {}
        if (data := self._trainable(taken.school_id, taken.data)) is not None:  # it may have waited for long
            paths = {part: str(self._datasets.open_part(data, part)) for part in _READ_PARTS if part in data.parts}
        job = {
            "method": taken.method,
            "config": dict(taken.config),
            "model": str(model.path),
            "runner": model.runner,
            "spec": dict(model.spec),
            "data": paths,
            "seed": taken.seed,
            "threads": _THREADS,
        }
        writing.whole(files.job, job)

    def _register(
        self, taken: interface.Compression, files: interface.Folder, result: Mapping[str, Any], seconds: float
    ) -> None:
        """Store the child's file, then version and row in one unit: a crash between leaves an unnamed file at most."""
        parent = self._catalogue.resolve(taken.school_id, taken.parent)
        path = files.path / str(result["file"])
        sha256 = self._storage.put_file(path)
        version = catalogue_api.NewVersion(
            model=parent.model,
            runner=result["runner"],
            artefact_sha256=sha256,
            size_bytes=path.stat().st_size,
            card=_card(parent, taken.method),
            figures=result["figures"],
            lineage=_lineage(taken),
            tasks=parent.tasks,
            context_tokens=parent.context_tokens,
            parent_id=parent.id,
            spec=result["spec"],
        )
        shown = {name: result[name] for name in ("table", "notes", "layers")}

        def work(uow: kernel_db.UnitOfWork) -> None:
            child = self._catalogue.register_version(
                uow, school_id=taken.school_id, actor_id=taken.created_by, version=version
            )
            ended = store.end(uow, taken.id, "finished", seconds, child_id=child.id, child=child.uri, result=shown)
            if ended is None:
                raise supervision.Stopped  # cancelled just now: the unit is undone, no version is left behind
            self._record(uow, ended, "compression.finished", taken.created_by, version_number=child.number)

        self._db.write(work)
        if taken.data is not None:
            child = self.compression(taken.school_id, taken.id).child
            self._datasets.note_use(self._datasets.version(taken.school_id, taken.data), str(child))

    def _fail(self, taken: interface.Compression, error: errors.ShuyuanError, seconds: float) -> None:
        def work(uow: kernel_db.UnitOfWork) -> None:
            if ended := store.end(uow, taken.id, "failed", seconds, error=error.to_dict()):
                self._record(uow, ended, "compression.failed", taken.created_by, code=error.error_code)

        self._db.write(work)

    def _record(
        self, uow: kernel_db.UnitOfWork, one: interface.Compression, action: str, actor_id: str, **detail: str | int
    ) -> None:
        self._audit.record(
            uow,
            school_id=one.school_id,
            actor_id=actor_id,
            action=action,
            object_id=one.id,
            number=one.number,
            **detail,
        )

    def _files(self, compression_id: str) -> interface.Folder:
        return interface.Folder(Path(self._folders / compression_id))

    def _lock_of(self, compression_id: str) -> Path:
        return self._folders / f"{compression_id}.lock"


def _lineage(taken: interface.Compression) -> dict[str, str]:
    told = {"parent": taken.parent, "compression": taken.id, "method": taken.method, "seed": str(taken.seed)}
    if taken.data is not None:
        told |= {"data": taken.data, "data_sha256": str(taken.data_sha256)}
    return told


def _card(parent: catalogue_api.Version, method: str) -> catalogue_api.LocalText:
    title = methods.method_of(method).TITLE
    return catalogue_api.LocalText(
        zh=f"{parent.card.zh}（压缩：{title['zh']}，来自 {parent.uri}）"[:4000],
        en=f"{parent.card.en} (compressed: {title['en']}, from {parent.uri})"[:4000],
    )


@contextlib.contextmanager
def in_hand(lock: Path) -> Iterator[None]:
    """Hold the lock of a compression: shared, so that whoever came too late to begin it does not wait here."""
    lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        try:
            yield
        finally:
            with contextlib.suppress(BlockingIOError):  # another process works on it: the file is needed
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                lock.unlink(missing_ok=True)


def _is_held(lock: Path) -> bool:
    """Whether a process, this one among them, has it in hand."""
    try:
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
