"""Long trainings of knowledge tracing as a run that can be stopped and resumed; its report is kept and verified.

    python -m bench.tracingruns            # whatever is missing or no longer true of bench/reports/tracing.json

Each entry holds the figures of one algorithm on one split, and hashes of the data, of the code that made it (without
comments and formatting), and of its predictions. An entry is written as soon as it is there. Every reading of a test
part is logged.
"""

import argparse
import ast
import hashlib
import importlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench import harness, tracingsets
from shuyuan.science.tracing import evaluation, family
from shuyuan.science.tracing.interactions import Floats

REPORT = harness.ROOT / "bench" / "reports" / "tracing.json"
SOURCE = harness.ROOT / "src" / "shuyuan" / "science" / "tracing"
_ABOUT = (
    "evaluation.py",
    "family.py",
    "comparing.py",
    "comparing_child.py",
    "comparingnew.py",
    "interchange.py",
    "__init__.py",
)
TEACHERS, DISTILLED = 2, "kt_assist2009_qmatrix"  # elsewhere our own is one net
Entry = dict[str, Any]  # JSON


class Run(NamedTuple):
    """One algorithm on one split."""

    data: str
    algorithm: str
    fold: int = 0

    @property
    def key(self) -> str:
        """As the report names it."""
        return f"{self.data}/{self.fold}/{self.algorithm}"


PLAN: tuple[Run, ...] = (
    *(Run("kt_assist2009_qmatrix", name) for name in ("recurrent", "dkt", "sakt", "kalman", "rasch", "pfa", "elo")),
    *(Run(data, "recurrent") for data in ("kt_assist2017_timed", "kt_spanish")),
    *(Run("kt_synthetic5", "recurrent", version) for version in range(5)),
    Run("kt_synthetic5_concepts", "recurrent"),
    *(Run("kt_assist2009_qmatrix", name) for name in ("best_lr", "bkt")),
    *(Run("kt_assist2009_pid", name) for name in ("recurrent", "dkt")),
    *(Run("kt_assist2009_qmatrix", name) for name in ("simplekt", "akt")),
    *(Run(data, name) for data in ("kt_assist2017_timed", "kt_spanish") for name in ("best_lr", "kalman", "dkt")),
    *(Run("kt_synthetic5", "dkt", version) for version in range(5)),
    *(Run("kt_assist2009_pid", name, fold) for fold in range(1, 5) for name in ("recurrent", "dkt")),
    *(Run("kt_assist2009_pid", "akt", fold) for fold in range(5)),
)


def main() -> None:
    """Fill the report."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", default="", help="runs whose name holds this")
    options.add_argument("--threads", type=int, default=1)
    given = options.parse_args()
    _threads(given.threads)
    for run in PLAN:
        if given.only in run.key and not is_current(run, read()):
            began = time.perf_counter()
            entries = carried_out(run)
            keep(entries, run)
            told = ", ".join(f"{key} {entry['auc']:.4f}" for key, entry in entries.items())
            print(f"{told} ({time.perf_counter() - began:.0f} s)", flush=True)


def read() -> Entry:
    """The stored report, empty where there is none."""
    return json.loads(REPORT.read_text()) if REPORT.is_file() else {"runs": {}, "test_readings": []}


def is_current(run: Run, report: Entry) -> bool:
    """Whether the stored entry is of these data and this code."""
    entry = report["runs"].get(run.key)
    return entry is not None and entry["code"] == code(run.algorithm) and entry["data"] == tracingsets.digest(run.data)


def keep(entries: Mapping[str, Entry], run: Run) -> None:
    """Add entries to the report, and that the test part was read."""
    report = read()
    report["runs"] = dict(sorted({**report["runs"], **entries}.items()))
    for key in entries:
        report["test_readings"].append({"run": key, "at": datetime.now(UTC).isoformat(timespec="seconds")})
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n")


def carried_out(run: Run) -> dict[str, Entry]:
    """Fit and report; of our own once also the teachers, so that the cost of distilling is known."""
    part, stands_on = tracingsets.load(run.data, run.fold), code(run.algorithm)
    began = time.process_time()
    made = _made(run, part)
    cpu_s = round(time.process_time() - began, 1)
    return {key: _entry(run, part, fitted, cpu_s) | {"code": stands_on} for key, fitted in made.items()}


def _made(run: Run, part: tracingsets.Part) -> dict[str, Any]:  # of family.Fitted, or several of them together
    if run.algorithm != "recurrent" or run.data != DISTILLED:
        return {run.key: family.find(run.algorithm).fit(part.train, validation=part.validation)}
    from shuyuan.science.tracing.neural import correcting, distilling, recurrent

    prepared = correcting.Prepared.of(part.train, part.validation, 0)
    recipe = recurrent.suited(len(part.train))
    together = distilling.teachers(prepared, TEACHERS, recipe, 0)
    student = distilling.distilled(prepared, together, recipe, 0)
    return {run.key: student, f"{run.key}_alone": together.tracers[0], f"{run.key}_together": together}


def _entry(run: Run, part: tracingsets.Part, fitted: family.Fitted, cpu_s: float) -> Entry:
    p = fitted.predict(part.test)
    told = evaluation.report(part.test, p, part.train)
    return {
        **{name: _rounded(value) for name, value in asdict(told).items() if name != "slices"},
        "slices": {
            name: {what: _rounded(value) for what, value in asdict(one).items()} for name, one in told.slices.items()
        },
        "test_rows": len(part.test),
        "cpu_s": cpu_s,
        "data": tracingsets.digest(run.data),
        "predictions": digest(p),
    }


def digest(p: Floats) -> str:
    """SHA-256 of predictions to three digits, as a machine of another kind may differ in the last ones."""
    return hashlib.sha256(np.round(p, 3).astype(np.float32).tobytes()).hexdigest()


def code(algorithm: str) -> str:
    """SHA-256 of the sources an algorithm stands on, as parsed: neither comments nor formatting count."""
    room = family.REGISTRY[algorithm].split(".")[-2]
    files = [*SOURCE.glob("*.py"), *(SOURCE / "online").glob("*.py"), *_of_room(room, algorithm)]
    found = hashlib.sha256()
    for path in sorted(files):
        if path.name not in _ABOUT:
            found.update(ast.dump(ast.parse(path.read_text())).encode())
    return found.hexdigest()


def _of_room(room: str, algorithm: str) -> Iterable[Path]:
    """Files of a room that are not those of another algorithm."""
    return [path for path in (SOURCE / room).glob("*.py") if path.stem not in family.REGISTRY or path.stem == algorithm]


def _rounded(value: float | int | None) -> float | int | None:
    if value is None or isinstance(value, int):
        return value
    return round(value, 6) if np.isfinite(value) else None


def _threads(count: int) -> None:
    torch = importlib.import_module("torch")
    torch.set_num_threads(count)


if __name__ == "__main__":
    main()
