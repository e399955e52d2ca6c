"""Trouble of the machine, as a person is told of it: in a child, and in the server that keeps what a child made."""

import errno

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_MEMORY = ("can't allocate memory", "bad allocation", "bad_alloc", "cannot allocate memory")


def trouble(wrong: BaseException) -> dict[str, str] | None:
    """Code, message and fix for a full disk or memory that ran out; None: it is something else."""
    if isinstance(wrong, OSError) and wrong.errno in _FULL:
        return {
            "code": "disk_full",
            "message": "the disk is full: nothing of it was kept",
            "fix": "free some space and start it again",
        }
    if isinstance(wrong, MemoryError) or any(words in str(wrong).lower() for words in _NO_MEMORY):
        return {
            "code": "out_of_memory",
            "message": "there is not enough memory for it",
            "fix": "use a smaller model or a machine with more memory",
        }
    return None
