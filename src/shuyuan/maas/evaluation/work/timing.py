"""How fast and how large: one row at a time on one thread, as a call comes, and in batches."""

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.evaluation.interface import Latency
from shuyuan.maas.evaluation.work.predicting import Model

_CALLS, _WARM_CALLS, _MOST_S, _BATCH = 200, 5, 3.0, 64


def measure(model: Model, feeds: dict[str, NDArray[Any]], path: Path) -> Latency:  # Any: as the graph takes it
    """Of encoded rows; at most a few seconds."""
    rows = len(next(iter(feeds.values())))
    for at in range(_WARM_CALLS):
        model.run(_row(feeds, at % rows))
    taken: list[float] = []
    began = time.perf_counter()
    while len(taken) < _CALLS and (time.perf_counter() - began < _MOST_S or not taken):
        one = _row(feeds, len(taken) % rows)
        start = time.perf_counter()
        model.run(one)
        taken.append(time.perf_counter() - start)
    batch = {name: np.resize(array, (_BATCH, *array.shape[1:])) for name, array in feeds.items()}
    passes, start = 0, time.perf_counter()
    while passes < 1 or (time.perf_counter() - start < 0.3 and passes < 50):
        model.run(batch)
        passes += 1
    p50, p99 = np.quantile(taken, (0.5, 0.99))
    return Latency(
        p50_ms=float(p50) * 1000,
        p99_ms=float(p99) * 1000,
        rows_per_s=_BATCH * passes / (time.perf_counter() - start),
        calls=len(taken),
        size_bytes=path.stat().st_size,
    )


def _row(feeds: dict[str, NDArray[Any]], at: int) -> dict[str, NDArray[Any]]:
    return {name: array[at : at + 1] for name, array in feeds.items()}
