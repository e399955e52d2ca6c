"""The child's work done in this process: a job in its folder, and what came of it."""

from pathlib import Path
from typing import Any

import numpy as np

from shuyuan.maas.datasets import frames
from shuyuan.maas.evaluation import child, folder
from shuyuan.maas.evaluation.interface import Report


def done(place: Path, job: folder.Job) -> tuple[int, Path]:
    """Exit code and folder of the job."""
    work = place / "work"
    work.mkdir()
    folder.write(work / folder.JOB, job.model_dump_json())
    return child.main(work), work


def report_of(place: Path, job: folder.EvaluateJob) -> Report:
    code, work = done(place, job)
    assert code == 0, folder.read(work / folder.ERROR)
    return Report.model_validate_json((work / folder.OUT / folder.REPORT).read_bytes())


def refusal_of(place: Path, job: folder.Job) -> dict[str, str]:
    code, work = done(place, job)
    assert code == folder.REFUSED
    assert not (work / folder.RESULT).exists()
    told: dict[str, str] = folder.read(work / folder.ERROR)
    return told


def predictions(place: Path, **columns: Any) -> Path:
    """A predictions file."""
    path = place / "predictions.parquet"
    rows = len(next(iter(columns.values())))
    frames.write(path, {"part": ["validation"] * rows, "row": np.arange(rows), **columns})
    return path
