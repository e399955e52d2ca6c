"""What every child is told that makes more rows of train: a step, its columns, and a slice of the rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from shuyuan.maas.datasets import augmentation, interface, steps


def jobs(
    plan: interface.Plan, columns: Sequence[interface.Column], train: pl.DataFrame, path: Path, chunk_rows: int
) -> list[dict[str, Any]]:  # Any: JSON
    """One a step and slice of `chunk_rows`; what they make lies beside `path`. Raises WrongColumns."""
    there = [one for one in columns if one.name in train.columns]
    return [
        {
            "source": str(path),
            "offset": offset,
            "length": chunk_rows,
            "step": step.model_dump(mode="json"),
            "names": names,
            "spreads": {name: _spread(train[name]) for name in names},
            "copies": getattr(steps.options(step, steps.AUGMENT), "copies", 1),
            "seed": plan.seed,
            "at": at,
            "out": str(path.parent / f"more-{at}-{offset}.arrow"),
        }
        for at, step in enumerate(plan.augment)
        for names in [_required(step, augmentation.columns_of(step, there))]
        for offset in range(0, train.height, chunk_rows)
    ]


def _required(step: interface.Step, names: list[str]) -> list[str]:
    if not names:
        raise interface.WrongColumns(
            f"there is no column that {step.rule!r} could augment", fix="leave the step out, or correct the kinds"
        )
    return names


def _spread(series: pl.Series) -> float:
    found = series.std() if series.dtype == pl.Float64 else None
    return found if isinstance(found, float) else 0.0
