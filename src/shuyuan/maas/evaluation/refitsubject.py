"""From a fit that evaluation ordered to the child's job, the subject of its report, and what is told of it. Pure."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.evaluation import folder
from shuyuan.maas.evaluation.figures import FLAGGED_AT
from shuyuan.maas.evaluation.interface import NewReport, Report, Retrained, RunFacts, Subject

_PREFIXES = ("test_", "validation_")  # of a run's figures on what was held out; the second: of an earlier version
SCHEMES: Mapping[str, str] = {"folds": "cv:/", "shuffled": "shuffled:/"}


def cut_job(row: Row[Any], version: datasets_api.DataSetVersion, datasets: datasets_api.DataSets) -> folder.FoldsJob:
    """What the child cuts: rows of the parts into folds, or train with its labels shuffled."""
    columns = folder.columns_of(version)
    if row.kind == "shuffled":
        train, held = datasets.open_part(version, "train"), datasets.open_part(version, "validation")
        return folder.FoldsJob(table=train, held=held, columns=columns, seed=row.seed)
    first, *more = (datasets.open_part(version, part) for part in row.parts)
    return folder.FoldsJob(table=first, more=tuple(more), columns=columns, seed=row.seed, by=row.by, k=row.k)


def subject(row: Row[Any], out: Path, runs: Sequence[RunFacts], predictions: Sequence[Path]) -> Subject:
    """All that was predicted of held-out rows."""
    return Subject(
        uri=SCHEMES[row.kind] + row.id,
        task=row.task,
        predictions=tuple(predictions),
        rows=tuple(out / folder.fold_name(number) / "rows.npy" for number in range(1, len(runs) + 1)),
        folds=by_figure(runs) if row.kind == "folds" else {},
    )


def asked(row: Row[Any], version: datasets_api.DataSetVersion, made: Subject) -> NewReport:
    """The report that is ordered: on part test where its rows are among those held out."""
    part: datasets_api.Part = "validation" if "validation" in version.parts else "train"
    if row.kind == "folds" and "test" in row.parts:
        part = "test"
    return NewReport(subject=made.uri, data=row.data, part=part, groups=tuple(row.groups), task=row.task, seed=row.seed)


def by_figure(runs: Sequence[RunFacts]) -> dict[str, tuple[float, ...]]:
    """Figures that every fold has, of the held-out rows where told: `test_accuracy` becomes `accuracy`."""
    told = [_held_out(one.figures) for one in runs]
    names = [name for name in told[0] if all(name in one for one in told)] if told else []
    return {name: tuple(one[name] for one in told) for name in names}


def _held_out(figures: Mapping[str, float]) -> dict[str, float]:
    for prefix in _PREFIXES:
        if found := {name.removeprefix(prefix): one for name, one in figures.items() if name.startswith(prefix)}:
            return found
    return dict(figures)


def retrained(report: Report) -> dict[str, Any]:
    """The figure of a fit with shuffled labels beside chance, as a JSON object."""
    figure, chance = ("correlation", 0.0)
    if report.family == "classification":
        figure, chance = ("auc", 0.5) if "auc" in report.figures else ("accuracy", report.figures["majority_share"])
    value = report.figures.get(figure, chance)  # a constant answer correlates with nothing
    distance = abs(value - chance)
    flagged = distance > max(FLAGGED_AT, _by_luck(report, figure))
    return Retrained(figure=figure, value=value, chance=chance, distance=distance, flagged=flagged).model_dump(
        mode="json"
    )


def _by_luck(report: Report, figure: str) -> float:
    """How far from chance so few rows come by luck, 95 times in 100."""
    bounds = report.intervals.get(figure)
    return (bounds.high - bounds.low) / 2 if bounds else 2 / math.sqrt(max(report.rows, 1))
