"""Compressions at work: one at a time, on a thread that starts with the first; taken up again by the next server.

Whether a process still works on one is told by a lock it holds: that falls with the process, its number is given again.
"""

import contextlib
import fcntl
import os
import queue
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from shuyuan.kernel import children, errors, log
from shuyuan.kernel import db as kernel_db
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.compression import interface, registering, store, writing
from shuyuan.maas.datasets import interface as datasets_api

_THREADS = 1  # cores are for serving
TIMED_S = 0.5  # how long parent and child are each asked, to tell how fast they are
_READ_PARTS: tuple[datasets_api.Part, ...] = ("train", "validation")
_logger = log.get("maas.compression")


class Works:
    """The compressions that this process does."""

    def __init__(
        self,
        db: kernel_db.Database,
        registry: registering.Registry,
        catalogue: catalogue_api.Catalogue,
        datasets: datasets_api.DataSets,
        folders: Path,
        home_id: str | None,
    ) -> None:
        """home_id: whose are taken up; None: all of the database's."""
        self._db, self._registry, self._home_id = db, registry, home_id
        self._catalogue, self._datasets, self._folders = catalogue, datasets, folders
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._stops: dict[str, threading.Event] = {}
        self._closed = threading.Event()

    def enqueue(self, compression_id: str) -> None:
        """Let it wait for its turn."""
        with self._lock:
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._work, name="shuyuan-compression", daemon=True)
                self._thread.start()
        self._queue.put(compression_id)

    def resume(self) -> int:
        """After a start: take up what an earlier process left; how many. What a living process works on is its own."""
        with self._db.read() as conn:
            found = store.left(conn, self._home_id)
        taken = 0
        for one, worker in found:
            if worker is not None and children.is_held(self.lock_of(one.id)):
                continue
            if one.state == "running" and not self._db.write(lambda uow, o=one, w=worker: store.requeue(uow, o.id, w)):  # type: ignore[misc]  # mypy cannot see through defaults
                continue
            self.enqueue(one.id)
            taken += 1
        return taken

    def stop(self, compression_id: str) -> None:
        """End its child, if it has one here."""
        with self._lock:
            if stop := self._stops.get(compression_id):
                stop.set()

    def has(self, compression_id: str) -> bool:
        """Whether this process works on it, or still clears up behind it."""
        with self._lock:
            return compression_id in self._stops

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

    def files(self, compression_id: str) -> interface.Folder:
        """Where it works."""
        return interface.Folder(self._folders / compression_id)

    def lock_of(self, compression_id: str) -> Path:
        """Held by the process that has it in hand."""
        return self._folders / f"{compression_id}.lock"

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
            with in_hand(self.lock_of(compression_id)):
                taken = self._db.write(lambda uow: store.begin(uow, compression_id, os.getpid()))
                if taken is not None:
                    self._do(taken, stop)
        finally:
            with self._lock:
                del self._stops[compression_id]

    def _do(self, taken: interface.Compression, stop: threading.Event) -> None:
        began, files = time.monotonic(), self.files(taken.id)
        try:
            self._prepare(taken, files)
            result = CHILDREN.run(files.path, threads=_THREADS, stopped=stop.is_set)
            self._registry.register(taken, files, result, time.monotonic() - began)
        except children.Stopped:
            if self._closed.is_set():  # not cancelled: the next process begins it again
                self._db.write(lambda uow: store.requeue(uow, taken.id, os.getpid()))
        except Exception as wrong:
            error = _told(wrong)
            self._registry.fail(taken, error, time.monotonic() - began)
            if error.error_code == "broken":
                raise
        finally:
            shutil.rmtree(files.path, ignore_errors=True)  # copies of models and data sets do not stay

    def _prepare(self, taken: interface.Compression, files: interface.Folder) -> None:
        shutil.rmtree(files.path, ignore_errors=True)
        files.path.mkdir(parents=True, mode=0o700)
        self._registry.require_agreed(taken.school_id, taken.parent)  # it may have waited for long
        model = self._catalogue.locate(taken.parent, taken.school_id)
        paths: dict[str, str] = {}
        if taken.data is not None:
            data = self._datasets.version(taken.school_id, taken.data)
            self._datasets.require_trainable(data)
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
            "timed_s": TIMED_S,
        }
        writing.whole(files.job, job)


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


def _told(wrong: Exception) -> errors.ShuyuanError:
    """As a person is told of it; what nobody foresaw is `broken`."""
    if isinstance(wrong, errors.ShuyuanError):
        return wrong
    if (known := children.trouble(wrong)) is not None:
        return _refused(known)
    return errors.ShuyuanError(f"it broke: {wrong!r}"[:400], code="broken")


def _refused(said: children.Json) -> errors.ShuyuanError:
    return errors.BadInput(str(said["message"]), fix=str(said["fix"]), code=str(said["code"]))


def _lost(folder: Path, code: int, words: str) -> errors.ShuyuanError:
    return interface.CompressionLost(
        f"the process ended with code {code}: {words or 'no word'}",
        fix="try again with more memory free, or a smaller model",
    )


CHILDREN = children.Supervisor(interface.Folder.MODULE, refused=_refused, lost=_lost)
