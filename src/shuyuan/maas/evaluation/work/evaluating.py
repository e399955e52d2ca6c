"""One evaluation from table and model (or predictions) to a whole report. Reads top to bottom as the report does."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.datasets import frames
from shuyuan.maas.evaluation import folder
from shuyuan.maas.evaluation.interface import FEWEST_PERSONS, Confusion, Control, Gap, Interval, Latency, Report
from shuyuan.maas.evaluation.work import (
    control,
    errors,
    groups,
    intervals,
    measuring,
    persons,
    predicted,
    predicting,
    timing,
)
from shuyuan.maas.evaluation.work.measures import Measures, Rows, finite
from shuyuan.maas.evaluation.work.refusal import Refused
from shuyuan.science.metrics import spread

Table = Mapping[str, Sequence[Any] | NDArray[Any]]  # Any: what the table holds
Tell = Callable[[folder.Stage], None]
_GROUP_VALUES, _MOST_GROUPS = 8, 12
_LATENCY_ROWS = 64


def evaluate(job: folder.EvaluateJob, out: Path, tell: Tell) -> Report:
    """The report; predictions are written beside it. Raises Refused."""
    tell("reading")
    schema = [column.model_dump() for column in job.columns]
    table = _table(job)
    truth = _truth(job, table)
    tell("predicting")
    model = _model_if_usable(job, table)
    said = _said(job, table, truth, model)
    predicted.write(out / folder.PREDICTIONS, said, job.head.part)
    tell("measuring")
    measured = measuring.measured(job, said, table, model)
    rows = measured.said.rows
    person = _person(schema, table, rows)
    figures = finite(measured.figures)
    missing = dict(measured.missing) | {
        name: "undefined" for name in measured.figures if name not in figures and name not in measured.missing
    }
    bounds = intervals.of(measured, person, job.seed)
    tell("errors")
    coded = _coded(schema, table, rows)
    slices, tested = errors.worst_slices(measured, coded, person, job.seed)
    shown = [column.name for column in job.columns if column.kind not in ("image", "sequence")]
    examples = errors.mistakes(measured, table, [name for name in shown if name in table], job.personal)
    tell("groups")
    gaps = groups.subgroup_gaps(measured, _group_columns(job, schema, table, rows), person, job.seed)
    figures |= groups.figures(gaps, measured.grouped)
    tell("control")
    checked = _control(job, measured, table, schema, model)
    figures |= _control_figures(checked)
    tell("timing")
    latency = _latency(model, table)
    figures |= _latency_figures(latency)
    figures |= finite(_fold_figures(job.subject.folds))
    return job.head.model_copy(
        update={
            "state": "finished",
            "stage": "done",
            "rows": len(rows),
            "persons": None if person is None else _count(person),
            "figures": figures,
            "intervals": bounds | _fold_intervals(job.subject.folds),
            "missing": missing | _why_missing(gaps, checked, latency),
            "slices": slices,
            "slices_tested": tested,
            "groups": gaps,
            "confusion": _confusion(measured),
            "examples": examples,
            "control": checked,
            "latency": latency,
            "folds": dict(job.subject.folds),
            "curves": {name: tuple(map(tuple, points.tolist())) for name, points in measured.curves.items()},
        }
    )


def predict(job: folder.PredictJob, out: Path, tell: Tell, family: str) -> None:
    """Only the predictions file."""
    tell("reading")
    table = _table(job)
    tell("predicting")
    model = _model(job)
    if model is None:
        raise Refused("no_model", "there is no model to predict with", "give an ONNX file")
    predicted.write(out / folder.PREDICTIONS, predicting.predict(model, table, _truth(job, table), family), job.part)


def _table(job: folder.Job) -> Table:
    try:
        table = frames.read(job.table, [column.name for column in job.columns])
    except Exception as wrong:  # polars raises a class of its own for every fault
        raise Refused(
            "bad_table", f"the table cannot be read: {str(wrong)[:300]}", "make the data set again"
        ) from wrong
    if not table or not len(next(iter(table.values()))):
        raise Refused("empty_part", "this part of the data set has no rows", "choose another part, or split again")
    return table


def _truth(job: folder.Job, table: Table) -> Sequence[Any] | None:
    labels = [column.name for column in job.columns if column.role == "label" and column.name in table]
    if not labels:
        return None
    found = table[labels[0]]
    values = found.tolist() if isinstance(found, np.ndarray) else found
    return [None if isinstance(one, float) and not np.isfinite(one) else one for one in values]


def _model(job: folder.EvaluateJob | folder.PredictJob) -> predicting.Model | None:
    if job.subject.model is None:
        return None
    told = folder.read(job.subject.features) if job.subject.features else None
    return predicting.Model(job.subject.model, job.subject.spec, told, job.threads)


def _model_if_usable(job: folder.EvaluateJob, table: Table) -> predicting.Model | None:
    """None where it is not at hand, or reads what is no column (a sentence vector) while its predictions are here."""
    try:
        model = _model(job)
        if model is not None:
            model.encode(_few(table))
        return model
    except Refused:
        if job.subject.predictions:
            return None
        raise


def _said(
    job: folder.EvaluateJob, table: Table, truth: Sequence[Any] | None, model: predicting.Model | None
) -> predicted.Predicted:
    family, paths = job.head.family, job.subject.predictions
    if paths:
        spoken = job.subject.spec.get("labels")
        labels = model.labels if model else tuple(map(str, spoken)) if isinstance(spoken, list | tuple) else ()
        # files of texts, ranks and values know better than the table what was to be found
        known = truth if family == "classification" else None
        found = predicted.read(paths, job.subject.rows, job.head.part, labels, known)
        if found is not None:
            return found
    if model is None:
        raise Refused(
            "no_predictions",
            f"there are no predictions for part {job.head.part} and no model to make them",
            "evaluate the registered version, or a part that the run predicted",
        )
    return predicting.predict(model, table, truth, family)


def _person(schema: Sequence[Mapping[str, str]], table: Table, rows: Rows) -> Rows | None:
    names = [name for name in persons.kinds(schema, "person") if name in table]
    return persons.codes_of(table[names[0]])[rows] if names else None


def _count(person: Rows) -> int | None:
    found = len(np.unique(person))
    return found if found >= FEWEST_PERSONS else None


def _coded(schema: Sequence[Mapping[str, str]], table: Table, rows: Rows) -> list[persons.Coded]:
    """Every column that slices can be cut from: what the model reads, and what it does not."""
    found = []
    for name, kind in persons.kinds(schema, "feature", "ignore").items():
        if name in table and kind != "identifier" and (coded := persons.coded(name, kind, _taken(table[name], rows))):
            found.append(coded)
    return found


def _group_columns(
    job: folder.EvaluateJob, schema: Sequence[Mapping[str, str]], table: Table, rows: Rows
) -> list[persons.Coded]:
    kinds = persons.kinds(schema, "feature", "ignore", "person", "time", "weight", "label")
    if unknown := [name for name in job.groups if name not in kinds]:
        raise Refused(
            "wrong_columns", f"there is no column {unknown[0]!r} to group by", f"use one of {', '.join(kinds)}"
        )
    found: list[persons.Coded] = []
    for name in job.groups or persons.kinds(schema, "feature", "ignore"):
        kind = kinds[name]
        if name not in table or (not job.groups and kind not in ("category", "boolean")):
            continue
        coded = persons.coded(name, kind, _taken(table[name], rows))
        if coded and (job.groups or len(coded.words) <= _GROUP_VALUES):
            found.append(coded)
    return found[:_MOST_GROUPS] if not job.groups else found


def _control(
    job: folder.EvaluateJob,
    measured: Measures,
    table: Table,
    schema: Sequence[Mapping[str, str]],
    model: predicting.Model | None,
) -> Control:
    labels = [name for name in persons.kinds(schema, "label") if name in table]
    features = persons.kinds(schema, "feature")
    if model is not None:  # what it reads is what can leak, whatever role the column has here
        features = {name: kind for name, kind in model.features.kinds if name in table}

    def again(shuffled: Table) -> NDArray[np.float64]:
        assert model is not None
        found = model.run_all(model.encode(shuffled))
        return predicting.probabilities(found, model) if measured.confusion else predicting.values(found, model)

    fits = model is not None and job.head.family in ("classification", "regression")
    return control.control(measured, table, labels[0] if labels else None, features, again if fits else None, job.seed)


def _control_figures(checked: Control) -> dict[str, float]:
    if checked.distance is None:
        return {}
    return {"shuffled_distance": checked.distance, "leak_suspects": float(len(checked.suspects))}


def _fold_figures(folds: Mapping[str, Sequence[float]]) -> dict[str, float]:
    told: dict[str, float] = {}
    for name, each in folds.items():
        told[f"cv_mean:{name}"] = float(np.mean(each))
        told[f"cv_spread:{name}"] = float(np.std(each, ddof=1)) if len(each) > 1 else 0.0
    return told


def _fold_intervals(folds: Mapping[str, Sequence[float]]) -> dict[str, Interval]:
    found = {f"cv_mean:{name}": spread.over_folds(each) for name, each in folds.items()}
    return {
        name: Interval(low=one.low, high=one.high, by="fold")
        for name, one in found.items()
        if one.low is not None and one.high is not None
    }


def _latency(model: predicting.Model | None, table: Table) -> Latency | None:
    if model is None:
        return None
    return timing.measure(model, model.encode(_few(table)), model.path)


def _few(table: Table) -> Table:
    return {name: _taken(column, np.arange(min(_LATENCY_ROWS, len(column)))) for name, column in table.items()}


def _latency_figures(latency: Latency | None) -> dict[str, float]:
    if latency is None:
        return {}
    return {
        "latency_p50_ms": latency.p50_ms,
        "latency_p99_ms": latency.p99_ms,
        "rows_per_s": latency.rows_per_s,
        "size_bytes": float(latency.size_bytes),
    }


def _why_missing(gaps: Sequence[Gap], checked: Control, latency: Latency | None) -> dict[str, str]:
    told: dict[str, str] = {}
    if latency is None:
        told |= dict.fromkeys(("latency_p50_ms", "latency_p99_ms", "rows_per_s", "size_bytes"), "no_model")
    if checked.distance is None:
        told |= dict.fromkeys(("shuffled_distance", "leak_suspects"), "no_control")
    if not any(one.gap is not None for one in gaps):
        told |= dict.fromkeys(("subgroup_gap", "subgroup_gap_excess"), "no_groups")
    return told


def _confusion(measured: Measures) -> Confusion | None:
    if measured.confusion is None:
        return None
    labels, counts = measured.confusion
    return Confusion(labels=labels, counts=tuple(tuple(row) for row in counts.tolist()))


def _taken(column: Any, rows: Rows) -> Any:  # Any: an array or a list
    return column[rows] if isinstance(column, np.ndarray) else [column[int(at)] for at in rows]
