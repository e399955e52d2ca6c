"""Parts of versions as local files: copied from the store once, verified against their address at every opening."""

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

from shuyuan.kernel import storage as kernel_storage
from shuyuan.maas.datasets import intake, interface

_LEFT_S = 86_400.0  # nothing is copied for so long


class Parts:
    """The files under one folder."""

    def __init__(self, storage: kernel_storage.Storage, home: Path) -> None:
        self._storage, self._home = storage, home

    def open(self, version: interface.DataSetVersion, part: interface.Part) -> Path:
        """See DataSets.open_part. Raises UnknownPart, and what the store raises for a damaged artefact."""
        if part not in version.parts:
            raise interface.UnknownPart(
                f"{version.uri} has no part {part!r}", fix=f"use one of: {', '.join(version.parts)}"
            )
        sha256 = version.parts[part].sha256
        path = self._home / f"{sha256}.parquet"
        if not (path.is_file() and digest(path) == sha256):
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with intake.told_when_full(), _replacing(path) as out:
                self._storage.copy_to(sha256, out)
        return path

    def forget(self, addresses: Iterable[str]) -> None:
        """Remove what no version holds any more."""
        for sha256 in addresses:
            (self._home / f"{sha256}.parquet").unlink(missing_ok=True)
            self._storage.remove(sha256)

    def sweep(self, is_held: Callable[[str], bool]) -> None:
        """Remove local copies of what no version holds, and what was left of copying when a process was killed."""
        for path in self._home.glob("*"):
            is_old = time.time() - path.stat().st_mtime > _LEFT_S
            if not is_held(path.stem) if path.suffix == ".parquet" else is_old:
                path.unlink(missing_ok=True)


def digest(path: Path) -> str:
    """sha-256 of a file."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


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
