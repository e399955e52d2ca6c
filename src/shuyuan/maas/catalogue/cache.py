"""The folder of model files shared by every home of this machine, addressed by sha-256.

Layout: `<cache>/<sha256 of the primary file>/<filename>`, the entry's further files beside it, for each a
`verified.json` (size and mtime at the last check) and, while a pull runs, `partial`, `journal.json` and
`lock`. A file gets its name only after its hash agreed.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from shuyuan.maas.catalogue import interface

_BLOCK_BYTES = 1 << 20
_LOCK_POLL_S = 0.1


def default_dir() -> Path:
    """`$SHUYUAN_CACHE`, else `~/.cache/shuyuan/models`."""
    return Path(os.environ.get("SHUYUAN_CACHE") or "~/.cache/shuyuan/models").expanduser()


class Kept:
    """One file that must have one hash: checked when it comes, and again whenever it was touched.

    of: what people call the thing it belongs to, for the message.
    """

    def __init__(self, path: Path, sha256: str, *, of: str, stamp: Path | None = None) -> None:
        self.path, self.sha256, self._of = path, sha256, of
        self._stamp = stamp or path.with_name(f"{path.name}.verified.json")

    def is_verified(self) -> bool:
        """True when the file is here and is unchanged since its hash was checked; re-hashes if touched.

        Deletes the file and raises HashMismatch when its bytes have changed.
        """
        if not self.path.is_file():
            return False
        if self._stamp.is_file() and json.loads(self._stamp.read_text()) == _stamp_of(self.path):
            return True
        self._verify(self.path)
        self._write_stamp()
        return True

    def accept(self, partial: Path) -> Path:
        """Hash `partial`, then give it its final name in one step; on a difference delete both."""
        self._verify(partial)
        partial.replace(self.path)
        self._write_stamp()
        return self.path

    def discard(self) -> None:
        """Delete the file and the memory of its check."""
        self.path.unlink(missing_ok=True)
        self._stamp.unlink(missing_ok=True)

    def _verify(self, path: Path) -> None:
        found = sha256_of(path)
        if found == self.sha256:
            return
        path.unlink(missing_ok=True)
        self.discard()
        raise interface.HashMismatch(
            f"{self.path.name} of {self._of!r} has sha-256 {found[:12]}…, expected {self.sha256[:12]}…; "
            "it was deleted unopened",
            fix="pull it again; if this repeats, the source has been replaced: do not use it",
        )

    def _write_stamp(self) -> None:
        self._stamp.write_text(json.dumps(_stamp_of(self.path)))


class Slot:
    """The place of one entry in the cache."""

    def __init__(self, cache_dir: Path, entry: interface.Entry) -> None:
        self.entry = entry
        self.folder = cache_dir / entry.sha256
        self.path = self.folder / entry.filename
        self.partial = self.folder / "partial"
        self.journal = self.folder / "journal.json"
        self.primary = Kept(self.path, entry.sha256, of=entry.name, stamp=self.folder / "verified.json")
        self.also = tuple(Kept(self.folder / m.filename, m.sha256, of=entry.name) for m in entry.also)
        self._lock = self.folder / "lock"

    def is_verified(self) -> bool:
        """True when every file is here and unchanged. Raises HashMismatch for one whose bytes have changed."""
        return self.primary.is_verified() and all(kept.is_verified() for kept in self.also)

    def accept(self) -> Path:
        """Verify what was joined, then give it its final name. On a wrong hash nothing of it stays."""
        try:
            return self.primary.accept(self.partial)
        finally:
            self.journal.unlink(missing_ok=True)

    def discard_unfinished(self) -> None:
        """Delete what a pull has joined so far; files already verified stay."""
        self.partial.unlink(missing_ok=True)
        self.journal.unlink(missing_ok=True)

    def unfinished(self) -> interface.PullProgress | None:
        """What a pull that this process does not run has on disk; None when there is no part of one."""
        try:
            size_bytes = self.partial.stat().st_size
            with self._lock.open("r+") as handle:
                running = not _try_lock(handle.fileno())
        except FileNotFoundError:
            return None
        return interface.PullProgress(
            name=self.entry.name,
            stage="fetching" if running else "cancelled",
            bytes_done=size_bytes + sum(_size_of(kept.path) for kept in self.also),
            bytes_total=self.entry.total_bytes,
            error="" if running else "interrupted; pull again to resume",
        )

    @contextlib.contextmanager
    def locked(self, cancelled: threading.Event) -> Iterator[None]:
        """Hold this entry against other processes and threads. Raises PullCancelled while waiting."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._lock.open("w") as handle:
            while not _try_lock(handle.fileno()):
                if cancelled.wait(_LOCK_POLL_S):
                    raise interface.PullCancelled(f"the pull of {self.entry.name!r} was cancelled")
            yield


def sha256_of(path: Path) -> str:
    """Hexadecimal sha-256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _stamp_of(path: Path) -> dict[str, int]:
    found = path.stat()
    return {"size_bytes": found.st_size, "mtime_ns": found.st_mtime_ns, "inode": found.st_ino}


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
