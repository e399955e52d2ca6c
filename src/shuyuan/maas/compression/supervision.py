"""Run one child process in its folder: start it, follow it, end it. Hands it none of the server's secrets."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping

from shuyuan.kernel import children, errors
from shuyuan.maas.compression import interface, writing

_LOOK_EVERY_S, _NICE, _LAST_CHARS = 0.1, 10, 600
_LOG = "child.log"


class Stopped(Exception):  # not an error: somebody cancelled it, or the server ends
    """The child was ended before it was done."""


def run(
    files: interface.Folder,
    module: str,
    stop: threading.Event,
    tell: Callable[[], None] = lambda: None,
    threads: int = 1,
) -> Mapping[str, object]:
    """Work to its end; returns result.json. Raises Stopped, what the child refused with, or CompressionLost."""
    with (files.path / _LOG).open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", module, str(files.path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C goes to the server alone
            env=children.environment(threads),
        )
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, child.pid, _NICE)
    try:
        while child.poll() is None:
            if stop.wait(_LOOK_EVERY_S):
                raise Stopped
            tell()
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()
    return _told(files, child.returncode)


def _told(files: interface.Folder, code: int) -> Mapping[str, object]:
    if code == files.REFUSED and (said := writing.read(files.error)):
        raise errors.BadInput(str(said["message"]), fix=str(said["fix"]), code=str(said["code"]))
    found = writing.read(files.result)
    if code == 0 and found is not None:
        return found
    words = (files.path / _LOG).read_text("utf-8", "replace").strip()[-_LAST_CHARS:].splitlines()
    raise interface.CompressionLost(
        f"the process ended with code {code}: {words[-1][:300] if words else 'no word'}",
        fix="try again with more memory free, or a smaller model; the folder's child.log says more",
    )
