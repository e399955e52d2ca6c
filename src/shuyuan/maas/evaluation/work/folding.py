"""Cut rows into folds: files to train on and to hold out, and which row each held-out row was.

What chooses a fold's weights is cut from the rows it trains on, never from those held out.
"""

from pathlib import Path
from typing import Any

import numpy as np

from shuyuan.maas.datasets import frames
from shuyuan.maas.evaluation import folder
from shuyuan.maas.evaluation.work import persons
from shuyuan.maas.evaluation.work.refusal import Refused
from shuyuan.science.features import base
from shuyuan.science.metrics import folds

_ROLE = {"person": "person", "time": "time", "stratified": "label"}
_FEWEST_ROWS = 2
_CHOOSING = 8  # one of so many of the rows to train on chooses the weights


def cut(job: folder.FoldsJob, out: Path) -> None:
    """Write `fold-1` … `fold-k`, and the rows that are held out once as `table.parquet`. Raises Refused."""
    import polars as pl

    frame = pl.concat([pl.read_parquet(path) for path in (job.table, *job.more)])
    if job.held is not None:
        held = _shuffled(job, pl.read_parquet(job.held), job.seed + 1)
        held.write_parquet(out / folder.TABLE)
        _write(job, out, 1, _shuffled(job, frame, job.seed), held, np.arange(held.height))
        return
    frame.write_parquet(out / folder.TABLE)
    for number, fold in enumerate(_plan(job, out / folder.TABLE, frame.height), start=1):
        _write(job, out, number, frame[fold.train], frame[fold.held_out], fold.held_out)


def _write(
    job: folder.FoldsJob, out: Path, number: int, train: Any, held: Any, rows: Any
) -> None:  # polars frames and an array
    place = out / folder.fold_name(number)
    place.mkdir(parents=True, exist_ok=True)
    inner = _choosing(job, train)
    if inner is not None:
        train[inner.held_out].write_parquet(place / folder.CHOOSING)
        train = train[inner.train]
    train.write_parquet(place / "train.parquet")
    held.write_parquet(place / "held_out.parquet")
    np.save(place / "rows.npy", rows)


def _choosing(job: folder.FoldsJob, train: Any) -> folds.Fold | None:  # a polars frame
    """The rows that choose the weights: other persons, or later ones; None where there are too few to spare any."""
    role = "time" if job.by == "time" else "person"
    names = [column.name for column in job.columns if column.role == role and column.name in train.columns]
    try:
        if not names:
            return folds.k_fold(train.height, _CHOOSING, seed=job.seed)[0]
        column = frames.columns(train.select(names[:1]))[names[0]]
        if role == "time":
            return folds.by_time(np.asarray(column), _CHOOSING)[-1]
        return folds.by_person(persons.codes_of(column), _CHOOSING, seed=job.seed)[0]
    except (ValueError, TypeError):
        return None


def _shuffled(job: folder.FoldsJob, frame: Any, seed: int) -> Any:  # polars frames
    """The rows with their labels dealt anew.

    Those held out too: against true labels a fit that happens to lean one way along one column is far from chance.
    """
    names = [column.name for column in job.columns if column.role == "label"]
    if not names or frame.height < _FEWEST_ROWS:
        raise Refused("wrong_columns", "no column has the role 'label'", "give a column that role")
    order = np.random.default_rng(seed).permutation(frame.height)
    return frame.with_columns(frame[names[0]][order])


def _plan(job: folder.FoldsJob, table: Path, rows: int) -> list[folds.Fold]:
    try:
        if job.by == "random":
            return folds.k_fold(rows, job.k, seed=job.seed)
        names = [column.name for column in job.columns if column.role == _ROLE[job.by]]
        if not names:
            fix = "give a column that role, or cut at random"
            raise Refused("wrong_columns", f"no column has the role {_ROLE[job.by]!r}", fix)
        column = frames.read(table, names[:1])[names[0]]
        if job.by == "person":
            return folds.by_person(persons.codes_of(column), job.k, seed=job.seed)
        if job.by == "stratified":
            return folds.stratified([one or persons.MISSING for one in base.words(column)], job.k, seed=job.seed)
        return folds.by_time(np.asarray(column), job.k)
    except Refused:
        raise
    except (ValueError, TypeError) as wrong:
        raise Refused("bad_folds", str(wrong), "choose a smaller k, or cut in another way") from wrong
