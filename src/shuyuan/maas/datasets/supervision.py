"""The line of works: one child process at a time, the others wait; what becomes of the one at work."""

import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from shuyuan.kernel import children, log
from shuyuan.maas.datasets import folder, interface
from shuyuan.maas.datasets.pool import raised

_logger = log.get("datasets.supervision")
Cancelled = children.Stopped


class Supervision:
    """The children of this process."""

    def __init__(self) -> None:
        self._line = ThreadPoolExecutor(1, thread_name_prefix="shuyuan-datasets")
        self._stopped: set[str] = set()
        self._closed = threading.Event()
        self.children = children.Supervisor(
            "shuyuan.maas.datasets.child",
            variables={"OPENBLAS_NUM_THREADS": "1"},  # its matrices are small
            log="log",
            refused=raised,
            lost=_crashed,
        )

    def start(self, work_id: str, job: Callable[[], None]) -> None:
        """Run `job` when it is its turn."""
        self._line.submit(_quietly, work_id, job)

    def run(self, work_id: str, home: Path, key: str = "") -> folder.Json:
        """The child on a folder. Raises what it told, Cancelled, or BadData for a crash."""
        return self.children.run(
            home,
            given=key.encode() + b"\n",
            stopped=lambda: self._closed.is_set() or work_id in self._stopped,
        )

    def stop(self, work_id: str) -> None:
        """End its child, and let it not begin."""
        self._stopped.add(work_id)

    def close(self) -> None:
        """End every child; what had not ended is taken up by the next process."""
        self._closed.set()
        self._line.shutdown(cancel_futures=True)

    @property
    def closed(self) -> bool:
        """Whether this process is ending."""
        return self._closed.is_set()


def remove(home: Path) -> None:
    """A folder, whatever lies in it."""
    shutil.rmtree(home, ignore_errors=True)


def _crashed(home: Path, code: int, words: str) -> Exception:
    _logger.error("work_crashed", work_id=home.name, code=code, words=words)
    died = f"signal {-code}" if code < 0 else f"code {code}"
    return interface.BadData(
        f"the work ended with {died} before it was finished", fix="send smaller data; the log says more"
    )


def _quietly(work_id: str, job: Callable[[], None]) -> None:
    try:
        job()
    except Exception as defect:
        _logger.error("work_failed", work_id=work_id, error=repr(defect))
