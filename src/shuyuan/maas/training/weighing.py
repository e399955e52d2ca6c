"""Rows that count more than others: one column of the role `weight`, used in the loss and in the figures alike.

A weight of 2 is as two rows that are alike, 0 as none; only ratios matter. Encoders and the balance of classes are
learned from rows as they are. Refuses weights to learn by that are missing, below zero or all zero; a held part of
such weights is counted without them, and that is noted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from shuyuan.maas.training import columns as asked
from shuyuan.maas.training import task

WEIGHT = "*weight"  # the array of weights; no column is called so


def apply(work: task.Work, columns: Sequence[task.Column]) -> None:
    """Have `work` weigh its rows where a column says how. Raises BadTraining: two columns, or a task that cannot."""
    if (named := asked.weight(columns)) is not None:
        work.weigh(named)


def of_held(columns: Sequence[task.Column], table: task.Table) -> tuple[task.Table, str]:
    """A part that is not learned from, without weights that cannot be; and a note of that, empty where they can."""
    for column in columns:
        if column.role == "weight" and column.name in table:
            try:
                _numbers(column.name, table[column.name])
            except task.BadTraining as wrong:
                rest = {name: values for name, values in table.items() if name != column.name}
                return rest, f"{wrong.message}, so its rows count alike"
    return table, ""


class Weighed:
    """For works that can: keeps the column's name and reads it."""

    weight_column = ""

    def weigh(self, column: str) -> None:
        """See task.Work.weigh."""
        self.weight_column = column

    def weights_of(self, table: task.Table) -> dict[str, task.Array]:
        """The array of weights under its name; nothing where rows count alike. Raises BadTraining."""
        if self.weight_column not in table:
            return {}
        return {WEIGHT: _numbers(self.weight_column, table[self.weight_column])}


def mean(values: task.Array, weights: task.Array | None) -> float:
    """The mean, each value counting by its weight; 0 where none counts."""
    if weights is None:
        return float(values.mean())
    return float((values * weights).sum() / weights.sum()) if weights.any() else 0.0


def _numbers(column: str, values: Sequence[Any] | task.Array) -> task.Array:  # Any: what the table holds
    try:
        found = np.asarray(values, np.float64).astype(np.float32)
    except (TypeError, ValueError) as wrong:
        raise _bad(column, f"holds what is no number: {wrong}"[:200]) from wrong
    if missing := int((~np.isfinite(found)).sum()):
        raise _bad(column, f"holds no number in {missing} of {len(found)} rows")
    if len(found) and (found.min() < 0 or not found.any()):
        raise _bad(column, f"goes from {found.min():g} to {found.max():g}")
    return found


def _bad(column: str, what: str) -> task.BadTraining:
    return task.BadTraining(
        f"the weight column {column!r} {what}",
        fix="give every row a weight of 0 or more, not all 0, or give the column the role 'ignore'",
    )
