"""Whether items answer as the model says: infit and outfit, and observed against expected right answers by score."""

import math
from typing import NamedTuple

import numpy as np

from shuyuan.science.testing.bank import Bank, Floats, Ints
from shuyuan.science.testing.irt import ability
from shuyuan.science.testing.irt.answers import Answers

_LEAST_EXPECTED = 1.0  # persons in a cell of the chi-square; thinner neighbours are put together


class ItemFit(NamedTuple):
    """(J,) each. infit and outfit are near 1 where the model holds; NaN where a figure has no basis.

    chi_square, freedom, p: S-X2, for people who were asked every item.
    """

    infit: Floats
    outfit: Floats
    chi_square: Floats
    freedom: Ints
    p: Floats


def item_fit(answers: Answers, bank: Bank, parameters: int = 2) -> ItemFit:
    """How far each item is from the model. parameters: how many the fit estimated for an item.

    Sources: Wright & Masters (1982), Rating Scale Analysis, chapter 5, with ability integrated over its posterior;
    Orlando & Thissen (2000), Appl. Psychol. Meas. 24.
    """
    grid = ability.Grid.normal()
    share = ability.posterior(answers, bank, grid).share * answers.weight[:, None]
    p = np.clip(bank.chance(grid.ability), 1e-9, 1 - 1e-9)  # (Q, J)
    right, asked = answers.right.T @ share, answers.asked.T @ share  # (J, Q)
    spread = (p * (1 - p)).T
    off = right * (1 - p.T) ** 2 + (asked - right) * p.T**2  # squared residuals
    infit = off.sum(1) / (asked * spread).sum(1)
    outfit = (off / spread).sum(1) / asked.sum(1)
    chi_square, freedom = _by_score(answers, bank, grid, parameters)
    tail = [upper_tail(float(x), int(df)) if df > 0 else math.nan for x, df in zip(chi_square, freedom, strict=True)]
    return ItemFit(infit, outfit, chi_square, freedom, np.asarray(tail))


def _by_score(answers: Answers, bank: Bank, grid: ability.Grid, parameters: int) -> tuple[Floats, Ints]:
    """S-X2 and its degrees of freedom."""
    complete = answers.asked.all(1)
    size = answers.items
    if not complete.any() or size < 2:
        return np.full(size, np.nan), np.zeros(size, dtype=np.int64)
    right, weight = answers.right[complete], answers.weight[complete]
    score = right.sum(1).astype(int)
    people = np.bincount(score, weight, size + 1).astype(np.float64)
    p = bank.chance(grid.ability)
    whole = score_chances(p) * grid.weight  # (J + 1, Q)
    chi_square, freedom = np.empty(size), np.empty(size, dtype=np.int64)
    for item in range(size):
        rest = score_chances(np.delete(p, item, axis=1)) * grid.weight  # (J, Q)
        expected = np.zeros(size + 1)
        reached = np.maximum(whole.sum(1), 1e-300)
        expected[1:] = (rest * p[:, item]).sum(1) / reached[1:]
        observed = np.bincount(score, weight * right[:, item], size + 1).astype(np.float64)
        chi_square[item], cells = _chi_square(people[1:size], observed[1:size], expected[1:size])
        freedom[item] = max(0, cells - parameters)
    return chi_square, freedom


def score_chances(p: Floats) -> Floats:
    """(J + 1, Q) chance of each number right at each node, from (Q, J). Source: Lord & Wingersky (1984)."""
    found = np.zeros((p.shape[1] + 1, p.shape[0]))
    found[0] = 1.0
    for item in range(p.shape[1]):
        found[1 : item + 2] = found[1 : item + 2] * (1 - p[:, item]) + found[: item + 1] * p[:, item]
        found[0] *= 1 - p[:, item]
    return found


def _chi_square(people: Floats, observed: Floats, expected: Floats) -> tuple[float, int]:
    """Neighbouring scores are put together until each cell expects enough right and enough wrong."""
    total, cells, gathered = 0.0, 0, np.zeros(3)
    for n, o, e in zip(people, observed, people * expected, strict=True):
        gathered += (n, o, e)
        if min(gathered[2], gathered[0] - gathered[2]) >= _LEAST_EXPECTED:
            n_cell, o_cell, e_cell = gathered
            total += (o_cell - e_cell) ** 2 * n_cell / (e_cell * (n_cell - e_cell))
            cells, gathered = cells + 1, np.zeros(3)
    return float(total), cells


def upper_tail(x: float, freedom: int) -> float:
    """P(chi-square with `freedom` degrees > x), by the incomplete gamma function.

    Source: Press et al. (2007), Numerical Recipes, section 6.2.

    >>> round(upper_tail(3.841, 1), 3), round(upper_tail(18.307, 10), 3)
    (0.05, 0.05)
    """
    a, x = freedom / 2.0, x / 2.0
    if x <= 0:
        return 1.0
    lead = math.exp(-x + a * math.log(x) - math.lgamma(a))
    if x < a + 1.0:  # series
        term = total = 1.0 / a
        n = a
        while abs(term) > 1e-14 * abs(total):
            n += 1.0
            term *= x / n
            total += term
        return max(0.0, 1.0 - total * lead)
    b, d = x + 1.0 - a, 1.0 / (x + 1.0 - a)  # continued fraction, modified Lentz
    c, h = 1e300, d
    for i in range(1, 500):
        an = -i * (i - a)
        b += 2.0
        d = 1.0 / (an * d + b)
        c = b + an / c
        step = d * c
        h *= step
        if abs(step - 1.0) < 1e-14:
            break
    return min(1.0, lead * h)
