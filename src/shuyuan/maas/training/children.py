"""Child processes that train: started in a group of their own at low priority, found again by the next server.

Whether a child lives is told by a lock on its folder: the server takes it, hands the open file down, and lets go of
its own. The lock falls when the last process of the run is gone, however that ended, also after the server died. The
process id and the time it began are only needed to send signals, and are compared before one is sent.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from shuyuan.kernel.children import environment as environment
from shuyuan.maas.training import folders

COMMAND = (sys.executable, "-m", "shuyuan.maas.training.child")
PAUSED, REFUSED = 75, 64  # exit codes
_NICE = 10


class Child:
    """A process that trains in a folder: started here, or by an earlier server (`adopted`)."""

    def __init__(
        self, folder: folders.RunFolder, pid: int | None, began: str, own: "subprocess.Popen[bytes] | None"
    ) -> None:
        self.folder, self.pid, self.began, self._own = folder, pid, began, own

    def ended(self) -> tuple[bool, int | None]:
        """Whether it is gone, and with which exit code; None where that cannot be known."""
        if self._own is not None and (code := self._own.poll()) is None:
            return False, None
        if is_alive(self.folder):
            if self._own is None and (self.pid is None or self._is_there()):
                return False, None
            self._kill_group()  # its own processes, left behind
        return True, None if self._own is None else code

    def stop(self, reason: str) -> None:
        """Ask for a checkpoint and the end, for the server's own reasons."""
        self.folder.ask(reason)
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it and its processes at once."""
        if self._own is not None or self._is_there():
            self._kill_group()

    def wait(self, timeout_s: float) -> None:
        """Until it has ended, or the time is over."""
        if self._own is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._own.wait(timeout_s)

    def _signal(self, number: int) -> None:
        if self.pid is not None and (self._own is not None or self._is_there()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _is_there(self) -> bool:
        return self.pid is not None and bool(self.began) and began(self.pid) == self.began

    def _kill_group(self) -> None:
        """The child's own group: while one of it lives its number is given to nobody else, so another's is not it."""
        if self.pid is not None and (self._own is not None or began(self.pid) in ("", self.began)):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)


def start(command: Sequence[str], folder: folders.RunFolder, threads: int) -> Child:
    """Start training in a prepared folder. Raises OSError; BlockingIOError while another child has it."""
    descriptor = os.open(folder.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with folder.log.open("ab") as log:
            process = subprocess.Popen(
                [*command, str(folder.path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[descriptor],
                start_new_session=True,  # Ctrl-C goes to the server alone
                env=environment(threads),
            )
    finally:
        os.close(descriptor)
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
    return Child(folder, process.pid, began(process.pid), process)


def adopt(folder: folders.RunFolder, pid: int | None, began: str) -> Child:
    """What an earlier server started."""
    return Child(folder, pid, began, None)


def is_alive(folder: folders.RunFolder) -> bool:
    """Whether a process of the run still holds its folder."""
    try:
        descriptor = os.open(folder.lock, os.O_RDWR)
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
