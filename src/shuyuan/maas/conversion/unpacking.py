"""A zip that holds a model folder (Hugging Face, SavedModel), unpacked within bounds. Child process only."""

import shutil
import zipfile
from pathlib import Path, PurePosixPath

from shuyuan.maas.conversion import interface, recognising

_MOST_MEMBERS = 1000
_MOST_RATIO, _RATIO_FROM_BYTES = 100, 1 << 20  # weights hardly shrink: more than this is made to fill a disk
_SPARE_BYTES = 200 << 20  # left free for everything else
_LINK, _KIND = 0o120000, 0o170000  # of the mode that a zip keeps


def folder_of(source: Path, target: Path, most_bytes: int) -> Path:
    """The folder inside, once it is unpacked to `target`. Raises RefusedModel, before anything is written."""
    try:
        with zipfile.ZipFile(source) as archive:
            members = [
                one for one in archive.infolist() if not one.is_dir() and not recognising.is_by_the_way(one.filename)
            ]
            _check(source, members, most_bytes)
            _require_room(target.parent, sum(one.file_size for one in members))
            for one in members:
                _write(archive, one, target / one.filename)
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as wrong:
        raise _refused(source, f"it is damaged: {wrong}"[:200]) from wrong
    return _inner(target)


def _check(source: Path, members: list[zipfile.ZipInfo], most_bytes: int) -> None:
    if len(members) > _MOST_MEMBERS or len({one.filename for one in members}) < len(members):
        raise _refused(source, f"it holds {len(members)} files, or one name twice; {_MOST_MEMBERS} are allowed")
    for one in members:
        name = PurePosixPath(one.filename)
        if name.is_absolute() or ".." in name.parts or "\\" in one.filename or "\0" in one.filename:
            raise _refused(source, f"{one.filename[:80]!r} reaches out of it")
        if one.external_attr >> 16 & _KIND == _LINK:
            raise _refused(source, f"{one.filename[:80]!r} is a link")
        if one.flag_bits & 1:
            raise _refused(source, f"{one.filename[:80]!r} is locked with a password")
        if one.file_size > max(_RATIO_FROM_BYTES, _MOST_RATIO * one.compress_size):
            raise _refused(source, f"{one.filename[:80]!r} becomes {one.file_size:,} bytes of {one.compress_size:,}")
    if (total := sum(one.file_size for one in members)) > most_bytes:
        raise _refused(source, f"it becomes {total:,} bytes, at most {most_bytes:,} are taken")


def _require_room(place: Path, size_bytes: int) -> None:
    if (free := shutil.disk_usage(place).free) < size_bytes + _SPARE_BYTES:
        raise interface.NoRoom(f"{free:,} bytes are free, it becomes {size_bytes:,}", fix="free some space")


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with archive.open(member) as packed, path.open("xb") as out:  # never gives more than the size it declared
        shutil.copyfileobj(packed, out, 1 << 20)


def _inner(target: Path) -> Path:
    """The one folder that everything lies in, or the top."""
    inside = list(target.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else target


def _refused(source: Path, what: str) -> interface.RefusedModel:
    return interface.RefusedModel(f"{source.name} was not unpacked: {what}", fix="pack the model's own folder")
