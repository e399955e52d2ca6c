"""The shuffled-label control: with labels dealt at random a sound model scores what chance scores.

Where the model is at hand, the label column is shuffled in the table itself, together with every column that tells
the label by itself, and the model is asked again: one that reads the label, or a copy of it, still scores high.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.evaluation.figures import FLAGGED_AT
from shuyuan.maas.evaluation.interface import Control, Suspect
from shuyuan.maas.evaluation.work import persons
from shuyuan.maas.evaluation.work.measures import Measures, Rows
from shuyuan.maas.evaluation.work.predicted import word
from shuyuan.science import metrics

Table = Mapping[str, Sequence[Any] | NDArray[Any]]  # Any: what the table holds
Again = Callable[[Table], NDArray[np.float64]]  # the model's (N, K) probabilities or (N,) values
_REPEATS, _FEW_REPEATS, _FEW_ROWS, _MOST_ROWS = 20, 5, 500, 2000
_TELLS = 0.99  # share right, guessed from one column alone


def control(
    measured: Measures, table: Table, label: str | None, features: Mapping[str, str], again: Again | None, seed: int
) -> Control:
    """Run it. label: the label's column.  features: name → kind of the columns a model may read.  again: asks it."""
    truth = measured.truth
    if truth is None or len(np.unique(truth)) < 2:
        return Control(kind="none")
    rng = np.random.default_rng(seed)
    suspects = _suspects(measured, table, features)
    if again is None or label is None:
        values = [_score(measured, rng.permutation(len(truth)), None) for _ in range(_REPEATS)]
        return _told("predictions", measured, values, suspects)
    rows = np.arange(len(truth))
    if len(rows) > _MOST_ROWS:
        rows = np.sort(rng.choice(len(rows), _MOST_ROWS, replace=False))
    repeats = _REPEATS if len(rows) <= _FEW_ROWS else _FEW_REPEATS
    moved = {label, *(one.column for one in suspects)}
    numbers = measured.said.rows[rows]
    values = []
    for _ in range(repeats):
        order = rng.permutation(len(rows))
        shuffled = {
            name: _taken(column, numbers[order] if name in moved else numbers) for name, column in table.items()
        }
        values.append(_score(measured, rows[order], again(shuffled)))
    return _told("inputs", measured, values, suspects)


def _told(kind: Any, measured: Measures, values: Sequence[float], suspects: Sequence[Suspect]) -> Control:  # a Literal
    chance = 0.5 if measured.confusion is not None else 0.0
    figure = "auc" if measured.confusion is not None and measured.p is not None else "correlation"
    if measured.confusion is not None and measured.p is None:
        figure = "accuracy"
        chance = float(sum(_shares(measured)))
    known = [one for one in values if np.isfinite(one)]
    if not known:
        return Control(kind="none", suspects=tuple(suspects), flagged=bool(suspects))
    value = float(np.mean(known))
    distance = abs(value - chance)
    return Control(
        kind=kind,
        figure=figure,
        value=value,
        chance=chance,
        distance=distance,
        suspects=tuple(suspects),
        flagged=distance > FLAGGED_AT or bool(suspects),
    )


def _score(measured: Measures, truth_of: Rows, found: NDArray[np.float64] | None) -> float:
    """The score against the labels of the rows `truth_of`. found: what the model said; None: what it had said."""
    assert measured.truth is not None
    truth = measured.truth[truth_of]
    if measured.confusion is None:
        said = found if found is not None else np.asarray(measured.said.prediction, np.float64)
        return metrics.correlation(truth, said)
    p = found if found is not None else measured.p
    if p is None:
        index = {label: at for at, label in enumerate(measured.confusion[0])}
        said = np.array([index[str(word(one))] for one in measured.said.prediction])
        return float((said == truth).mean())
    classes = measured.truth.max() + 1
    if p.shape[1] < classes:
        p = np.concatenate([p, np.zeros((len(p), int(classes) - p.shape[1]))], axis=1)
    return metrics.auc(truth == 1, p[:, 1]) if p.shape[1] == 2 else metrics.one_vs_rest_auc(truth, p)


def _shares(measured: Measures) -> NDArray[np.float64]:
    """For each class the chance that a random truth and a random answer are both that class."""
    assert measured.confusion is not None
    counts = measured.confusion[1]
    shares: NDArray[np.float64] = counts.sum(axis=0) * counts.sum(axis=1) / counts.sum() ** 2
    return shares


def _suspects(measured: Measures, table: Table, features: Mapping[str, str]) -> list[Suspect]:
    """Feature columns from which alone the label can be told: guessed on the odd rows by the even ones and back."""
    assert measured.truth is not None
    truth: NDArray[Any] = measured.truth
    if measured.confusion is None:
        return _copies(truth, measured.said.rows, table, features)
    classes = int(truth.max()) + 1
    majority = np.bincount(truth.astype(np.int64)).max() / len(truth)
    found = []
    for name, kind in features.items():
        if kind not in ("number", "integer", "boolean", "category") or name not in table:
            continue
        codes = persons.codes_of(_taken(table[name], measured.said.rows))
        score = _guessed(codes, truth.astype(np.int64), classes)
        if score >= _TELLS and score > majority + 0.005:
            found.append(Suspect(column=name, score=score))
    return found


def _guessed(codes: Rows, truth: Rows, classes: int) -> float:
    half = np.arange(len(truth)) % 2
    right = 0
    for held in (0, 1):
        counts = np.zeros((int(codes.max()) + 1, classes))
        np.add.at(counts, (codes[half != held], truth[half != held]), 1)
        known = counts[codes[half == held]]
        right += int(((known.argmax(axis=1) == truth[half == held]) & known.any(axis=1)).sum())
    return right / len(truth)


def _copies(truth: NDArray[Any], rows: Rows, table: Table, features: Mapping[str, str]) -> list[Suspect]:
    found = []
    for name, kind in features.items():
        if kind not in ("number", "integer") or name not in table:
            continue
        values = np.array([np.nan if one is None else float(one) for one in _taken(table[name], rows)])
        known = np.isfinite(values)
        if (
            known.sum() > 2
            and np.isfinite(score := abs(metrics.correlation(truth[known], values[known])))
            and score > 0.9999
        ):
            found.append(Suspect(column=name, score=float(score)))
    return found


def _taken(column: Any, rows: Rows) -> Any:  # Any: an array or a list
    return column[rows] if isinstance(column, np.ndarray) else [column[int(at)] for at in rows]
