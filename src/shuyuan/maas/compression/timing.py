"""Time one model alone in a fresh process: `python -m shuyuan.maas.compression.timing FILE`, a JSON job; prints JSON.

Cold start, the median and 99th percentile of single rows, how far resident memory grew at its peak meanwhile (Linux)
from before the file was opened, and rows a second in batches.
"""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.compression import opening

Feeds = Mapping[str, NDArray[Any]]  # of whatever type the graph takes
_WARM_UP, _MOST_CALLS, _FEWEST_CALLS, _BATCH_ROWS = 5, 400, 5, 64


def measure(job: Mapping[str, Any]) -> dict[str, float]:  # Any: JSON
    """Figures of one file. feeds: an `.npz` of inputs, or None for plausible noise."""
    budget_s = float(job.get("seconds", 0.5))
    opening.warm_up()
    before = _reset_peak()
    started = time.perf_counter()
    model = opening.Model(
        Path(job["model"]), job["runner"], int(job.get("threads", 1)), int(job.get("budget_bytes", 0))
    )
    load_s = time.perf_counter() - started
    feeds = _feeds(model, job.get("feeds"))
    one = {name: array[:1] for name, array in feeds.items()}
    calls = _times(model, one, budget_s)
    figures = {
        "load_ms": 1e3 * load_s,
        "latency_p50_ms": 1e3 * float(np.median(calls)),
        "latency_p99_ms": 1e3 * float(np.quantile(calls, 0.99)),
    }
    if before is not None:
        figures["peak_rss_bytes"] = float(max(0, _peak() - before))
    if model.free_rows:
        batch = {name: np.resize(array, (_BATCH_ROWS, *array.shape[1:])) for name, array in feeds.items()}
        figures["rows_per_s"] = _BATCH_ROWS / float(np.median(_times(model, batch, budget_s)))
    return figures


def _times(model: opening.Model, feeds: Feeds, budget_s: float) -> list[float]:
    found: list[float] = []
    end = time.perf_counter() + budget_s
    for turn in range(_MOST_CALLS + _WARM_UP):
        began = time.perf_counter()
        model.run(None, feeds)
        now = time.perf_counter()
        if turn >= _WARM_UP or now > end:
            found.append(now - began)
        if now > end and len(found) >= _FEWEST_CALLS:
            break
    return found


def _feeds(model: opening.Model, path: str | None) -> Feeds:
    if path is None:
        return model.sample()
    with np.load(path, allow_pickle=False) as found:
        return {name: found[name] for name in model.inputs}


def _reset_peak() -> int | None:
    """Resident bytes now, the highest mark set back to it; None where the system has no such mark."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return _peak()
    except OSError:
        return None


def _peak() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(Path(sys.argv[1]).read_text("utf-8")))))
