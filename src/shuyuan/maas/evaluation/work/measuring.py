"""Figures by family: what a model said of some rows, measured as its task is."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.evaluation import folder
from shuyuan.maas.evaluation.work import (
    classes,
    orders,
    persons,
    predicted,
    predicting,
    rebuilt,
    returns,
    texts,
    values,
)
from shuyuan.maas.evaluation.work.measures import Measures, Rows

Table = Mapping[str, Sequence[Any] | NDArray[Any]]  # Any: what the table holds


def measured(
    job: folder.EvaluateJob, said: predicted.Predicted, table: Table, model: predicting.Model | None
) -> Measures:
    """The figures of the report's family. Raises Refused."""
    family = job.head.family
    if family == "classification":
        return classes.measure(said, job.seed)
    if family == "regression":
        return values.measure(said, job.seed)
    if family == "generation":
        return texts.generation(said)
    if family == "language_model":
        return texts.language_model(said)
    if family == "ranking":
        person = [column.name for column in job.columns if column.role == "person" and column.name in table]
        query = persons.codes_of(table[person[0]])[said.rows] if person else None
        return orders.ranking(said, query)
    if family == "reconstruction":
        return rebuilt.measure(said)
    if family == "policy":
        return returns.measure(said)
    return orders.clustering(said, _vectors(job, table, said.rows, model), job.seed)


def _vectors(
    job: folder.EvaluateJob, table: Table, rows: Rows, model: predicting.Model | None
) -> NDArray[np.float64] | None:
    """What distances are measured in: the model's own inputs, else the numbers among the features, standardised."""
    if model is not None:
        dense = [one.reshape(len(one), -1) for one in model.encode(table).values() if one.dtype.kind == "f"]
        if dense:
            return np.concatenate(dense, axis=1)[rows].astype(np.float64)
    found = []
    for column in job.columns:
        told = table.get(column.name)
        if column.role == "feature" and isinstance(told, np.ndarray) and told.dtype.kind in "if":
            numbers = told[rows].astype(np.float64)
            numbers = np.where(np.isfinite(numbers), numbers, np.nanmean(numbers) if np.isfinite(numbers).any() else 0)
            found.append((numbers - numbers.mean()) / (numbers.std() or 1.0))
    return np.column_stack(found) if found else None
