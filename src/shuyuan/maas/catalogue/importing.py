"""A model file that a school brings: received on disk block by block, never whole in memory, then deleted again."""

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO

from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface

_BLOCK_BYTES = 1 << 20
_SPARE_BYTES = 200 << 20  # left free for everything else


class Incoming:
    """A file being received. Leaves nothing behind unless it is used inside the `with`."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=folder, prefix="incoming-")
        self.path, self._out, self._max_bytes = Path(name), os.fdopen(descriptor, "wb"), max_bytes

    def add(self, block: bytes) -> None:
        """Append. Raises TooLarge, NoSpace."""
        check_size(self._out.tell() + len(block), self._max_bytes)
        if shutil.disk_usage(self.path.parent).free < _SPARE_BYTES + len(block):
            raise interface.NoSpace("the disk cannot hold the file", fix="free some space, or use a larger disk")
        self._out.write(block)

    def __enter__(self) -> "Incoming":
        return self

    def __exit__(self, *_: object) -> None:
        self._out.close()
        self.path.unlink(missing_ok=True)

    def whole(self) -> Path:
        """The path, once everything is written."""
        self._out.flush()
        return self.path


@contextlib.contextmanager
def on_disk(source: Path | IO[bytes], folder: Path, max_bytes: int) -> Iterator[Path]:
    """The file to examine: `source` itself, or what a stream held, which is deleted again afterwards."""
    if isinstance(source, Path):
        if not source.is_file():
            raise interface.RefusedFile(f"{source} is not a file", fix="give the path of one model file")
        check_size(source.stat().st_size, max_bytes)
        yield source
        return
    with Incoming(folder, max_bytes) as incoming:
        while block := source.read(_BLOCK_BYTES):
            incoming.add(block)
        yield incoming.whole()


@contextlib.asynccontextmanager
async def received(stream: AsyncIterator[bytes], folder: Path, max_bytes: int) -> AsyncIterator[Path]:
    """`on_disk` for the body of a request; blocks are gathered so that the loop seldom waits for a thread."""
    with Incoming(folder, max_bytes) as incoming:
        gathered = bytearray()
        async for block in stream:
            gathered += block
            if len(gathered) >= _BLOCK_BYTES:
                await asyncio.to_thread(incoming.add, bytes(gathered))
                gathered.clear()
        await asyncio.to_thread(incoming.add, bytes(gathered))
        yield incoming.whole()


def check_size(size_bytes: int, max_bytes: int) -> None:
    """Raise TooLarge over the cap."""
    if size_bytes > max_bytes:
        raise errors.TooLarge(
            f"the model file has more than {max_bytes} bytes", fix="send a smaller file, or raise max_model_bytes"
        )
