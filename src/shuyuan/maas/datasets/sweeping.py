"""Folders that hold rows of data sets and whose owner is gone: comparisons of the lab, folds of a cross-validation.

Both are made outside this room and lie in the home. What somebody still works in is left: they hold a lock, or write.
"""

import contextlib
import fcntl
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

KEPT_S = 86_400.0  # a folder of folds that nobody wrote to for so long has nobody any more
_LOCK, _ABOUT = "lock", "about.json"
IsThere = Callable[[str, str], bool]


def sweep(home: Path, is_there: IsThere) -> int:
    """Remove them; returns how many. is_there(school id, `data:/name/3`): whether the rows are still kept."""
    gone = [place for place in _labs(home / "labs", is_there) if not _is_held(place)]
    gone += [place for place in (home / "evaluations").glob("cv-*") if _is_left(place) and not _is_held(place)]
    for place in gone:
        shutil.rmtree(place, ignore_errors=True)
    return len(gone)


def _labs(labs: Path, is_there: IsThere) -> Iterator[Path]:
    """Comparisons of versions that are gone, and folders that never became a comparison."""
    for place in labs.glob("*/*"):
        try:
            data = str(json.loads((place / _ABOUT).read_bytes())["data"])
        except (OSError, ValueError, KeyError):
            if _is_left(place):
                yield place
            continue
        if not is_there(place.parent.name, data):
            yield place


def _is_left(place: Path) -> bool:
    with contextlib.suppress(OSError):
        newest = max(path.stat().st_mtime for path in (place, *place.rglob("*")))
        return time.time() - newest > KEPT_S
    return False


def _is_held(place: Path) -> bool:
    """Whether a process holds the lock of the folder; one without a lock is nobody's."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), (place / _LOCK).open("rb+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
