"""Run the child process in its folder and tell how far it is. Refuses to hand it the server's secrets."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from shuyuan.kernel import children
from shuyuan.maas.evaluation import folder
from shuyuan.maas.evaluation.interface import EvaluationFailed, EvaluationLost, OnProgress

COMMAND = (sys.executable, "-m", "shuyuan.maas.evaluation.child")
_LOOK_EVERY_S, _NICE, _ATTEMPTS = 0.1, 10, 2


class Stopped(Exception):  # not an error: the server ends, the work is begun again by the next one
    """The child was ended because the server ends."""


def run(
    place: Path,
    job: folder.Job,
    on_progress: OnProgress | None = None,
    *,
    stop: "Sequence[object] | None" = None,
    command: Sequence[str] = COMMAND,
) -> None:
    """Do a job in `place`, to its end. A child that dies is started once more.

    stop: a list that is no longer empty once the server ends. Raises EvaluationFailed, EvaluationLost, Stopped.
    """
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.write(place / folder.JOB, job.model_dump_json())
    code = 0
    for _ in range(_ATTEMPTS):
        code = _once(place, job.threads, on_progress, stop, command)
        if code == 0:
            return
        if code == folder.REFUSED and (told := folder.read(place / folder.ERROR)):
            raise EvaluationFailed(str(told["message"]), fix=str(told["fix"]), code=str(told["code"]))
    raise EvaluationLost(
        f"the evaluating process ended with code {code}: {last_words(place)}",
        fix="free some memory or evaluate a smaller part; the log of the server says more",
    )


def remove(place: Path) -> None:
    """The folder and what it held: copies of data sets do not stay."""
    shutil.rmtree(place, ignore_errors=True)


def last_words(place: Path) -> str:
    """The last line the child printed."""
    try:
        lines = (place / folder.LOG).read_text("utf-8", "replace")[-4096:].split("\n")
    except OSError:
        return ""
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


def _once(
    place: Path, threads: int, on_progress: OnProgress | None, stop: "Sequence[object] | None", command: Sequence[str]
) -> int:
    with (place / folder.LOG).open("ab") as log:
        child = subprocess.Popen(
            [*command, str(place)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C goes to the server alone
            env=children.environment(threads),
        )
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, child.pid, _NICE)
    told: dict[str, object] = {}
    try:
        while child.poll() is None:
            time.sleep(_LOOK_EVERY_S)
            if stop:
                raise Stopped
            now = folder.read(place / folder.PROGRESS)
            if on_progress is not None and now and now != told:
                on_progress(now)
            told = now
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()
    return child.returncode
