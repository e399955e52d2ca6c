"""`python -m shuyuan.maas.datasets.child FOLDER`: do what job.json says, in a process of its own.

Polars lives here; the server only starts this and reads the files of `folder`. The key of pseudonyms comes through
standard input, so that it lies in no file. Ends when its parent does.
"""

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from shuyuan.kernel import children
from shuyuan.maas.datasets import (
    faults,
    findings,
    folder,
    interface,
    persons,
    processing,
    reading,
    schema,
    sufficient,
    writing,
)
from shuyuan.maas.datasets.bounds import Bounds
from shuyuan.maas.datasets.pool import InlinePool, LocalPool, Pool

_TOLD_EVERY_S = 0.2


def main(home: Path, key: bytes) -> int:
    """Do the job of a folder; return the exit code."""
    job = folder.read(home / folder.JOB) or {}
    try:
        result = WORKS[job["work"]](home, job, key)
        folder.write(home / folder.RESULT, result)
    except Exception as fault:
        known = faults.told(fault)
        if known is None:
            raise
        _tell_fault(home, known)
        return folder.BAD_INPUT
    return 0


def import_(home: Path, job: folder.Json, key: bytes) -> folder.Json:
    """Read a file as it came into one table, and say what it holds."""
    told, bounds = interface.NewDataSet.model_validate(job["new"]), Bounds.model_validate(job["bounds"])
    tell = _teller(home)
    tell("reading", 0, 3)
    frame, read = reading.reader(reading.format_of(told)).read(home / folder.INPUT, told, bounds, home, key)
    bounds.require(frame.height, frame.width)
    tell("looking", 1, 3)
    typed, columns, seen = schema.inferred(frame, told.columns)
    typed, hidden = persons.replaced(typed, persons.columns(columns), key)
    columns = schema.profiled(typed, persons.as_identifiers(columns)) if hidden else columns
    seen += sufficient.noticed(columns, typed.height)
    raw = set(persons.columns(columns))  # what was seen in these was seen before there were pseudonyms
    seen = [one.without_values() if one.column in raw else one for one in [*read, *seen]]
    tell("writing", 2, 3)
    path = home / "train.parquet"
    writing.write(typed, path)
    tell("done", 3, 3)
    made = processing.Outcome({"train": path}, {"train": typed.height}, columns, [*seen, *hidden])
    made.preview = writing.preview(typed)
    return _told(made)


def prepare(home: Path, job: folder.Json, key: bytes) -> folder.Json:
    """Do a plan on the parts of a version."""
    columns = [interface.Column.model_validate(one) for one in job["columns"]]
    plan, given = interface.Plan.model_validate(job["plan"]), [Path(one["path"]) for one in job["sources"]]
    unmarked = job.get("unmarked", False)
    paths, plan, hidden = persons.as_pseudonyms(given, columns, plan, home, key, unmarked=unmarked)
    sources = [
        processing.Source(path, one["part"], one["rows"]) for path, one in zip(paths, job["sources"], strict=True)
    ]
    few = sum(one.rows for one in sources) <= processing.CHUNK_ROWS
    pool: Pool = InlinePool() if few else LocalPool(job["processes"])
    try:
        made = processing.run(sources, columns, plan, home, pool, _teller(home))
    finally:
        pool.close()
    made.findings = [*hidden, *made.findings]
    return _told(made)


def erase(home: Path, job: folder.Json, key: bytes) -> folder.Json:
    """Every version of the job without the rows of some persons; parts that nobody is left in are not there."""
    tell, made = _teller(home), {}
    for at, version in enumerate(job["versions"]):
        tell("erasing", at, len(job["versions"]))
        columns = [interface.Column.model_validate(one) for one in version["columns"]]
        rows, parts = 0, dict[interface.Part, pl.DataFrame]()
        for source in version["sources"]:
            whole = pl.read_parquet(source["path"], glob=False)
            left = persons.without(whole, version["persons"], job["persons"], key)
            rows += whole.height - left.height
            if left.height:
                parts[source["part"]] = persons.marked(left, persons.columns(columns)) if version["unmarked"] else left
        made[version["id"]] = {"rows": rows, **_left(home / version["id"], columns, rows, parts)}
    return {"versions": made}


def _left(
    home: Path, columns: list[interface.Column], gone: int, parts: "dict[interface.Part, pl.DataFrame]"
) -> dict[str, Any]:  # Any: JSON
    """What is left of a version, written and told; nothing for one that was not touched, or of which train is gone."""
    if not gone or "train" not in parts:
        return {}
    home.mkdir()
    for part, frame in parts.items():
        writing.write(frame, home / f"{part}.parquet")
    made = processing.Outcome(
        {part: home / f"{part}.parquet" for part in parts},
        {part: frame.height for part, frame in parts.items()},
        schema.profiled(pl.concat(list(parts.values()), rechunk=False), columns),
        [findings.found("erased", None, count=gone, action="dropped rows")],
        writing.preview(parts["train"]),
    )
    return {"made": _told(made)}


def export(home: Path, job: folder.Json, key: bytes) -> folder.Json:
    """A part as CSV."""
    frame = pl.read_parquet(job["source"], glob=False)
    for name, dtype in frame.schema.items():
        if dtype == pl.Binary:
            raise interface.WrongColumns(f"column {name!r} holds pictures, which CSV cannot", fix="take Parquet")
    lists = [
        pl.format("[{}]", pl.col(n).cast(pl.List(pl.String)).list.join(",")).alias(n)
        for n, t in frame.schema.items()
        if isinstance(t, pl.List)
    ]
    frame.with_columns(lists).write_csv(home / "export.csv", include_bom=True)
    return {"path": str(home / "export.csv")}


WORKS: dict[str, Callable[[Path, folder.Json, bytes], folder.Json]] = {
    "import": import_,
    "prepare": prepare,
    "erase": erase,
    "export": export,
}


def _told(made: processing.Outcome) -> dict[str, Any]:  # Any: JSON
    return {
        "parts": {part: {"path": str(path), "rows": made.rows[part]} for part, path in made.parts.items()},
        "columns": [one.model_dump(mode="json") for one in made.columns],
        "findings": [one.model_dump(mode="json") for one in made.findings],
        "preview": made.preview,
    }


def _teller(home: Path) -> processing.Tell:
    """Writes progress.json, at most a few times a second."""
    last, lock = [0.0], threading.Lock()

    def tell(stage: str, done: int, total: int) -> None:
        with lock:
            if time.monotonic() - last[0] >= _TOLD_EVERY_S or done == total:
                last[0] = time.monotonic()
                folder.write(home / folder.PROGRESS, {"stage": stage, "done": done, "total": total})

    return tell


def _tell_fault(home: Path, known: dict[str, str]) -> None:
    """To error.json; to standard error where even that finds no room."""
    try:
        folder.write(home / folder.ERROR, known)
    except OSError:
        print(json.dumps(known), file=sys.stderr)


if __name__ == "__main__":
    children.end_with_starter()
    sys.exit(main(Path(sys.argv[1]), bytes.fromhex(sys.stdin.readline().strip())))
