"""Starts the children of a room, finds them again, and follows one to its end. The room says what the end means."""

import contextlib
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from shuyuan.kernel.children import leash, surroundings
from shuyuan.kernel.children.limits import Limits
from shuyuan.kernel.children.process import Process, began

REFUSED = 64  # exit code: error.json tells a person what is wrong
PROGRESS, RESULT, ERROR = "progress.json", "result.json", "error.json"
_LOOK_EVERY_S, _LAST_BYTES = 0.1, 4096
Json = dict[str, Any]  # Any: JSON


class Stopped(Exception):  # not an error: somebody cancelled it, or the server ends
    """The child was ended before it was done."""


def _never() -> bool:
    return False


def _nobody(told: Json) -> None:
    pass


def _plainly(said: Json) -> Exception:
    return RuntimeError(f"{said}")


def _ended_with(folder: Path, code: int, words: str) -> Exception:
    return RuntimeError(f"the process ended with code {code}: {words or 'no word'}")


@dataclass(frozen=True)
class Supervisor:
    """The children of one room. command: the folder is put behind it; empty: this Python with `module`.

    lock: a file of the folder that the child and all it starts hold while they live; empty: it is not found again.
    attempts: how often one that dies without a word is started.  refused: the error of what error.json says.
    lost: the error of a folder, exit code and last words.  running: what `run` follows now, by folder.
    """

    module: str
    command: Sequence[str] = ()
    limits: Limits = field(default_factory=Limits)
    variables: Mapping[str, str] = field(default_factory=dict)
    log: str = "child.log"
    lock: str = ""
    attempts: int = 1
    refused: Callable[[Json], Exception] = _plainly
    lost: Callable[[Path, int, str], Exception] = _ended_with
    running: dict[Path, Process] = field(default_factory=dict)

    def start(
        self, folder: Path, *, threads: int | None = None, stdin: int | IO[bytes] = subprocess.DEVNULL
    ) -> Process:
        """A child in a prepared folder. Raises OSError; BlockingIOError while another one has it."""
        with contextlib.ExitStack() as held:
            lock = folder / self.lock if self.lock else None
            handed = [] if lock is None else [_taken(lock, held)]
            log = held.enter_context((folder / self.log).open("ab"))
            own = subprocess.Popen(
                [*(self.command or (sys.executable, "-m", self.module)), str(folder)],
                stdin=stdin,
                stdout=log,
                stderr=log,
                pass_fds=handed,
                start_new_session=True,  # Ctrl-C goes to the server alone; one signal ends all of it
                env={**surroundings.environment(threads), **self.variables, leash.STARTED_BY: str(os.getpid())},
            )
        self.limits.apply(own.pid)
        return Process(own.pid, began(own.pid), own, lock)

    def adopt(self, folder: Path, pid: int | None, began: str) -> Process:
        """What an earlier server started."""
        return Process(pid, began, None, folder / self.lock if self.lock else None)

    def run(
        self,
        folder: Path,
        *,
        threads: int | None = None,
        given: bytes | None = None,
        stopped: Callable[[], bool] = _never,
        tell: Callable[[Json], None] = _nobody,
    ) -> Json:
        """A child to its end; what result.json says. given: for its standard input, so that it lies in no file.

        tell: hears progress.json whenever that has changed. Raises Stopped, and what `refused` and `lost` make.
        """
        code = 0
        for _ in range(self.attempts):
            code = self._once(folder, threads, given, stopped, tell)
            if code == 0 and (found := read(folder / RESULT)) is not None:
                return found
            if code == REFUSED and (said := read(folder / ERROR) or self._said_at_last(folder)):
                raise self.refused(said)
        raise self.lost(folder, code, self.last_words(folder))

    def last_words(self, folder: Path) -> str:
        """The last line that a child printed."""
        lines = [line.strip() for line in self._tail(folder).splitlines() if line.strip()]
        return lines[-1][:300] if lines else ""

    def _once(
        self,
        folder: Path,
        threads: int | None,
        given: bytes | None,
        stopped: Callable[[], bool],
        tell: Callable[[Json], None],
    ) -> int:
        if stopped():
            raise Stopped
        child = self.start(folder, threads=threads, stdin=subprocess.DEVNULL if given is None else subprocess.PIPE)
        own, told = child.own, None
        assert own is not None
        self.running[folder] = child
        try:
            if own.stdin is not None:
                with contextlib.suppress(BrokenPipeError), own.stdin:
                    own.stdin.write(given or b"")
            while not child.wait(_LOOK_EVERY_S):
                if stopped():
                    raise Stopped
                if (now := read(folder / PROGRESS)) and now != told:
                    tell(now)
                    told = now
        finally:
            if own.poll() is None:
                child.kill()
            own.wait()
            del self.running[folder]
        return own.returncode

    def _said_at_last(self, folder: Path) -> Json | None:
        """What it printed where error.json found no room."""
        with contextlib.suppress(ValueError, IndexError):
            found = json.loads(self._tail(folder).strip().splitlines()[-1])
            return found if isinstance(found, dict) else None
        return None

    def _tail(self, folder: Path) -> str:
        try:
            with (folder / self.log).open("rb") as log:
                log.seek(max(0, os.fstat(log.fileno()).st_size - _LAST_BYTES))
                return log.read().decode("utf-8", "replace")
        except OSError:
            return ""


def read(path: Path) -> Json | None:
    """A JSON object; None where there is none yet, or no whole one."""
    try:
        told = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None


def _taken(lock: Path, held: contextlib.ExitStack) -> int:
    """The open file of a lock that nobody had, for the child: this process lets go of it when `held` closes."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    held.callback(os.close, descriptor)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor
