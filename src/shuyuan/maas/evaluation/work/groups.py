"""Does it work for everybody alike? A figure for each group of people, the gap between them, and what chance shows.

A group of fewer than ten persons is suppressed; where one alone would be, the next smallest is too, because it could be
told from the whole.
"""

from collections.abc import Sequence

import numpy as np

from shuyuan.maas.evaluation.interface import FEWEST_PERSONS, Gap, Group
from shuyuan.maas.evaluation.work import persons
from shuyuan.maas.evaluation.work.measures import Figure, Measures, Rows, finite
from shuyuan.science.metrics import gaps, resampling

_DRAWS = 200
_MOST_WORK = 4_000_000  # rows drawn in all, a column


def subgroup_gaps(
    measured: Measures, coded: Sequence[persons.Coded], person: Rows | None, seed: int
) -> tuple[Gap, ...]:
    """One entry a column and compared figure. coded: group columns over the measured rows."""
    return tuple(
        _gap(name, measured.resampled[name], column, person, seed) for column in coded for name in measured.grouped
    )


def figures(found: Sequence[Gap], main: Sequence[str]) -> dict[str, float]:
    """The largest gap of the first compared figure, and how far it is beyond chance."""
    told = [one for one in found if one.figure in main[:1] and one.gap is not None]
    if not told:
        return {}
    return finite(
        {
            "subgroup_gap": max(one.gap or 0.0 for one in told),
            "subgroup_gap_excess": max((one.gap or 0.0) - (one.by_chance or 0.0) for one in told),
            **{f"subgroup_gap:{one.column}": one.gap or 0.0 for one in told},
        }
    )


def _gap(name: str, figure: Figure, column: persons.Coded, person: Rows | None, seed: int) -> Gap:
    sizes = [_size(column.codes == code, person) for code in range(len(column.words))]
    hidden = _hidden(sizes)
    shown = np.where(np.isin(column.codes, sorted(hidden)), -1, column.codes)
    groups = tuple(
        Group(value=word, suppressed=True)
        if code in hidden
        else _group(word, figure, np.flatnonzero(column.codes == code), person, seed)
        for code, word in enumerate(column.words)
    )
    draws = int(min(_DRAWS, max(50, _MOST_WORK / len(shown))))
    whole = gaps.gap(figure, shown)
    if not np.isfinite(whole):
        return Gap(column=column.name, figure=name, groups=groups)
    bounds = gaps.gap_bounds(figure, shown, person=person, draws=draws, seed=seed)
    chance = gaps.gap_by_chance(figure, shown, person=person, draws=draws, seed=seed)
    return Gap(
        column=column.name,
        figure=name,
        groups=groups,
        gap=whole,
        low=_number(bounds.low),
        high=_number(bounds.high),
        by_chance=_number(chance),
    )


def _group(word: str, figure: Figure, rows: Rows, person: Rows | None, seed: int) -> Group:
    mine = None if person is None else person[rows]
    draws = int(min(_DRAWS, max(50, _MOST_WORK / len(rows))))
    bounds = resampling.bounds(lambda drawn: figure(rows[drawn]), len(rows), person=mine, draws=draws, seed=seed)
    return Group(
        value=word,
        rows=len(rows),
        persons=None if mine is None else len(np.unique(mine)),
        figure=_number(figure(rows)),
        low=_number(bounds.low),
        high=_number(bounds.high),
    )


def _size(mine: "np.ndarray[tuple[int], np.dtype[np.bool_]]", person: Rows | None) -> int:
    return int(mine.sum()) if person is None else len(np.unique(person[mine]))


def _hidden(sizes: Sequence[int]) -> set[int]:
    small = {code for code, size in enumerate(sizes) if size < FEWEST_PERSONS}
    if len(small) == 1 and len(sizes) > 1:
        small.add(min((code for code in range(len(sizes)) if code not in small), key=lambda code: sizes[code]))
    return small


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
