"""How the child of an evaluation is started, followed, and what its end means. Refuses to hand it secrets.

It holds a lock in its folder while it works and goes on when the server dies: the child of the next server waits for
it and finds its result.
"""

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from shuyuan.kernel import children
from shuyuan.maas.evaluation import folder
from shuyuan.maas.evaluation.interface import EvaluationFailed, EvaluationLost, OnProgress

COMMAND = (sys.executable, "-m", "shuyuan.maas.evaluation.child")
_ATTEMPTS = 2
Stopped = children.Stopped


def children_of(command: Sequence[str] = COMMAND) -> children.Supervisor:
    """The children of evaluations; one that dies is started once more."""
    return children.Supervisor(
        "shuyuan.maas.evaluation.child",
        tuple(command),
        log=folder.LOG,
        attempts=_ATTEMPTS,
        refused=lambda told: EvaluationFailed(str(told["message"]), fix=str(told["fix"]), code=str(told["code"])),
        lost=_lost,
    )


def run(
    place: Path,
    job: folder.Job,
    on_progress: OnProgress | None = None,
    *,
    stopped: Callable[[], bool] = lambda: False,
    command: Sequence[str] = COMMAND,
) -> None:
    """Do a job in `place`, to its end.

    stopped: whether somebody cancelled it, or the server ends. Raises EvaluationFailed, EvaluationLost, Stopped.
    """
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.write(place / folder.JOB, job.model_dump_json())
    tell = on_progress or (lambda told: None)
    children_of(command).run(place, threads=job.threads, stopped=stopped, tell=tell)


def remove(place: Path) -> None:
    """The folder and what it held: copies of data sets do not stay."""
    shutil.rmtree(place, ignore_errors=True)


def _lost(place: Path, code: int, words: str) -> Exception:
    return EvaluationLost(
        f"the evaluating process ended with code {code}: {words}",
        fix="free some memory or evaluate a smaller part; the log of the server says more",
    )
