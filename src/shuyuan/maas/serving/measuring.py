"""Measure what passes of a model cost on this machine, once, and remember it beside the model's file."""

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from shuyuan.maas.runners import interface as runners
from shuyuan.maas.serving.curve import Cell, Curve

_ROWS = (1, 2, 4, 8, 16, 32)
_MOST_TOKENS = 256  # in one measured pass (a single row may be longer)
_ROUNDS = 3  # the best of so many counts
_BUDGET_S = 1.5


def curve_of(runner: runners.BatchRunner, path: Path, threads: int) -> Curve:
    """The curve kept beside `path`, if it was measured with as many threads; else measured now and kept."""
    kept = path.with_name(f".{path.name}.curve-{os.cpu_count()}x{threads}.json")
    found = _read(kept, path)
    if found is None:
        found = measure(runner)
        _write(kept, path, found)
    return found


def measure(
    runner: runners.BatchRunner,
    budget_s: float = _BUDGET_S,
    *,
    clock: Callable[[], float] = time.perf_counter,
    cost_clock: Callable[[], float] = time.thread_time,
) -> Curve:
    """Time passes from the smallest up, again and again, within the budget; what is left out is never batched.

    Costs are taken on the clock of this thread, which does its share of every pass: unlike the clock on the
    wall it does not run while other processes have the cores.
    """
    ends = clock() + budget_s
    best: dict[Cell, float] = {}
    cells = sorted(_cells(runner), key=lambda cell: cell[0] * cell[1])
    if cells:
        runner.run([runner.sample(cells[0][0])])  # the first pass sets things up
    for turn in range(_ROUNDS):
        for length, rows in cells:
            if clock() > ends or (turn and (length, rows) not in best):
                continue
            items = [runner.sample(length)] * rows
            started = cost_clock()
            runner.run(items)
            took_s = cost_clock() - started
            best[length, rows] = min(took_s, best.get((length, rows), took_s))
    return Curve(_smoothed(best))


def _smoothed(cells: dict[Cell, float]) -> dict[Cell, float]:
    """A pass costs no more than one that is longer and has more rows: whatever says so was disturbed."""
    return {
        (length, rows): min(cost for (longer, more), cost in cells.items() if longer >= length and more >= rows)
        for length, rows in cells
    }


def _cells(runner: runners.BatchRunner) -> Iterator[Cell]:
    for length in runner.lengths():
        for rows in _ROWS:
            if rows == 1 or rows * length <= _MOST_TOKENS:
                yield length, rows


def _read(kept: Path, path: Path) -> Curve | None:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        told = json.loads(kept.read_text("utf-8"))
        if told["file"] == _identity(path):
            return Curve({(int(length), int(rows)): float(cost) for length, rows, cost in told["cells"]})
    return None


def _write(kept: Path, path: Path, curve: Curve) -> None:
    told = {"file": _identity(path), "cells": [[*cell, cost] for cell, cost in curve.cells.items()]}
    with contextlib.suppress(OSError):  # a folder one may not write to: measured again next time
        fresh = kept.with_name(f"{kept.name}.{os.getpid()}")
        fresh.write_text(json.dumps(told), "utf-8")
        fresh.replace(kept)


def _identity(path: Path) -> list[int]:
    """Model files lie under their hash; size and time notice one that was replaced all the same."""
    found = path.stat()
    return [found.st_size, found.st_mtime_ns]
