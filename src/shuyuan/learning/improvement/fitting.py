"""Fitting a recurrent tracer in a child process, which alone knows torch. Answers travel through pipes only."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Sequence

from shuyuan.kernel import children, errors
from shuyuan.science.tracing import online

CHILD = "shuyuan.science.tracing.serving.child"  # by name: it imports torch
_LEASHED = "import runpy, sys; from shuyuan.kernel import children; children.end_with_starter(); "
_RUN = "runpy.run_module(sys.argv[1], run_name='__main__')"
DEADLINE_S = 3600.0  # a million answers take some minutes of one core; a busy machine several times that

FitNet = Callable[[Sequence[online.Answer], int], bytes]


def is_possible() -> bool:
    """Whether torch is installed here; it is not imported."""
    return importlib.util.find_spec("torch") is not None


def fit_net(rows: Sequence[online.Answer], seed: int) -> bytes:
    """safetensors of a recurrent tracer. Raises Unavailable when the child failed; its last line says why."""
    with subprocess.Popen(
        [sys.executable, "-c", _LEASHED + _RUN, CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=children.environment(threads=1),
    ) as child:
        children.Limits().apply(child.pid)
        try:
            out, said = child.communicate(json.dumps({"rows": rows, "seed": seed}).encode(), DEADLINE_S)
        except BaseException as late:
            child.kill()
            if isinstance(late, subprocess.TimeoutExpired):
                fix = "try when there is less to do"
                raise errors.Unavailable(f"fitting took more than {DEADLINE_S:.0f} s", fix=fix) from late
            raise
    if child.returncode:
        last = said.decode(errors="replace").strip().splitlines()[-1:]
        raise errors.Unavailable(f"fitting failed: {' '.join(last)[:200]}", fix="without torch: make train")
    return out
