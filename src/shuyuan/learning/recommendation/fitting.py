"""Training the school's outlook model in a child process, which alone knows torch. Data travel through pipes only."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from shuyuan.kernel import children, errors
from shuyuan.science.ranking.profiles import Kind, Row

CHILD = "shuyuan.science.ranking.neural.child"
DEADLINE_S, NOTHING_TO_JUDGE = 900.0, 65


@dataclass(frozen=True)
class Job:
    """What to learn from. targets: head → 0, 1 or None (unknown), one a row. person: one a row."""

    rows: Sequence[Row]
    kinds: Mapping[str, Kind]
    targets: Mapping[str, Sequence[float | None]]
    person: Sequence[str]


@dataclass(frozen=True)
class Fitted:
    """A model and how well it foretells people it had not seen. arrays: safetensors of an Outlook with these heads."""

    arrays: bytes
    figures: Mapping[str, Mapping[str, float]]  # head → log_loss, share_log_loss, error, auc, people …


Train = Callable[[Job], Fitted | None]


def train(job: Job) -> Fitted | None:
    """None where nothing could be judged: too few learners on one side of every head.

    Raises Unavailable when the child failed; without torch its last line says so."""
    told = json.dumps(
        {"rows": list(job.rows), "kinds": job.kinds, "targets": job.targets, "person": list(job.person), "seed": 0}
    )
    try:
        done = subprocess.run(
            [sys.executable, "-m", CHILD],
            input=told.encode(),
            capture_output=True,
            timeout=DEADLINE_S,
            env=children.environment(threads=1),
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise errors.Unavailable(
            f"learning took more than {DEADLINE_S:.0f} s", fix="try when there is less to do"
        ) from late
    if done.returncode == NOTHING_TO_JUDGE:
        return None
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise errors.Unavailable(f"learning failed: {' '.join(last)[:200]}", fix="without torch: make train")
    line, _, arrays = done.stdout.partition(b"\n")
    return Fitted(arrays, json.loads(line))
