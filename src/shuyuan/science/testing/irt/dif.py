"""Differential item functioning: does an item favour one group among people of equal score?

Mantel-Haenszel over score levels, with the size classes of ETS: A negligible, B moderate, C large. Sources: Holland &
Thayer (1988); Zieky (1993), in Differential Item Functioning (Holland & Wainer, eds.).
"""

import math
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from shuyuan.science.testing.bank import Floats, Ints
from shuyuan.science.testing.irt.answers import Answers, Unfit

_MODERATE, _LARGE = 1.0, 1.5  # on the ETS delta scale


class Dif(NamedTuple):
    """Of one item. delta: -2.35 log of the common odds ratio; below zero the item is harder for the focal group."""

    delta: float
    error: float
    chi_square: float
    p: float
    size: Literal["A", "B", "C"]


def mantel_haenszel(answers: Answers, focal: npt.ArrayLike) -> list[Dif | None]:
    """One line an item; None where no score level has people of both groups and both marks.

    focal: (N,) whether each person is of the focal group; the others are the reference. People are matched on the
    number right among the items they were asked, the studied item included. Raises Unfit unless both groups have some.
    """
    group = np.asarray(focal, dtype=np.bool_)
    if group.shape != (answers.persons,):
        raise Unfit(f"focal must say yes or no for each of {answers.persons} persons, got shape {group.shape}")
    if group.all() or not group.any():
        raise Unfit("both groups need people")
    right, asked = answers.right[answers.pattern], answers.asked[answers.pattern]
    _, places = np.unique(right.sum(1) * (asked.shape[1] + 1) + asked.sum(1), return_inverse=True)
    level = places.astype(np.int64)
    return [_of_item(right[:, item], asked[:, item] > 0, group, level) for item in range(answers.items)]


def _of_item(right: Floats, asked: npt.NDArray[np.bool_], focal: npt.NDArray[np.bool_], level: Ints) -> Dif | None:
    def count(rows: npt.NDArray[np.bool_]) -> Floats:
        return np.bincount(level[rows & asked], minlength=int(level.max()) + 1).astype(np.float64)

    a, b = count(~focal & (right == 1)), count(~focal & (right == 0))  # reference right, wrong
    c, d = count(focal & (right == 1)), count(focal & (right == 0))  # focal right, wrong
    n = a + b + c + d
    kept = (n > 1) & (a + b > 0) & (c + d > 0) & (a + c > 0) & (b + d > 0)
    a, b, c, d, n = (one[kept] for one in (a, b, c, d, n))
    ad, bc = a * d / n, b * c / n
    if not kept.any() or ad.sum() == 0 or bc.sum() == 0:
        return None
    odds = ad.sum() / bc.sum()
    delta = -2.35 * math.log(odds)
    share, other = (a + d) / n, (b + c) / n  # Robins, Breslow & Greenland (1986)
    variance = (
        (share * ad).sum() / (2 * ad.sum() ** 2)
        + (share * bc + other * ad).sum() / (2 * ad.sum() * bc.sum())
        + (other * bc).sum() / (2 * bc.sum() ** 2)
    )
    expected = (a + b) * (a + c) / n
    spread = (a + b) * (c + d) * (a + c) * (b + d) / (n**2 * (n - 1))
    chi_square = max(0.0, abs(a.sum() - expected.sum()) - 0.5) ** 2 / spread.sum()
    error = 2.35 * math.sqrt(variance)
    return Dif(delta, error, float(chi_square), math.erfc(math.sqrt(chi_square / 2)), _size(delta, error, chi_square))


def _size(delta: float, error: float, chi_square: float) -> Literal["A", "B", "C"]:
    significant = chi_square > 3.841  # five in a hundred, one degree of freedom
    if not significant or abs(delta) < _MODERATE:
        return "A"
    return "C" if abs(delta) >= _LARGE and (abs(delta) - _MODERATE) / error > 1.645 else "B"
