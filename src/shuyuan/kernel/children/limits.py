"""What a child may take of the machine: the server and the people before it come first.

Measured with onnxruntime, torch and polars: their address space (VmSize) is 3 to 9 times what they hold, their private
writable memory (VmData) holds at most 60 MB more. So it is VmData that is bounded: an allocation beyond it fails in the
child, which can say so, and nobody else is ended for it.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from shuyuan.kernel import memory

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]  # a module elsewhere

_MEMORY_SHARE = 0.75
_CARD = Path("/proc/driver/nvidia")  # its driver maps more than any bound that would help


@dataclass(frozen=True)
class Limits:
    """nice: 0 is the server's own.  oom_score_adj: 0 to 1000, whoever has more is ended first when memory runs out.
    memory_bytes: private memory of each process; None: three quarters of the machine's; 0: no bound."""

    nice: int = 10
    oom_score_adj: int = 500
    open_files: int = 1024
    memory_bytes: int | None = None

    def apply(self, pid: int) -> None:
        """To a process that has just begun, and so to all it will start. What this system does not know is left."""
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, pid, self.nice)
        with contextlib.suppress(OSError):
            Path(f"/proc/{pid}/oom_score_adj").write_text(str(self.oom_score_adj))
        if resource is not None and hasattr(resource, "prlimit"):
            _bound(pid, resource.RLIMIT_NOFILE, self.open_files)
            _bound(pid, resource.RLIMIT_CORE, 0)  # a core would hold people's data
            if most := self._memory():
                _bound(pid, resource.RLIMIT_DATA, most)

    def _memory(self) -> int:
        if self.memory_bytes is not None:
            return self.memory_bytes
        return 0 if _CARD.exists() else int(_MEMORY_SHARE * memory.machine_bytes())


def _bound(pid: int, kind: int, most: int) -> None:
    with contextlib.suppress(OSError, ValueError):  # gone already; or the system allows less
        allowed = resource.prlimit(pid, kind)[1]
        least = most if allowed == resource.RLIM_INFINITY else min(most, allowed)
        resource.prlimit(pid, kind, (least, least))
