"""Zip archives of strangers: names and sizes are judged before a byte is unpacked, and counted again while it is."""

import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from shuyuan.maas.datasets import interface
from shuyuan.maas.datasets.bounds import Bounds

_SMALL_BYTES = 1 << 20  # below this a high ratio harms nobody


def members(path: Path, bounds: Bounds) -> Iterator[tuple[str, bytes]]:
    """Name and content of every file, one by one; nothing is written to disk. Raises HostileArchive, BadData."""
    try:
        with zipfile.ZipFile(path) as archive:
            listed = _judged(archive.infolist(), bounds)
            left = bounds.max_bytes
            for one in listed:
                content = _content(archive, one, min(bounds.max_member_bytes, left))
                left -= len(content)
                yield one.filename, content
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as broken:
        raise interface.BadData(
            f"the archive does not unpack: {broken}", fix="pack it again as a plain zip"
        ) from broken


def _judged(listed: list[zipfile.ZipInfo], bounds: Bounds) -> list[zipfile.ZipInfo]:
    if len(listed) > bounds.max_files:
        raise _hostile(f"it has {len(listed):,} members, at most {bounds.max_files:,} are read")
    for one in listed:
        _judge(one, bounds)
    total = sum(one.file_size for one in listed)
    if total > bounds.max_bytes:
        raise _hostile(f"it unpacks to {total:,} bytes, at most {bounds.max_bytes:,} are read")
    packed = sum(one.compress_size for one in listed)
    if total > _SMALL_BYTES and total > bounds.max_ratio * max(packed, 1):
        raise _hostile(f"it unpacks to {total // max(packed, 1):,} times its size")
    return [one for one in listed if not one.is_dir()]


def _judge(one: zipfile.ZipInfo, bounds: Bounds) -> None:
    name = one.filename
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in path.parts[0] or "\0" in name:
        raise _hostile(f"the member {name[:80]!r} reaches out of the archive")
    if stat.S_ISLNK(one.external_attr >> 16):
        raise _hostile(f"the member {name[:80]!r} is a link")
    if one.flag_bits & 1:
        raise interface.BadData(f"the member {name[:80]!r} is encrypted", fix="pack it without a password")
    if one.file_size > bounds.max_member_bytes:
        raise _hostile(f"the member {name[:80]!r} has {one.file_size:,} bytes, at most {bounds.max_member_bytes:,}")
    if one.file_size > _SMALL_BYTES and one.file_size > bounds.max_ratio * max(one.compress_size, 1):
        raise _hostile(
            f"the member {name[:80]!r} unpacks to {one.file_size // max(one.compress_size, 1):,} times its size"
        )


def _content(archive: zipfile.ZipFile, one: zipfile.ZipInfo, most_bytes: int) -> bytes:
    with archive.open(one) as source:
        content = source.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise _hostile(f"the member {one.filename[:80]!r} unpacks to more than it says")
    return content


def _hostile(said: str) -> interface.HostileArchive:
    return interface.HostileArchive(
        f"the archive is refused: {said}", fix="pack only the pictures, in folders by label"
    )
