"""What goes wrong in a child process, as code, message and fix; None for a defect, which is a crash."""

import errno

from shuyuan.kernel import errors
from shuyuan.maas.datasets import interface

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FULL_WORDS = ("No space left on device", "os error 28", "File too large", "os error 27", "Disk quota exceeded")


def told(fault: BaseException) -> dict[str, str] | None:
    """code, message and fix of an expected error."""
    if isinstance(fault, errors.ShuyuanError):
        return fault.to_dict()
    said = " ".join(str(fault).split())[:300]
    if is_full(fault):
        return interface.NoSpace("the disk cannot hold it", fix="free some space, or use a larger disk").to_dict()
    if isinstance(fault, ModuleNotFoundError):
        return interface.NotInstalled(f"{fault.name} is not installed", fix="install the extra `data`").to_dict()
    if isinstance(fault, MemoryError):
        return interface.BadData("the table does not fit into memory", fix="send a smaller table").to_dict()
    module = type(fault).__module__
    if module.startswith("polars"):
        return interface.BadData(f"the table cannot be worked on: {said}", fix="correct the plan or the data").to_dict()
    if type(fault).__name__ == "BadColumn" and module.startswith("shuyuan.science.features"):
        return interface.WrongColumns(said, fix="correct the columns' kinds").to_dict()
    return None


def is_full(fault: BaseException) -> bool:
    """Whether a disk or a quota is full, whichever library says so."""
    if isinstance(fault, OSError) and fault.errno in _FULL:
        return True
    return any(words in str(fault) for words in _FULL_WORDS)
