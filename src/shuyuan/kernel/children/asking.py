"""One question to a child process and its answer, both through pipes: nothing of either lies in a file.

For what is asked once and may take minutes, a fit say. What works in a folder, and is found again, is a `Supervisor`'s.
"""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from typing import IO

from shuyuan.kernel import errors
from shuyuan.kernel.children import leash, surroundings
from shuyuan.kernel.children.limits import Limits
from shuyuan.kernel.children.process import Process, began

_LEASHED = "import runpy, sys; from shuyuan.kernel import children; children.end_with_starter(); "
_RUN = "runpy.run_module(sys.argv[1], run_name='__main__')"
_LOOK_EVERY_S, _MOST_WORDS = 0.2, 200


def _never() -> bool:
    return False


def ask(
    module: str,
    told: bytes,
    *,
    doing: str,
    deadline_s: float,
    fix: str = "",
    codes: Collection[int] = (0,),
    stopped: Callable[[], bool] = _never,
) -> tuple[int, bytes]:
    """Run a module as the main program of a child, `told` on its standard input: its exit code and what it printed.

    doing: what it is at, in the words of an error ("fitting").  codes: those that are answers; with another one it
    failed, its last line of standard error says why, and `fix` what helps.  stopped: looked at while it works.
    Raises Unavailable when it failed, took longer than the deadline, or was stopped. It ends with this process, however
    that ends.
    """
    with subprocess.Popen(
        [sys.executable, "-c", _LEASHED + _RUN, module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C goes to the server alone; one signal ends all of it
        env={**surroundings.environment(threads=1), leash.STARTED_BY: str(os.getpid())},
    ) as own:
        Limits().apply(own.pid)
        asked, own.stdin = own.stdin, None
        assert asked is not None
        with _telling(asked, told), _ended_at_last(own):
            out, said = _answered(own, doing, deadline_s, stopped)
    if own.returncode not in codes:
        words = _last_line(said) or f"it ended with code {own.returncode}, without a word"
        raise errors.Unavailable(f"{doing} failed: {words}", fix=fix)
    return own.returncode, out


@contextlib.contextmanager
def _telling(asked: IO[bytes], told: bytes) -> Iterator[None]:
    """Beside: what is told may be more than a pipe holds, and `communicate` gives up telling at its first timeout."""

    def tell() -> None:
        with contextlib.suppress(BrokenPipeError), asked:
            asked.write(told)

    teller = threading.Thread(target=tell, name="shuyuan-telling", daemon=True)
    teller.start()
    try:
        yield
    finally:
        teller.join(_LOOK_EVERY_S)  # the child is gone; only one that left its group could still hold the pipe


@contextlib.contextmanager
def _ended_at_last(own: "subprocess.Popen[bytes]") -> Iterator[None]:
    try:
        yield
    finally:
        if own.poll() is None:
            Process(own.pid, began(own.pid), own).kill()
            own.wait()


def _answered(
    own: "subprocess.Popen[bytes]", doing: str, deadline_s: float, stopped: Callable[[], bool]
) -> tuple[bytes, bytes]:
    end = time.monotonic() + deadline_s
    while True:
        left = end - time.monotonic()
        try:
            return own.communicate(timeout=max(0.0, min(_LOOK_EVERY_S, left)))
        except subprocess.TimeoutExpired as late:
            if stopped():
                raise errors.Unavailable(f"{doing} was ended: the server stops", fix="ask again when it runs") from late
            if left <= 0:
                fix = "try when there is less to do"
                raise errors.Unavailable(f"{doing} took more than {deadline_s:.0f} s", fix=fix) from late


def _last_line(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1][:_MOST_WORDS] if lines else ""
