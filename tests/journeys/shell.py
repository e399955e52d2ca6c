"""`shuyuan …` as somebody types it: in a process of its own, or quicker, in this one."""

import contextlib
import io
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from unittest import mock

import structlog
from tests.journeys import world

from shuyuan.entrypoints import cli

TIMEOUT_S = 90.0
_RULED = str.maketrans("│┃", "  ")


@dataclass(frozen=True)
class Said:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """What it printed, without the lines of tables and the folding."""
        return " ".join(self.out.translate(_RULED).split())


def run(*words: object, environment: Mapping[str, str] | None = None, timeout_s: float = TIMEOUT_S) -> Said:
    """A process of its own. One that takes too long is ended by Ctrl-C, so that it ends what it started."""
    command = [sys.executable, "-m", "shuyuan", *map(str, words)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment(environment)
    ) as child:
        try:
            out, err = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGINT)
            out, err = child.communicate(timeout=TIMEOUT_S)
            raise AssertionError(f"{command} took more than {timeout_s:.0f} s: {out}{err}") from None
    return Said(child.returncode, out, err)


def call(*words: object, environment: Mapping[str, str] | None = None) -> Said:
    """The same entry point inside this process: a second less each."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.ExitStack() as stack:
        stack.callback(structlog.reset_defaults)  # the command's log goes to `err`, which ends with it
        stack.enter_context(mock.patch.object(sys, "argv", ["shuyuan", *map(str, words)]))
        stack.enter_context(mock.patch.dict(os.environ, _environment(environment), clear=True))
        stack.enter_context(contextlib.redirect_stdout(out))
        stack.enter_context(contextlib.redirect_stderr(err))
        try:
            cli.main()
        except SystemExit as ended:
            return Said(ended.code if isinstance(ended.code, int) else int(bool(ended.code)), *_read(out, err))
    return Said(0, *_read(out, err))


def _environment(given: Mapping[str, str] | None) -> dict[str, str]:
    return world.quiet({"SHUYUAN_STARTER": "none", **(given or {})})


def _read(out: io.StringIO, err: io.StringIO) -> tuple[str, str]:
    return out.getvalue(), err.getvalue()
