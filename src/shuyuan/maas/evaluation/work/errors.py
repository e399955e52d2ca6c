"""Where it goes wrong: worst slices and the most confident mistakes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.evaluation.interface import FEWEST_PERSONS, Example, Slice
from shuyuan.maas.evaluation.work import persons
from shuyuan.maas.evaluation.work.measures import Measures, Rows
from shuyuan.maas.evaluation.work.predicted import word
from shuyuan.science.metrics import slices

_MOST_COLUMNS, _MOST_ROWS, _MOST_EXAMPLES, _MOST_LETTERS = 16, 20_000, 12, 200
_FEWEST_ROWS, _FEWEST_SHARE = 30, 0.02


def worst_slices(
    measured: Measures, coded: Sequence[persons.Coded], person: Rows | None, seed: int
) -> tuple[tuple[Slice, ...], int]:
    """The slices above chance, worst first, and how many were tested. coded: columns over the measured rows."""
    if measured.loss is None or not coded:
        return (), 0
    rows = np.arange(len(measured.loss))
    if len(rows) > _MOST_ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(len(rows), _MOST_ROWS, replace=False))
    loss = measured.loss[rows]
    chosen = coded[:_MOST_COLUMNS]
    search = slices.worst_slices(
        loss,
        [one.codes[rows] for one in chosen],
        person=None if person is None else person[rows],
        minimum_rows=max(_FEWEST_ROWS, int(_FEWEST_SHARE * len(rows))),
        minimum_persons=0 if person is None else FEWEST_PERSONS,
        seed=seed,
    )
    told = [
        Slice(
            where={
                chosen[column].name: chosen[column].words[code]
                for column, code in zip(one.columns, one.codes, strict=True)
            },
            rows=one.rows,
            error=one.mean,
            overall=float(loss.mean()),
            p_value=one.p,
        )
        for one in search.found
    ]
    return tuple(told), search.tested


def mistakes(
    measured: Measures, table: Mapping[str, Sequence[Any] | NDArray[Any]], columns: Sequence[str], personal: bool
) -> tuple[Example, ...]:
    """The most confident wrong answers, or largest residuals. columns: those of the table shown with them."""
    if measured.loss is None:
        return ()
    said = measured.said
    wrong = np.flatnonzero(measured.loss > 0)
    sure = measured.loss if measured.p is None else measured.p.max(axis=1)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:_MOST_EXAMPLES]
    return tuple(
        Example(
            row=int(said.rows[at]),
            label=_short(said.label[at]),
            prediction=_short(said.prediction[at]),
            confidence=float(sure[at]),
            values=None if personal else {name: _short(table[name][int(said.rows[at])]) for name in columns},
        )
        for at in worst
    )


def _short(value: object) -> str:
    told = f"{value:.6g}" if isinstance(value, float | np.floating) else word(value) or persons.MISSING
    return told if len(told) <= _MOST_LETTERS else told[: _MOST_LETTERS - 1] + "…"
