"""What is left of the machine before something large begins: disk under a folder, memory for one more process."""

import shutil
from pathlib import Path

from shuyuan.kernel import memory
from shuyuan.maas.training import interface

DISK_BYTES = 500 << 20  # a study and the checkpoints of a small net, with something left for everybody else
MEMORY_BYTES = 300 << 20  # a child that imports Optuna takes 150 MB


def require(folder: Path) -> None:
    """Raise NoRoom, naming what is there and what is needed."""
    free = shutil.disk_usage(_existing(folder)).free
    if free < DISK_BYTES:
        raise interface.NoRoom(
            f"{_mib(free)} of disk are free, {_mib(DISK_BYTES)} are needed",
            fix="remove old runs or models, or lower runs_kept_days",
            retry_after_s=60,
        )
    left = memory.available_bytes()
    if left < MEMORY_BYTES:
        raise interface.NoRoom(
            f"{_mib(left)} of memory are free, {_mib(MEMORY_BYTES)} are needed",
            fix="wait until a run has ended, or unload a model",
            retry_after_s=60,
        )


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / (1 << 20):,.0f} MB"
