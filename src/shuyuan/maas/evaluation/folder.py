"""The folder in which evaluation works: what the job says, and what the child writes. Light; read by both sides.

`job.json` → `progress.json` while it runs → `out/` and `result.json`, or `error.json` and exit code 64. The child holds
`lock` while it works, so that two of them never work in one folder.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from shuyuan.maas.datasets.interface import DataSetVersion, Part
from shuyuan.maas.evaluation.interface import Report, Subject

JOB, PROGRESS, RESULT, ERROR, LOCK, OUT, LOG = (
    "job.json",
    "progress.json",
    "result.json",
    "error.json",
    "lock",
    "out",
    "child.log",
)
REFUSED = 64  # exit code
REPORT, PREDICTIONS, TABLE = "report.json", "predictions.parquet", "table.parquet"
CHOOSING = "validation.parquet"  # of a fold: cut from the rows it trains on; it chooses the weights
Stage = Literal["reading", "predicting", "measuring", "errors", "groups", "control", "timing", "writing", "done"]
STAGES: tuple[Stage, ...] = (
    "reading",
    "predicting",
    "measuring",
    "errors",
    "groups",
    "control",
    "timing",
    "writing",
    "done",
)


def fold_name(number: int) -> str:
    """The folder of a fold, counted from 1; in it `train.parquet`, `held_out.parquet`, `rows.npy`, CHOOSING."""
    return f"fold-{number}"


def html_name(language: str) -> str:
    """The report as a page in a language."""
    return f"report.{language}.html"


class JobColumn(BaseModel):
    """A column of the table."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    kind: str
    role: str = "feature"


def columns_of(version: DataSetVersion) -> tuple[JobColumn, ...]:
    """The columns of a data set as the child takes them."""
    return tuple(JobColumn(name=one.name, kind=one.kind, role=one.role) for one in version.columns)


class _Job(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    table: Path
    columns: tuple[JobColumn, ...]
    seed: int = 7
    threads: int = 1


class EvaluateJob(_Job):
    """Predict where needed, measure, search for errors, write a report. head: the report so far."""

    work: Literal["evaluate"] = "evaluate"
    head: Report
    subject: Subject
    groups: tuple[str, ...] = ()
    personal: bool = True


class PredictJob(_Job):
    """Only predict: writes `out/predictions.parquet`."""

    work: Literal["predict"] = "predict"
    task: str
    part: Part
    subject: Subject


class FoldsJob(_Job):
    """Cut rows into k folds: `out/fold-1/train.parquet`, `held_out.parquet`, `rows.npy`; all: `table.parquet`.

    more: further parts whose rows are dealt too.  held: one fold only; labels of `table` and of these are shuffled.
    """

    work: Literal["folds"] = "folds"
    by: Literal["random", "person", "time", "stratified"] = "random"
    k: int = 5
    more: tuple[Path, ...] = ()
    held: Path | None = None


Job = EvaluateJob | PredictJob | FoldsJob


def write(path: Path, content: Mapping[str, Any] | str | bytes) -> None:
    """A whole file or none: JSON for a mapping."""
    raw = json.dumps(content, ensure_ascii=False) if isinstance(content, Mapping) else content
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as out:
        out.write(raw.encode() if isinstance(raw, str) else raw)
        out.flush()
        os.fsync(out.fileno())
    partial.replace(path)


def read(path: Path) -> dict[str, Any]:
    """A JSON object; empty where there is none yet."""
    try:
        told = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
