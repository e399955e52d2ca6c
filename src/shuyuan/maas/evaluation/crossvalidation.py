"""k folds of a part: cut in a child, trained by whoever is given, and gathered into one subject. Knows no trainer."""

from pathlib import Path

from shuyuan.kernel import ids
from shuyuan.maas.datasets import interface as datasets_api
from shuyuan.maas.evaluation import folder
from shuyuan.maas.evaluation.interface import (
    FoldFiles,
    FoldResult,
    NewCrossValidation,
    OnProgress,
    Subject,
    TrainFold,
)

_PREFIX = "validation_"  # of a run's figures on what was held out


def job(version: datasets_api.DataSetVersion, table: Path, new: NewCrossValidation) -> folder.FoldsJob:
    """The child's job that cuts the folds."""
    columns = tuple(folder.JobColumn(name=one.name, kind=one.kind, role=one.role) for one in version.columns)
    return folder.FoldsJob(table=table, columns=columns, seed=new.seed, by=new.by, k=new.k)


def subject(out: Path, new: NewCrossValidation, train: TrainFold, on_progress: OnProgress | None) -> Subject:
    """Train every fold that was cut (by time there may be fewer than k) and gather what they predicted."""
    places = sorted(out.glob("fold-*"), key=lambda place: int(place.name.removeprefix("fold-")))
    results: list[FoldResult] = []
    for number, place in enumerate(places, start=1):
        if on_progress is not None:
            on_progress({"stage": "folds", "step": number - 1, "steps": len(places)})
        results.append(
            train(FoldFiles(number=number, train=place / "train.parquet", held_out=place / "held_out.parquet"))
        )
    return Subject(
        uri=f"cv:/{new.key or ids.new_id()}",
        task=new.task,
        predictions=tuple(one.predictions for one in results),
        rows=tuple(place / "rows.npy" for place in places),
        folds=_by_figure(results),
    )


def _by_figure(results: list[FoldResult]) -> dict[str, tuple[float, ...]]:
    """Figures that every fold has, the held-out ones first choice: `validation_accuracy` becomes `accuracy`."""
    told = [
        {name.removeprefix(_PREFIX): value for name, value in one.figures.items() if name.startswith(_PREFIX)}
        or dict(one.figures)
        for one in results
    ]
    return (
        {name: tuple(one[name] for one in told) for name in told[0] if all(name in one for one in told)} if told else {}
    )
