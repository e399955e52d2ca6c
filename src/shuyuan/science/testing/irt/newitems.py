"""Online calibration: the numbers of new items from people whose ability is known from the old ones."""

import numpy as np

from shuyuan.science.testing.bank import Bank, Floats
from shuyuan.science.testing.irt import ability, fitting, priors
from shuyuan.science.testing.irt.answers import Answers, Unfit

_ROUNDS, _TOLERANCE = 300, 1e-5


def calibrate(known: Answers, bank: Bank, new: Answers, model: fitting.Model = "2pl") -> Bank:
    """Numbers of new items on the scale of the bank.

    known: answers (persons × J) to the bank's items.  new: answers (persons × K) of the same persons in the same order
    to the new ones.  The bank's numbers stay as they are and each new item is fitted for itself, so a bad one bends
    neither the scale nor the others. Raises Unfit for other persons, or a new item all got right or wrong. Source:
    multiple expectation cycles, Ban, Hanson, Wang, Yi & Harris (2001), J. Educ. Meas. 38.
    """
    if known.persons != new.persons:
        raise Unfit(f"{known.persons} persons answered the bank, {new.persons} the new items: give the same persons")
    if (sure := new.one_sided()).size:
        raise Unfit(f"everybody gave new item {sure[0]} the same mark: ask more people")
    grid = ability.Grid.normal()
    share = ability.posterior(known, bank, grid).share[known.pattern]  # (N, Q)
    right, asked = new.right[new.pattern], new.asked[new.pattern]
    fitted = [
        _alone(share[rows], right[rows, item], grid, model)
        for item, rows in ((item, asked[:, item] > 0) for item in range(new.items))
    ]
    return fitting.to_bank(np.concatenate(fitted, axis=1))


def _alone(share: Floats, right: Floats, grid: ability.Grid, model: fitting.Model) -> Floats:
    """(3, 1) numbers of one item, from those who were asked it: share (N, Q) by the bank, right (N,)."""
    numbers = np.asarray([[1.0], [0.0], [priors.START if model == "3pl" else 0.0]])
    for _ in range(_ROUNDS):
        p = fitting.to_bank(numbers).chance(grid.ability)[:, 0]
        seen = share * np.where(right[:, None] > 0, p, 1.0 - p)
        seen /= seen.sum(1, keepdims=True)
        better = fitting.improved((right @ seen)[None], seen.sum(0)[None], grid, numbers, model)
        done = bool(np.abs(better - numbers).max() < _TOLERANCE)
        numbers = better
        if done:
            break
    return numbers
