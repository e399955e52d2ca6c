"""Files that people send: kept in a folder each, converted one at a time, told of for some days.

All of an import lies in its folder (`about.json`, and the file until it has ended), so that the next server of this
home goes on with it. A version is registered before the import is said to have ended; one that was registered by a
server that died right then is found again by its content.
"""

import contextlib
import re
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Literal

from shuyuan.kernel import children, clock, errors, ids, log
from shuyuan.maas.conversion import interface

MOST_WAITING = 20  # of one school
KEPT_S = 7 * 86_400.0
_SPARE_BYTES = 200 << 20  # left free for everything else
_BLOCK_BYTES = 1 << 20
_ABOUT, _WORK = "about.json", "work"
_logger = log.get("maas.conversion")
Bring = Callable[[interface.Import, Path, Path, Callable[[], bool]], interface.Import]


class Imports:
    """The imports of this home."""

    def __init__(self, root: Path, most_bytes: int, bring: Bring) -> None:
        """bring: what to do with a file and a folder to work in; gives the import with what came of it."""
        self._root, self._most_bytes, self._bring = root, most_bytes, bring
        self._line = ThreadPoolExecutor(1, thread_name_prefix="shuyuan-conversion")
        self._stopped: set[str] = set()
        self._noting = threading.Lock()
        self._closed = threading.Event()

    def start(
        self, school_id: str, actor_id: str, source: Path | IO[bytes], new: interface.NewImport
    ) -> interface.Import:
        """See Converting.start."""
        if (waiting := sum(not one.ended for one in self.listed(school_id))) >= MOST_WAITING:
            raise errors.RateLimited(f"{waiting} imports wait", fix="wait until some are done", retry_after_s=60.0)
        place = self._root / ids.new_id()
        place.mkdir(parents=True, mode=0o700)
        try:
            size_bytes = self._received(source, _file_of(place, new.filename))
        except BaseException as wrong:
            shutil.rmtree(place, ignore_errors=True)
            if children.trouble(wrong) is not None:
                raise interface.NoRoom("the disk is full", fix="free some space and send it again") from wrong
            raise
        started = interface.Import(
            id=place.name,
            school_id=school_id,
            asked=new,
            size_bytes=size_bytes,
            state="queued",
            created_by=actor_id,
            created_at=clock.now(),
        )
        self._note(started)
        self._queue(started)
        return started

    def one(self, school_id: str, import_id: str) -> interface.Import:
        """See Converting.one."""
        found = self._told(import_id) if import_id.isalnum() and import_id.isascii() else None
        if found is None or found.school_id != school_id:
            raise errors.NotFound(f"there is no import {import_id[:40]!r}", fix="see /api/conversions")
        if found.state == "running" and (said := children.read(self._root / import_id / _WORK / "progress.json")):
            return found.model_copy(update={"stage": said["stage"]})
        return found

    def listed(self, school_id: str) -> list[interface.Import]:
        """See Converting.imports."""
        found = [one for one in self._every() if one.school_id == school_id]
        return sorted(found, key=lambda one: (one.created_at, one.id), reverse=True)

    def cancel(self, school_id: str, import_id: str) -> interface.Import:
        """See Converting.cancel."""
        found = self.one(school_id, import_id)
        if found.ended:
            raise errors.Conflict(f"the import of {found.asked.filename} has ended", fix="nothing is left to stop")
        with self._noting:
            self._stopped.add(import_id)
        return self._ended(found, "cancelled")

    def resume(self) -> int:
        """After a start: go on with what an earlier server left; how many. What is old is forgotten."""
        self._sweep()
        left = [one for one in self._every() if not one.ended]
        for one in sorted(left, key=lambda one: one.created_at):
            self._queue(one)
        return len(left)

    def close(self) -> None:
        """End the child at work; the next server begins it again."""
        self._closed.set()
        self._line.shutdown(cancel_futures=True)

    def _queue(self, one: interface.Import) -> None:
        self._line.submit(self._do, one)

    def _do(self, one: interface.Import) -> None:
        place = self._root / one.id
        try:
            self._begin(one)
            shutil.rmtree(place / _WORK, ignore_errors=True)
            (place / _WORK).mkdir(mode=0o700)
            made = self._bring(
                one, _file_of(place, one.asked.filename), place / _WORK, lambda: self._is_stopped(one.id)
            )
            self._ended(made, "finished")
        except children.Stopped:
            if one.id in self._stopped:  # told so already; else the server ends and the next one goes on
                self._clear(one.id)
        except Exception as wrong:
            if one.id not in self._stopped:  # else its folder was cleared under the child
                self._ended(one.model_copy(update={"error": _error(wrong, one.id).to_dict()}), "failed")

    def _begin(self, one: interface.Import) -> None:
        """Note that it runs. Raises Stopped: what was cancelled stays so, and the next server begins what is left."""
        with self._noting:
            if self._is_stopped(one.id):
                raise children.Stopped
            self._note(one.model_copy(update={"state": "running"}))

    def _is_stopped(self, import_id: str) -> bool:
        return self._closed.is_set() or import_id in self._stopped

    def _ended(self, one: interface.Import, state: Literal["finished", "failed", "cancelled"]) -> interface.Import:
        """Note the end, and let the file go."""
        ended = one.model_copy(update={"state": state, "stage": "", "ended_at": clock.now()})
        self._note(ended)
        self._clear(one.id)
        return ended

    def _clear(self, import_id: str) -> None:
        """All but what is told of it."""
        for path in (self._root / import_id).iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)

    def _note(self, one: interface.Import) -> None:
        partial = self._root / one.id / f"{_ABOUT}.{threading.get_ident()}.partial"
        partial.write_text(one.model_dump_json(), "utf-8")
        partial.replace(self._root / one.id / _ABOUT)

    def _told(self, import_id: str) -> interface.Import | None:
        try:
            return interface.Import.model_validate_json((self._root / import_id / _ABOUT).read_bytes())
        except (OSError, ValueError):
            return None

    def _every(self) -> list[interface.Import]:
        return [told for path in self._root.glob(f"*/{_ABOUT}") if (told := self._told(path.parent.name))]

    def _received(self, source: Path | IO[bytes], target: Path) -> int:
        """Copy block by block; its size. Raises TooLarge, NoRoom."""
        target.parent.mkdir(mode=0o700)
        with contextlib.ExitStack() as held:
            given = held.enter_context(source.open("rb")) if isinstance(source, Path) else source
            out = held.enter_context(target.open("xb"))
            size_bytes = 0
            while block := given.read(_BLOCK_BYTES):
                size_bytes += len(block)
                if size_bytes > self._most_bytes:
                    raise errors.TooLarge(
                        f"the file has more than {self._most_bytes:,} bytes", fix="raise max_model_bytes"
                    )
                if shutil.disk_usage(target.parent).free < _SPARE_BYTES + len(block):
                    raise interface.NoRoom("the disk is nearly full", fix="free some space and send it again")
                out.write(block)
        return size_bytes

    def _sweep(self) -> None:
        """Forget what ended some days ago, and what never became an import."""
        for place in self._root.glob("*"):
            told = self._told(place.name)
            if (told is None or told.ended) and time.time() - place.stat().st_mtime > KEPT_S:
                shutil.rmtree(place, ignore_errors=True)
            elif told is not None and told.ended:
                self._clear(place.name)


def _file_of(place: Path, filename: str) -> Path:
    """Where the file lies, under its own name as far as that is harmless: its ending says what it is."""
    last = re.split(r"[/\\]", filename)[-1]
    return place / "file" / (re.sub(r"[^\w.-]", "_", last).lstrip(".")[-120:] or "model")


def _error(wrong: Exception, import_id: str) -> errors.ShuyuanError:
    if isinstance(wrong, errors.ShuyuanError):
        return wrong
    if (known := children.trouble(wrong)) is not None:
        return errors.BadInput(known["message"], fix=known["fix"], code=known["code"])
    _logger.error("import_failed", id=import_id, error=repr(wrong))
    return interface.ConversionLost(f"it broke: {type(wrong).__name__}", fix="the log of the server says more")
