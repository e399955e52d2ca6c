"""Content-addressed artefacts through fsspec: a file is found by the sha-256 of what it holds.

Local folder by default; any fsspec URL (an S3-compatible store, say) works the same. Written once, never
changed: equal content is stored once, and what is read is checked against its address.
"""

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import fsspec

from shuyuan.kernel import errors

_CHUNK_BYTES = 1 << 20


class HashMismatch(errors.ShuyuanError):
    """Stored bytes are not what their address says."""

    status, code = 500, "hash_mismatch"


class Storage:
    """Artefacts under one fsspec URL."""

    def __init__(self, url: str) -> None:
        self._fs, self._root = fsspec.core.url_to_fs(url)

    def put(self, source: IO[bytes] | bytes) -> str:
        """Store `source`; return its sha-256 (64 hex digits). Equal content is stored once."""
        with tempfile.TemporaryFile() as spool:
            digest = hashlib.sha256()
            for chunk in _chunks(source):
                digest.update(chunk)
                spool.write(chunk)
            address = digest.hexdigest()
            if not self._fs.exists(self._path(address)):
                spool.seek(0)
                self._write(address, spool)
        return address

    def put_file(self, path: Path) -> str:
        """`put` for a file that is on disk already: no second copy is spooled."""
        with path.open("rb") as source:
            address = hashlib.file_digest(source, "sha256").hexdigest()
            if not self.has(address):
                source.seek(0)
                self._write(address, source)
        return address

    def copy_to(self, address: str, target: IO[bytes]) -> None:
        """Write the bytes at `address` to `target`, block by block. Raises what `get` raises, once all is written."""
        if not self.has(address):
            raise _not_stored(address)
        digest = hashlib.sha256()
        with self._fs.open(self._path(address), "rb") as stored:
            for chunk in _chunks(stored):
                digest.update(chunk)
                target.write(chunk)
        if digest.hexdigest() != address:
            raise _damaged(address)

    def get(self, address: str) -> bytes:
        """The bytes at `address`. Raises NotFound, or HashMismatch if the store returned something else."""
        if not self.has(address):
            raise _not_stored(address)
        content: bytes = self._fs.cat_file(self._path(address))
        if hashlib.sha256(content).hexdigest() != address:
            raise _damaged(address)
        return content

    def has(self, address: str) -> bool:
        """Whether `address` is stored."""
        return bool(self._fs.exists(self._path(address)))

    def remove(self, address: str) -> None:
        """Forget what nothing refers to any more (the caller knows); nothing happens when it is not there.

        What a killed process had begun to write of it goes too.
        """
        for path in (self._path(address), _partial(self._path(address))):
            if self._fs.exists(path):
                self._fs.rm_file(path)

    def _path(self, address: str) -> str:
        if len(address) != 64 or not set(address) <= set("0123456789abcdef"):
            raise errors.BadInput(f"artefact address {address!r} is not a sha-256", fix="give 64 hex digits")
        return str(Path(self._root) / address[:2] / address)

    def _write(self, address: str, spool: IO[bytes]) -> None:
        final = self._path(address)
        partial = _partial(final)
        self._fs.makedirs(str(Path(final).parent), exist_ok=True)
        with self._fs.open(partial, "wb") as out:
            for chunk in _chunks(spool):
                out.write(chunk)
        self._fs.mv(partial, final)


def _partial(path: str) -> str:
    return f"{path}.partial"


def _chunks(source: IO[bytes] | bytes) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    while chunk := source.read(_CHUNK_BYTES):
        yield chunk


def _not_stored(address: str) -> errors.NotFound:
    return errors.NotFound(f"artefact {address} is not stored", fix="restore it from a backup")


def _damaged(address: str) -> HashMismatch:
    return HashMismatch(f"artefact {address} is damaged", fix="restore it from a backup")
