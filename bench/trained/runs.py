"""A run of its own for every figure: Parquet parts, job.json, a child process, as the server does it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars

from bench import harness

SEED = 7
THREADS = len(os.sched_getaffinity(0))
Table = Mapping[str, Sequence[Any]]  # Any: whatever a column holds
Columns = Sequence[tuple[str, str, str]]  # name, kind, role
Figures = dict[str, harness.Figure]


def run(
    folder: Path,
    task: str,
    config: Mapping[str, Any],  # Any: JSON
    columns: Columns,
    tables: Mapping[str, Table],
    kept: Mapping[str, Path] = {},
) -> dict[str, Any]:  # result.json, and where the folder is
    """One run in its folder. kept: files of the folder carried over from the run before, and on to the next."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for part, table in tables.items():
        polars.DataFrame({name: list(table[name]) for name, _, _ in columns}, strict=False).write_parquet(
            folder / f"{part}.parquet"
        )
    for name, path in kept.items():
        if path.exists():
            shutil.copy(path, folder / name)
    said = {
        "task": task, "config": config,
        "columns": [{"name": name, "kind": kind, "role": role} for name, kind, role in columns],
        "data": {part: str(folder / f"{part}.parquet") for part in tables}, "seed": SEED, "threads": THREADS,
    }  # fmt: skip
    (folder / "job.json").write_text(json.dumps(said))
    command = [sys.executable, "-m", "shuyuan.maas.training.child", str(folder)]
    if subprocess.run(command, env=environment(), check=False).returncode:
        raise SystemExit(f"the run in {folder.name} failed: {(folder / 'error.json').read_text()[:500]}")
    for name, path in kept.items():
        shutil.copy(folder / name, path)
    return {**json.loads((folder / "result.json").read_bytes()), "folder": folder}


def environment() -> dict[str, str]:
    source = str(harness.ROOT / "src")
    return {**os.environ, "PYTHONPATH": source, "OMP_NUM_THREADS": str(THREADS), "HF_HUB_OFFLINE": "1"}


def labels(run: Mapping[str, Any]) -> tuple[list[str], list[str]]:  # Any: JSON
    found = tested(run)
    return found["label"].to_list(), found["prediction"].to_list()


def tested(run: Mapping[str, Any]) -> polars.DataFrame:  # Any: JSON
    found = polars.read_parquet(run["folder"] / "out/predictions.parquet")
    return found.filter(polars.col("part") == "test").sort("row")


def chances(run: Mapping[str, Any], label: str) -> Any:  # an array of numbers; Any: JSON
    spec = json.loads((run["folder"] / "out/spec.json").read_bytes())
    return tested(run)[f"p_{spec['labels'].index(label)}"].to_numpy().astype(float)


def accuracy(run: Mapping[str, Any]) -> float:  # Any: JSON
    return float(run["figures"]["test_accuracy"])


def share(truth: Sequence[str], found: Sequence[str]) -> float:
    return sum(a == b for a, b in zip(truth, found, strict=True)) / len(truth)


def columns_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:  # Any: words and numbers
    return {name: [row[name] for row in rows] for name in rows[0]}


def hashed(word: str) -> int:
    return int(hashlib.sha256(f"{SEED} {word}".encode()).hexdigest(), 16)
