"""Cut a table into folds: files to train on and to hold out, and which row each held-out row was."""

from pathlib import Path

import numpy as np

from shuyuan.maas.datasets import frames
from shuyuan.maas.evaluation import folder
from shuyuan.maas.evaluation.work import persons
from shuyuan.maas.evaluation.work.refusal import Refused
from shuyuan.science.features import base
from shuyuan.science.metrics import folds

_ROLE = {"person": "person", "time": "time", "stratified": "label"}


def cut(job: folder.FoldsJob, out: Path) -> None:
    """Write `fold-1` … `fold-k`. Raises Refused."""
    import polars as pl

    frame = pl.read_parquet(job.table)
    for number, fold in enumerate(_plan(job, frame.height), start=1):
        place = out / f"fold-{number}"
        place.mkdir(parents=True, exist_ok=True)
        for name, rows in (("train", fold.train), ("held_out", fold.held_out)):
            frame[rows].write_parquet(place / f"{name}.parquet")
        np.save(place / "rows.npy", fold.held_out)


def _plan(job: folder.FoldsJob, rows: int) -> list[folds.Fold]:
    try:
        if job.by == "random":
            return folds.k_fold(rows, job.k, seed=job.seed)
        names = [column.name for column in job.columns if column.role == _ROLE[job.by]]
        if not names:
            fix = "give a column that role, or cut at random"
            raise Refused("wrong_columns", f"no column has the role {_ROLE[job.by]!r}", fix)
        column = frames.read(job.table, names[:1])[names[0]]
        if job.by == "person":
            return folds.by_person(persons.codes_of(column), job.k, seed=job.seed)
        if job.by == "stratified":
            return folds.stratified([one or persons.MISSING for one in base.words(column)], job.k, seed=job.seed)
        return folds.by_time(np.asarray(column), job.k)
    except Refused:
        raise
    except (ValueError, TypeError) as wrong:
        raise Refused("bad_folds", str(wrong), "choose a smaller k, or cut in another way") from wrong
