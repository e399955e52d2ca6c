"""How differently a figure comes out for groups of people, and how large a difference chance alone shows."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from shuyuan.science.metrics import resampling, shapes

Figure = Callable[[resampling.Rows], float]


def gap(figure: Figure, group: npt.NDArray[np.int64], rows: resampling.Rows | None = None) -> float:
    """Largest minus smallest figure over groups; NaN with fewer than two defined. group: (N,), negative: left out.

    >>> gap(lambda rows: float(rows.mean()), np.array([0, 0, 1, 1]))
    2.0
    """
    chosen = np.flatnonzero(group >= 0) if rows is None else rows[group[rows] >= 0]
    mine = group[chosen]
    found = np.array([figure(chosen[mine == one]) for one in np.unique(mine)])
    known = found[np.isfinite(found)]
    return float(known.max() - known.min()) if known.size > 1 else float("nan")


def gap_bounds(
    figure: Figure,
    group: npt.NDArray[np.int64],
    *,
    person: npt.ArrayLike | None = None,
    draws: int = 200,
    seed: int = 0,
) -> resampling.Bounds:
    """Percentile interval of the gap; whole persons are drawn where `person` is given."""
    return resampling.bounds(lambda rows: gap(figure, group, rows), len(group), person=person, draws=draws, seed=seed)


def gap_by_chance(
    figure: Figure,
    group: npt.NDArray[np.int64],
    *,
    person: npt.ArrayLike | None = None,
    draws: int = 200,
    quantile: float = 0.95,
    seed: int = 0,
) -> float:
    """What the gap stays below in 95 of 100 draws when groups are dealt anew.

    They are dealt to persons where each has one group only, else to rows (without persons, or for what varies within).
    """
    rng = np.random.default_rng(seed)
    place = np.arange(len(group)) if person is None else np.unique(np.asarray(person), return_inverse=True)[1]
    of_person = np.full(int(place.max()) + 1, -1, dtype=np.int64)
    of_person[place] = group
    if (of_person[place] != group).any():
        place, of_person = np.arange(len(group)), group
    known = np.flatnonzero(of_person >= 0)
    found: list[float] = []
    for _ in range(draws):
        dealt = of_person.copy()
        dealt[known] = rng.permutation(of_person[known])
        found.append(gap(figure, dealt[place]))
    defined: shapes.Floats = np.array(found)[np.isfinite(found)]
    return float(np.quantile(defined, quantile)) if defined.size else float("nan")
