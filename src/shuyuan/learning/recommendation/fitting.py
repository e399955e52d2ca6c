"""Training the school's outlook model in a child process, which alone knows torch. Data travel through pipes only."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from shuyuan.kernel import children, errors
from shuyuan.science.ranking.profiles import Kind, Row

CHILD = "shuyuan.science.ranking.neural.child"  # by name: it imports torch
_LEASHED = "import runpy, sys; from shuyuan.kernel import children; children.end_with_starter(); "
_RUN = "runpy.run_module(sys.argv[1], run_name='__main__')"
DEADLINE_S, NOTHING_TO_JUDGE = 900.0, 65


@dataclass(frozen=True)
class Job:
    """What to learn from. targets: head → 0, 1 or None (unknown), one a row. person: whose each row is."""

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


def is_possible() -> bool:
    """Whether torch is installed here; it is not imported."""
    return importlib.util.find_spec("torch") is not None


def train(job: Job) -> Fitted | None:
    """None where nothing could be judged: too few learners on one side of every head.

    Raises Unavailable when the child failed; without torch its last line says so."""
    number = {who: at for at, who in enumerate(dict.fromkeys(job.person))}  # no id leaves this process
    person = [number[who] for who in job.person]
    told = json.dumps({"rows": list(job.rows), "kinds": job.kinds, "targets": job.targets, "person": person, "seed": 0})
    code, out, said = _asked(told.encode())
    if code == NOTHING_TO_JUDGE:
        return None
    if code:
        last = said.decode(errors="replace").strip().splitlines()[-1:]
        raise errors.Unavailable(f"learning failed: {' '.join(last)[:200]}", fix="without torch: make train")
    line, _, arrays = out.partition(b"\n")
    return Fitted(arrays, json.loads(line))


def _asked(told: bytes) -> tuple[int, bytes, bytes]:
    """Exit code, what the child answered and what it said beside. It ends with this process, however that ends."""
    with subprocess.Popen(
        [sys.executable, "-c", _LEASHED + _RUN, CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=children.environment(threads=1),
    ) as child:
        children.Limits().apply(child.pid)
        try:
            out, said = child.communicate(told, DEADLINE_S)
        except BaseException as late:
            child.kill()
            if isinstance(late, subprocess.TimeoutExpired):
                fix = "try when there is less to do"
                raise errors.Unavailable(f"learning took more than {DEADLINE_S:.0f} s", fix=fix) from late
            raise
    return child.returncode, out, said
