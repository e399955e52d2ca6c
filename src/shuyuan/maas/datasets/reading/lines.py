"""Text as it came, made plain: unpacked, UTF-8 without mark, no line over the cap. Read in blocks, refused at the first
block that is too much: a line of 10 GB costs as much memory as the cap."""

import codecs
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from shuyuan.maas.datasets import interface
from shuyuan.maas.datasets.bounds import Bounds

BLOCK_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"
_PROBE_BYTES = 1 << 18


class LineGuard:
    """Counts what goes by. Raises LineTooLong as soon as a line has grown over the cap."""

    def __init__(self, max_line_bytes: int) -> None:
        self._max, self._open_bytes, self.line = max_line_bytes, 0, 1

    def see(self, block: bytes) -> None:
        """One block, in order."""
        at, length = block.rfind(b"\n"), len(block)
        if at < 0:
            self._open_bytes += length
        else:
            first = block.find(b"\n")
            self._check(self._open_bytes + first)
            if length > self._max:  # a block may hold a whole line over the cap
                for line in block[first + 1 : at].split(b"\n"):
                    self._check(len(line))
            self._open_bytes = length - at - 1
            self.line += block.count(b"\n")
        self._check(self._open_bytes)

    def _check(self, length: int) -> None:
        if length > self._max:
            raise interface.LineTooLong(
                f"line {self.line} has more than {self._max:,} bytes", fix="check that lines end with a newline"
            )


def plain(path: Path, target: Path, bounds: Bounds, encoding: str | None = None, *, lines: bool = True) -> str:
    """Write `path` to `target` as plain UTF-8; return the encoding it had. Raises BadData, LineTooLong, EmptyData.

    lines: whether lines have a cap at all (a JSON array may be one line).
    """
    found = encoding or guess(path, bounds)
    decoder = codecs.getincrementaldecoder("utf-8-sig" if found == "utf-8" else found)()
    guard, written = LineGuard(bounds.max_line_bytes), 0
    with target.open("wb") as out:
        for block in blocks(path, bounds):
            if lines:
                guard.see(block)
            text = _decoded(decoder, block, found, guard.line)
            written += out.write(text.encode())
        written += out.write(_decoded(decoder, b"", found, guard.line, final=True).encode())
    if not written:
        raise interface.EmptyData("the file is empty", fix="send a file with rows")
    return found


def blocks(path: Path, bounds: Bounds) -> Iterator[bytes]:
    """The bytes in blocks, unpacked where they are gzipped. Raises HostileArchive, BadData."""
    with path.open("rb") as raw:
        packed = raw.read(2) == _GZIP
        raw.seek(0)
        if not packed:
            yield from iter(lambda: raw.read(BLOCK_BYTES), b"")
            return
        with gzip.open(raw) as unpacked:
            yield from _bounded(unpacked, path.stat().st_size, bounds)


def guess(path: Path, bounds: Bounds) -> str:
    """utf-8 or gb18030, by what decodes. Raises BadData for neither (UTF-16, or no text at all)."""
    decoders = {name: codecs.getincrementaldecoder(name)() for name in ("utf-8", "gb18030")}
    seen = 0
    for block in blocks(path, bounds):
        if not seen and (block[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in block[:_PROBE_BYTES]):
            raise interface.BadData("the file is UTF-16, or no text", fix="save it as UTF-8")
        for name in list(decoders):
            try:
                decoders[name].decode(block)
            except UnicodeDecodeError:
                del decoders[name]
        seen += len(block)
        if not decoders or seen > 64 * BLOCK_BYTES:
            break
    if not decoders:
        raise interface.BadData("the file is neither UTF-8 nor GB18030", fix="save it as UTF-8")
    return next(iter(decoders))


def _bounded(source: gzip.GzipFile, packed_bytes: int, bounds: Bounds) -> Iterator[bytes]:
    unpacked = 0
    try:
        while block := source.read(BLOCK_BYTES):
            unpacked += len(block)
            if unpacked > bounds.max_bytes:
                raise interface.HostileArchive(
                    f"the file unpacks to more than {bounds.max_bytes:,} bytes", fix="send a smaller file"
                )
            yield block
    except (OSError, EOFError, zlib.error) as broken:
        raise interface.BadData(f"the gzip file does not unpack: {broken}", fix="pack it again") from broken


def _decoded(decoder: codecs.IncrementalDecoder, block: bytes, encoding: str, line: int, *, final: bool = False) -> str:
    try:
        return decoder.decode(block, final)
    except UnicodeDecodeError as wrong:
        raise interface.BadData(
            f"near line {line} there are bytes that are not {encoding}", fix="save the file as UTF-8"
        ) from wrong
