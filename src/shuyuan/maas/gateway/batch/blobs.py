"""Encrypted file contents beside the artefacts: pieces under a key of that file, readable from any place.

The key lies with the file's row, sealed for its owner: without the row, or without the owner, nothing opens.
Each piece is bound to its file and its number, so that none can be moved or left out unseen.
"""

import contextlib
import posixpath
import secrets
from collections.abc import Iterable, Iterator

import fsspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shuyuan.kernel import errors

KEY_BYTES, _NONCE_BYTES, _TAG_BYTES = 32, 12, 16
PIECE_BYTES = 64 << 10
_SEALED_BYTES = PIECE_BYTES + _NONCE_BYTES + _TAG_BYTES


class Blobs:
    """Contents under one fsspec URL, by file id."""

    def __init__(self, url: str) -> None:
        self._fs, root = fsspec.core.url_to_fs(url)
        self._root = posixpath.join(root, "files")

    def write(self, file_id: str, key: bytes, content: Iterable[bytes]) -> int:
        """Store the content whole or not at all; returns its size in bytes."""
        size, number, cipher = 0, 0, AESGCM(key)
        self._fs.makedirs(self._root, exist_ok=True)
        partial = self._path(file_id) + ".partial"
        try:
            with self._fs.open(partial, "wb") as out:
                for number, piece in enumerate(_pieces(content)):
                    nonce = secrets.token_bytes(_NONCE_BYTES)
                    out.write(nonce + cipher.encrypt(nonce, piece, f"{file_id}/{number}".encode()))
                    size += len(piece)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                self._fs.rm_file(partial)
            raise
        self._fs.mv(partial, self._path(file_id))
        return size

    def read(self, file_id: str, key: bytes, start: int, end: int) -> bytes:
        """The bytes from `start` up to `end`."""
        first = start // PIECE_BYTES
        found = b"".join(self._opened(file_id, key, first, (max(start, end - 1)) // PIECE_BYTES))
        return found[start - first * PIECE_BYTES : end - first * PIECE_BYTES]

    def stream(self, file_id: str, key: bytes, size_bytes: int) -> Iterator[bytes]:
        """The content, piece by piece."""
        for number in range(-(-size_bytes // PIECE_BYTES)):
            yield from self._opened(file_id, key, number, number)

    def remove(self, file_id: str) -> None:
        """Forget the content."""
        with contextlib.suppress(FileNotFoundError):
            self._fs.rm_file(self._path(file_id))

    def ids(self) -> list[str]:
        """Every file there is content of, half-written ones included."""
        if not self._fs.exists(self._root):
            return []
        return [posixpath.basename(path).split(".")[0] for path in self._fs.ls(self._root, detail=False)]

    def _opened(self, file_id: str, key: bytes, first: int, last: int) -> Iterator[bytes]:
        cipher = AESGCM(key)
        try:
            with self._fs.open(self._path(file_id), "rb") as source:
                source.seek(first * _SEALED_BYTES)
                for number in range(first, last + 1):
                    sealed = source.read(_SEALED_BYTES)
                    if not sealed:
                        raise errors.Conflict(f"the content of file {file_id} is cut off", fix="upload it again")
                    nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
                    yield cipher.decrypt(nonce, body, f"{file_id}/{number}".encode())
        except FileNotFoundError as absent:
            raise errors.NotFound(f"the content of file {file_id} is gone", fix="upload it again") from absent
        except InvalidTag as wrong:
            raise errors.Conflict(f"the content of file {file_id} is damaged", fix="upload it again") from wrong

    def _path(self, file_id: str) -> str:
        return posixpath.join(self._root, file_id)


def _pieces(content: Iterable[bytes]) -> Iterator[bytes]:
    held = bytearray()
    for part in content:
        held += part
        while len(held) >= PIECE_BYTES:
            yield bytes(held[:PIECE_BYTES])
            del held[:PIECE_BYTES]
    if held:
        yield bytes(held)
