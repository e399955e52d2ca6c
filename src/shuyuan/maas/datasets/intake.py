"""A file as it comes in: written to disk block by block, refused at the first block that is too much."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO

from shuyuan.kernel import errors
from shuyuan.maas.datasets import faults, interface
from shuyuan.maas.datasets.bounds import Bounds
from shuyuan.maas.datasets.reading import lines

_BLOCK_BYTES = 1 << 20
_SPARE_BYTES = 200 << 20  # left free for everything else
_TIMES = 3  # a work writes its rows once dressed, once as parts, and once into the store
_GZIP = b"\x1f\x8b"
_OF_LINES = ("csv", "jsonl")


class Intake:
    """One file being received at `path`. Raises TooLarge, NoSpace, LineTooLong as soon as it is known."""

    def __init__(self, path: Path, kind: interface.Format, bounds: Bounds) -> None:
        self.path, self._bounds = path, bounds
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._guard = lines.LineGuard(bounds.max_line_bytes) if kind in _OF_LINES else None
        self._size = 0
        self._out = path.open("xb")

    def add(self, block: bytes) -> None:
        """Append."""
        if not self._size and block[:2] == _GZIP:
            self._guard = None  # its lines are seen when it is unpacked
        self._size += len(block)
        if self._size > self._bounds.max_bytes:
            raise errors.TooLarge(
                f"the file has more than {self._bounds.max_bytes:,} bytes",
                fix="send a smaller file, or raise max_data_bytes",
            )
        if self._guard is not None:
            self._guard.see(block)
        if shutil.disk_usage(self.path.parent).free < _SPARE_BYTES + len(block):
            raise _no_space()
        with told_when_full():
            self._out.write(block)

    def __enter__(self) -> "Intake":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            with told_when_full():
                self._out.close()
            if kind is None and not self._size:
                raise interface.EmptyData("the file is empty", fix="send a file with rows")
        except BaseException:
            self.path.unlink(missing_ok=True)
            raise
        if kind is not None:
            self.path.unlink(missing_ok=True)


@contextlib.contextmanager
def told_when_full() -> Iterator[None]:
    """Raises NoSpace for a full disk."""
    try:
        yield
    except OSError as wrong:
        if faults.is_full(wrong):
            raise _no_space() from wrong
        raise


def take(source: Path | IO[bytes], path: Path, kind: interface.Format, bounds: Bounds) -> None:
    """A file or stream, copied to `path`."""
    with contextlib.ExitStack() as stack:
        if isinstance(source, Path):
            if not source.is_file():
                raise interface.BadData(f"{source} is not a file", fix="give the path of one file")
            stream: IO[bytes] = stack.enter_context(source.open("rb"))
        else:
            stream = source
        intake = stack.enter_context(Intake(path, kind, bounds))
        while block := stream.read(_BLOCK_BYTES):
            intake.add(block)


async def receive(stream: AsyncIterator[bytes], path: Path, kind: interface.Format, bounds: Bounds) -> None:
    """The body of a request; blocks are gathered so that the loop seldom waits for a thread."""
    with Intake(path, kind, bounds) as intake:
        gathered = bytearray()
        async for block in stream:
            gathered += block
            if len(gathered) >= _BLOCK_BYTES:
                await asyncio.to_thread(intake.add, bytes(gathered))
                gathered.clear()
        if gathered:
            await asyncio.to_thread(intake.add, bytes(gathered))


def require_space(folder: Path, size_bytes: int) -> None:
    """Before a work begins that reads so much: raises NoSpace unless as much again, and some more, is free."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free, needed = shutil.disk_usage(there).free, _TIMES * size_bytes + _SPARE_BYTES
    if free < needed:
        raise interface.NoSpace(
            f"{free >> 20:,} MB of disk are free, {needed >> 20:,} MB are needed", fix="free some space"
        )


def _no_space() -> interface.NoSpace:
    return interface.NoSpace("the disk cannot hold the file", fix="free some space, or use a larger disk")
