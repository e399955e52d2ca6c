"""Training the school's outlook model in a child process, which alone knows torch. Data travel through pipes only."""

import importlib.util
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from shuyuan.kernel import children, jobs
from shuyuan.science.ranking.profiles import Kind, Row

CHILD = "shuyuan.science.ranking.neural.child"  # by name: it imports torch
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

    Raises Unavailable when the child failed or this process stops; without torch its last line says so."""
    number = {who: at for at, who in enumerate(dict.fromkeys(job.person))}  # no id leaves this process
    person = [number[who] for who in job.person]
    told = json.dumps({"rows": list(job.rows), "kinds": job.kinds, "targets": job.targets, "person": person, "seed": 0})
    code, out = children.ask(
        CHILD,
        told.encode(),
        doing="learning",
        deadline_s=DEADLINE_S,
        fix="without torch: make train",
        codes=(0, NOTHING_TO_JUDGE),
        stopped=jobs.is_stopping,
    )
    if code == NOTHING_TO_JUDGE:
        return None
    line, _, arrays = out.partition(b"\n")
    return Fitted(arrays, json.loads(line))
