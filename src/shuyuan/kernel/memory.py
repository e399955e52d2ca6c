"""How much memory this process holds, and how much the machine has."""

import contextlib
import ctypes
import os
import resource
import sys
from pathlib import Path

_STATM = Path("/proc/self/statm")
_MEMINFO = Path("/proc/meminfo")
_CONTAINER = Path("/sys/fs/cgroup")


def rss_bytes() -> int:
    """Resident bytes now; where the system does not say, the highest so far."""
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * resource.getpagesize()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def give_back() -> None:
    """Return freed memory to the system, where the C library can; otherwise a model's bytes linger."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def machine_bytes() -> int:
    """Memory of this machine, or of the container it is."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError, ValueError):  # "max" is no number: no limit
        return min(physical, int((_CONTAINER / "memory.max").read_text()))
    return physical


def available_bytes() -> int:
    """What new processes may take now without swapping; the container's limit if that is lower."""
    found = [_meminfo_bytes(), _container_bytes()]
    return min(bytes_ for bytes_ in found if bytes_ is not None)


def _meminfo_bytes() -> int:
    with contextlib.suppress(OSError):
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _container_bytes() -> int | None:
    with contextlib.suppress(OSError, ValueError):  # "max" is no number: no limit
        return int((_CONTAINER / "memory.max").read_text()) - int((_CONTAINER / "memory.current").read_text())
    return None
