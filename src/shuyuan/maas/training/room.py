"""What is left of the machine before something large begins: disk under a folder, memory for one more process."""

import contextlib
import shutil
from pathlib import Path

from shuyuan.maas.training import interface

DISK_BYTES = 500 << 20  # a study and the checkpoints of a small net, with something left for everybody else
MEMORY_BYTES = 300 << 20  # a child that imports Optuna takes 150 MB
_MEMINFO = Path("/proc/meminfo")
_CONTAINER = Path("/sys/fs/cgroup")


def require(folder: Path) -> None:
    """Raise NoRoom, naming what is there and what is needed."""
    free = shutil.disk_usage(_existing(folder)).free
    if free < DISK_BYTES:
        raise interface.NoRoom(
            f"{_mib(free)} of disk are free, {_mib(DISK_BYTES)} are needed",
            fix="remove old runs or models, or lower runs_kept_days",
            retry_after_s=60,
        )
    left = memory_left()
    if left is not None and left < MEMORY_BYTES:
        raise interface.NoRoom(
            f"{_mib(left)} of memory are free, {_mib(MEMORY_BYTES)} are needed",
            fix="wait until a run has ended, or unload a model",
            retry_after_s=60,
        )


def memory_left() -> int | None:
    """Bytes that a new process may take; the container's if those are fewer; None where nobody tells."""
    told = [found for found in (_of_machine(), _of_container()) if found is not None]
    return min(told, default=None)


def _of_machine() -> int | None:
    with contextlib.suppress(OSError):
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    return None


def _of_container() -> int | None:
    with contextlib.suppress(OSError, ValueError):  # "max" is no number: no limit
        return int((_CONTAINER / "memory.max").read_text()) - int((_CONTAINER / "memory.current").read_text())
    return None


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / (1 << 20):,.0f} MB"
