"""Online calibration: the numbers of new items from people whose ability is known from the old ones."""

import numpy as np

from shuyuan.science.testing.bank import Bank, Floats
from shuyuan.science.testing.irt import ability, fitting, priors, scores
from shuyuan.science.testing.irt.answers import Answers, Unfit

_ROUNDS, _TOLERANCE, _SAME = 300, 1e-5, 1e-6


def calibrate(known: Answers, bank: Bank, new: Answers, model: fitting.Model = "2pl") -> Bank:
    """Numbers of new items on the scale of the bank.

    known: answers (persons × J) to the bank's items.  new: answers (persons × K) of the same persons in the same order
    to the new ones.  The bank's numbers stay as they are and each new item is fitted for itself, so a bad one bends
    neither the scale nor the others; under 1pl it has the slope of the bank. Raises Unfit for other persons, a new item
    all got right or wrong, or 1pl beside a bank of several slopes. Source: multiple expectation cycles, Ban, Hanson,
    Wang, Yi & Harris (2001), J. Educ. Meas. 38.
    """
    if known.persons != new.persons:
        raise Unfit(f"{known.persons} persons answered the bank, {new.persons} the new items: give the same persons")
    if (sure := new.one_sided()).size:
        raise Unfit(f"everybody gave new item {sure[0]} the same mark: ask more people")
    if model == "1pl" and np.ptp(bank.a) > _SAME:
        raise Unfit("1pl knows one slope, and the items of this bank have several: fit the new ones by 2pl")
    grid = ability.Grid.normal()
    share = ability.posterior(known, bank, grid).share[known.pattern]  # (N, Q)
    right, asked = new.right[new.pattern], new.asked[new.pattern]
    fitted = [
        _alone(share[rows], right[rows, item], grid, model, float(bank.a[0]) if model == "1pl" else 1.0)
        for item, rows in ((item, asked[:, item] > 0) for item in range(new.items))
    ]
    return fitting.to_bank(np.concatenate(fitted, axis=1))


def _alone(share: Floats, right: Floats, grid: ability.Grid, model: fitting.Model, slope: float) -> Floats:
    """(3, 1) numbers of one item, from those who were asked it: share (N, Q) by the bank, right (N,). slope: to begin
    with, and under 1pl to keep."""
    numbers = np.asarray([[slope], [0.0], [priors.START if model == "3pl" else 0.0]])
    for _ in range(_ROUNDS):
        p = fitting.to_bank(numbers).chance(grid.ability)[:, 0]
        seen = share * np.where(right[:, None] > 0, p, 1.0 - p)
        seen /= seen.sum(1, keepdims=True)
        step = _easier if model == "1pl" else fitting.improved
        better = step((right @ seen)[None], seen.sum(0)[None], grid, numbers, model)
        done = bool(np.abs(better - numbers).max() < _TOLERANCE)
        numbers = better
        if done:
            break
    return numbers


def _easier(right: Floats, asked: Floats, grid: ability.Grid, numbers: Floats, model: fitting.Model) -> Floats:
    """`fitting.improved` with the slope left as it is."""
    gradient, information = scores.item_scores(right, asked, grid.ability, numbers)
    moved = numbers.copy()
    moved[1] += np.clip(gradient[:, 1] / information[:, 1, 1], -1.0, 1.0)
    return fitting.bounded(moved)
