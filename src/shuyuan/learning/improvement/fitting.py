"""Fitting a recurrent tracer in a child process, which alone knows torch. Answers travel through pipes only."""

import importlib.util
import json
from collections.abc import Callable, Sequence

from shuyuan.kernel import children, jobs
from shuyuan.science.tracing import online

CHILD = "shuyuan.science.tracing.serving.child"  # by name: it imports torch
DEADLINE_S = 3600.0  # a million answers take some minutes of one core; a busy machine several times that

FitNet = Callable[[Sequence[online.Answer], int], bytes]


def is_possible() -> bool:
    """Whether torch is installed here; it is not imported."""
    return importlib.util.find_spec("torch") is not None


def fit_net(rows: Sequence[online.Answer], seed: int) -> bytes:
    """safetensors of a recurrent tracer. Raises Unavailable when the child failed; its last line says why."""
    return children.ask(
        CHILD,
        json.dumps({"rows": rows, "seed": seed}).encode(),
        doing="fitting",
        deadline_s=DEADLINE_S,
        fix="without torch: make train",
        stopped=jobs.is_stopping,
    )[1]
