"""One child process: asked whether it lives, sent signals, also by a server that did not start it.

Process numbers come again. A process is known by its number and the moment it began; where it holds a lock on a file
(handed down open by whoever started it), the lock tells whether anything of it lives, however its server ended.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
from pathlib import Path


class Process:
    """Started here (`own`), or by an earlier server."""

    def __init__(
        self, pid: int | None, began: str, own: "subprocess.Popen[bytes] | None" = None, lock: Path | None = None
    ) -> None:
        """pid None: the server died before it could note it.  began: see `began`.  lock: what it holds, if anything."""
        self.pid, self.began, self.own, self._lock = pid, began, own, lock

    def ended(self) -> tuple[bool, int | None]:
        """Whether it is gone, and with which exit code; None where that cannot be known."""
        code = None if self.own is None else self.own.poll()
        if self.own is not None and code is None:
            return False, None
        if self._lock is not None and is_held(self._lock):
            if self.own is None and (self.pid is None or self._is_there()):
                return False, None
            self._kill_group()  # its own processes, left behind
        elif self._lock is None and self.own is None and self._is_there():
            return False, None
        return True, code

    def signal(self, number: int) -> None:
        """To it alone."""
        if self.pid is not None and (self.own is not None or self._is_there()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it and its processes at once."""
        if self.own is not None or self._is_there():
            self._kill_group()

    def wait(self, timeout_s: float) -> bool:
        """Whether it, if started here, has ended within this time."""
        if self.own is None:
            return False
        try:
            self.own.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _is_there(self) -> bool:
        return self.pid is not None and bool(self.began) and began(self.pid) == self.began

    def _kill_group(self) -> None:
        """The child's own group: while one of it lives its number is given to nobody else, so another's is not it."""
        if self.pid is not None and (self.own is not None or began(self.pid) in ("", self.began)):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)


def is_held(lock: Path) -> bool:
    """Whether a process, this one among them, holds this lock."""
    try:
        descriptor = os.open(lock, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def began(pid: int) -> str:
    """When a process began, in a word that no other process of this number has; empty: there is none."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "" if Path("/proc/self/stat").exists() else _asked_of_ps(pid)
    fields = told.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def _asked_of_ps(pid: int) -> str:
    told = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return told.stdout.strip()[:64]
