"""Runs for tests: folders with an example of a task, and children that start at once.

The children are forked from a server that has imported torch once: the code of a child is the real one, only its
interpreter starts faster.
"""

import json
import multiprocessing
import os
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

import polars

from shuyuan.maas.training import task, tasks

_CONTEXT: ForkServerContext = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.maas.training_child"])


def write(
    folder: Path, name: str, *, rows: int = 40, config: dict[str, Any] | None = None, table: task.Table | None = None,
    **job: Any,
) -> Path:  # fmt: skip
    """A folder with a job on example data: `rows` to train on, as many together to validate and test.

    killed_after, of `job`: the child is killed after so many checkpoints.
    """
    folder.mkdir(parents=True)
    example = tasks.load(name).example(rows, 0)
    held = tasks.load(name).example(max(rows // 2, 4), 1)
    tables = {"train": example.table if table is None else table, "validation": held.table, "test": held.table}
    for part, columns in tables.items():
        frame = polars.DataFrame({key: list(values) for key, values in columns.items()}, strict=False)
        frame.write_parquet(folder / f"{part}.parquet")
    said = {
        "task": name,
        "config": {**example.config, "epochs": 3, "batch": 8, **(config or {})},
        "columns": [column._asdict() for column in example.columns],
        "data": {part: str(folder / f"{part}.parquet") for part in tables},
        "seed": 7,
        **job,
    }
    (folder / "job.json").write_text(json.dumps(said))
    return folder


def start(folder: Path, largest_bytes: int = 0) -> ForkServerProcess:
    """The child of a folder. largest_bytes: no file may become larger, as on a full disk; 0: any may."""
    from tests.maas import training_child

    process = _CONTEXT.Process(target=training_child.run, args=(str(folder), largest_bytes, dict(os.environ)))
    process.start()
    return process


def finish(folder: Path, largest_bytes: int = 0) -> int:
    """Run the child of a folder to its end; its exit code."""
    process = start(folder, largest_bytes)
    process.join()
    code = process.exitcode
    process.close()
    assert code is not None
    return code


def go_on(folder: Path) -> None:
    """From now on the child of this folder is not killed any more."""
    job = json.loads((folder / "job.json").read_text())
    del job["killed_after"]
    (folder / "job.json").write_text(json.dumps(job))


def result(folder: Path) -> dict[str, Any]:
    """What the run came to."""
    if (folder / "error.json").exists():
        raise AssertionError((folder / "error.json").read_text())
    found: dict[str, Any] = json.loads((folder / "result.json").read_bytes())
    return found


def error(folder: Path) -> dict[str, str]:
    """What the run was refused for."""
    found: dict[str, str] = json.loads((folder / "error.json").read_bytes())
    return found


def metrics(folder: Path) -> list[dict[str, Any]]:
    """Every line."""
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
