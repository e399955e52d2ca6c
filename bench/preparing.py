"""Data preparation: rows a second of a plan here and of the same plan written with pandas, and whether both agree.

Both read one Parquet file of text and numbers and write three parts, each as a process of its own, started, worked and
ended, best of `ROUNDS`. `measure()` is the part "prepare" of `bench.lifecycle`.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from bench import environments, harness
from shuyuan.maas.datasets import folder, interface

ROWS, REPEATED, ROUNDS, SEED = 2_000_000, 40_000, 3, 7
COLUMNS = {
    "row": "identifier",
    "mark": "number",
    "age": "number",
    "minutes": "number",
    "town": "category",
    "band": "category",
    "course": "category",
    "passed": "category label",
}
PLAN = {
    "rules": [
        {"rule": "types"},
        {"rule": "duplicates"},
        {"rule": "missing"},
        {"rule": "outliers"},
        {"rule": "constant"},
    ],
    "split": {"by": "random", "shares": [0.7, 0.15, 0.15], "seed": SEED},
}
GOALS: dict[str, harness.Goal] = {"rows_s_ratio": (">=", 3.0), "parts_equal": ("==", 1)}
PROTOCOL = (
    f"{ROWS + REPEATED:,} rows, 8 columns; types, duplicates, missing, outliers, constant, random split, Parquet out; "
    f"whole processes, best of {ROUNDS}; cpu: user and system time of the process and its children"
)


def measure() -> dict[str, harness.Figure]:
    """Rows a second and processor time of both, their ratios, and whether the parts are equal."""
    with tempfile.TemporaryDirectory() as scratch:
        source, ours, theirs = (Path(scratch) / name for name in ("table.parquet", "ours", "pandas"))
        table(ROWS, REPEATED).write_parquet(source)
        theirs.mkdir()
        python = environments.python_of("pandas")
        script = [str(python), str(environments.PEERS / "prepare_pandas.py"), str(source), str(theirs), str(SEED)]
        rounds = [(timed(child(source, ours)), timed(script)) for _ in range(ROUNDS)]
        equal = all(same(ours / f"{part}.parquet", theirs / f"{part}.parquet") for part in interface.PARTS)
    wall, cpu = ([min(one[at] for one, _ in rounds), min(one[at] for _, one in rounds)] for at in (0, 1))
    rows = ROWS + REPEATED
    return {
        "rows_s": rows / wall[0],
        "rows_s_pandas": rows / wall[1],
        "rows_s_ratio": wall[1] / wall[0],
        "cpu_s": cpu[0],
        "cpu_s_pandas": cpu[1],
        "cpu_ratio": cpu[1] / cpu[0],
        "parts_equal": int(equal),
    }


def table(rows: int, repeated: int) -> pl.DataFrame:
    """Marks with gaps, words among the numbers, far values, repeated rows: seeded."""
    random = np.random.default_rng(SEED)
    marks = np.round(random.normal(70, 12, rows), 2)
    marks[random.random(rows) < 0.001] = 9999.0
    said = pl.Series("mark", marks).cast(pl.String).to_frame()
    odd = pl.Series(random.random(rows))
    towns = pl.Series([f"town {at}" for at in range(40)])
    whole = said.select(
        pl.Series("row", np.arange(rows)),
        pl.when(odd < 0.01).then(pl.lit("absent")).when(odd < 0.05).then(pl.lit("")).otherwise("mark").alias("mark"),
        pl.Series("age", random.integers(9, 19, rows)).cast(pl.Float64),
        pl.when(odd > 0.97).then(None).otherwise(pl.Series(random.exponential(30, rows))).alias("minutes"),
        pl.when(odd > 0.99).then(None).otherwise(towns.gather(random.integers(0, 40, rows))).alias("town"),
        pl.Series("band", np.array(["low", "middle", "high"])[random.integers(0, 3, rows)]),
        pl.lit("algebra").alias("course"),
        pl.Series("passed", np.array(["yes", "no"])[random.integers(0, 2, rows)]),
    )
    return pl.concat([whole, whole.head(repeated)])


def child(source: Path, home: Path) -> list[str]:
    """Our process on this table."""
    home.mkdir(exist_ok=True)
    told = {name: [*said.split(), "feature"][:2] for name, said in COLUMNS.items()}
    told["row"][1] = "ignore"
    job = {
        "work": "prepare",
        "sources": [{"path": str(source), "part": "train", "rows": ROWS + REPEATED}],
        "columns": [{"name": name, "kind": kind, "role": role} for name, (kind, role) in told.items()],
        "plan": PLAN,
        "processes": os.cpu_count(),
    }
    folder.write(home / folder.JOB, job)
    return [sys.executable, "-m", "shuyuan.maas.datasets.child", str(home)]


def timed(command: list[str]) -> tuple[float, float]:
    """Wall and processor seconds of a process and all its children. Raises CalledProcessError."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, input=b"00\n")
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def same(one: Path, other: Path) -> bool:
    """Whether two parts hold the same rows in the same order; numbers to 1e-9."""
    ours, theirs = pl.read_parquet(one), pl.read_parquet(other)
    if ours.shape != theirs.shape or ours.columns != theirs.columns:
        return False
    return all(
        np.allclose(ours[name].to_numpy(), theirs[name].to_numpy(), rtol=1e-9, equal_nan=True)
        if ours[name].dtype == pl.Float64
        else ours[name].cast(pl.String).equals(theirs[name].cast(pl.String), null_equal=True)
        for name in ours.columns
    )


if __name__ == "__main__":
    sys.exit(0 if harness.report("preparing", measure(), PROTOCOL, GOALS, ("numpy", "polars")) else 1)
