"""Folders that are costly to make: made once for all processes of a run, and copied for whoever wants one of their own.

Whoever comes while another process still makes the folder waits for it. It goes with the run's temporary files.
"""

import atexit
import fcntl
import functools
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

SHARED = "SHUYUAN_TESTS_SHARED"  # set by pytest-xdist's processes: a folder of the run, which the run removes


def copied(make: Callable[[Path], None], to: Path) -> Path:
    """`to`, a copy of the folder that `make` fills. make: a function of a module; it is given a new folder."""
    name = f"{make.__module__}.{make.__qualname__}"
    made = _folder() / name
    with (_folder() / f"{name}.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not made.is_dir():
            half = Path(tempfile.mkdtemp(dir=_folder()))
            make(half)
            half.rename(made)
    return Path(shutil.copytree(made, to))


@functools.cache
def _folder() -> Path:
    if shared := os.environ.get(SHARED):
        Path(shared).mkdir(exist_ok=True)
        return Path(shared)
    own = Path(tempfile.mkdtemp(prefix="once-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    return own
