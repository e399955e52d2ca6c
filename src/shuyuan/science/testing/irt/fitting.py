"""1PL, 2PL and 3PL by marginal maximum likelihood: expectation maximisation, sped up by squared extrapolation.

Items are searched as slope and intercept, a (theta - b) = a theta + d. Sources: Bock & Aitkin (1981), Psychometrika 46;
the extrapolation is scheme S3 of Varadhan & Roland (2008), Scand. J. Statist. 35. Guessing carries a Beta prior around
one fifth, without which it has no estimate on items that nobody weak was asked (Mislevy 1986, Psychometrika 51).
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from shuyuan.science.testing.bank import Bank, Floats
from shuyuan.science.testing.irt import ability, priors, scores
from shuyuan.science.testing.irt.answers import Answers, Unfit

Model = Literal["1pl", "2pl", "3pl"]
MODELS: tuple[Model, ...] = ("1pl", "2pl", "3pl")
STEPS, TOLERANCE = 500, 1e-8  # relative change of the log-likelihood between two rounds
LEAST_SLOPE, MOST_SLOPE, FARTHEST = 0.05, 8.0, 20.0
_NEWTON_STEPS = 2


class Errors(NamedTuple):
    """(J,) standard errors; NaN where the information is singular. `c` is zero where it is not estimated."""

    a: Floats
    b: Floats
    c: Floats


@dataclass(frozen=True)
class Fitted:
    """Item numbers, their errors, and how likely the answers are under them.

    abilities: (N, 2) mean and standard deviation of each person.  rounds: of expectation and maximisation.
    """

    bank: Bank
    model: Model
    errors: Errors
    log_likelihood: float
    abilities: Floats
    rounds: int
    converged: bool


def fit(answers: Answers, model: Model = "2pl", *, nodes: int = ability.NODES, steps: int = STEPS) -> Fitted:
    """The item numbers under which the answers are likeliest.

    1pl has one slope for all items. Raises ValueError for an unknown model, Unfit for an item that everybody got right
    or everybody wrong.
    """
    if model not in MODELS:
        raise ValueError(f"no model is called {model!r}; there are {', '.join(MODELS)}")
    if (sure := answers.one_sided()).size:
        way = "right" if answers.share_right[sure[0]] == 1 else "wrong"
        raise Unfit(f"everybody got item {sure[0]} {way}: it says nothing about ability, leave it out")
    grid = ability.Grid.normal(nodes)
    numbers, found, rounds, converged = _climb(answers, model, grid, _start(answers, model), steps)
    bank = to_bank(numbers)
    mean, deviation = found.mean(grid), found.deviation(grid)
    return Fitted(
        bank,
        model,
        Errors(*scores.errors(answers, bank, grid, found, model)),
        _likelihood(answers, found),
        np.stack([mean, deviation], axis=1)[answers.pattern],
        rounds,
        converged,
    )


def to_bank(numbers: Floats) -> Bank:
    """(3, J) slope, intercept and guessing as a bank."""
    a, d, c = numbers
    return Bank(a, -d / a, c)


def _start(answers: Answers, model: Model) -> Floats:
    share = answers.share_right
    guess = np.full(answers.items, priors.START if model == "3pl" else 0.0)
    lucky = np.clip((share - guess) / (1.0 - guess), 0.02, 0.98)
    return np.stack([np.ones(answers.items), np.log(lucky / (1.0 - lucky)) * 1.2, guess])


def _climb(
    answers: Answers, model: Model, grid: ability.Grid, numbers: Floats, steps: int
) -> tuple[Floats, ability.Posterior, int, bool]:
    """Rounds until the likelihood stands still. Of each three, the third starts from the extrapolated two before."""
    found = ability.posterior(answers, to_bank(numbers), grid)
    value, rounds = _objective(answers, found, numbers, model), 0
    while rounds < steps:
        once = maximised(answers, found, grid, numbers, model)
        twice = maximised(answers, ability.posterior(answers, to_bank(once), grid), grid, once, model)
        leap = _extrapolated(numbers, once, twice)
        leapt = ability.posterior(answers, to_bank(leap), grid)
        if _objective(answers, leapt, leap, model) < value:  # too far: fall back on the safe step
            leap, leapt = twice, ability.posterior(answers, to_bank(twice), grid)
        numbers = maximised(answers, leapt, grid, leap, model)
        found = ability.posterior(answers, to_bank(numbers), grid)
        last, value, rounds = value, _objective(answers, found, numbers, model), rounds + 3
        if value - last <= TOLERANCE * abs(value):
            return numbers, found, rounds, True
    return numbers, found, rounds, False


def _extrapolated(start: Floats, once: Floats, twice: Floats) -> Floats:
    change, bend = once - start, (twice - once) - (once - start)
    curvature = float(np.sqrt((bend * bend).sum()))
    if curvature < 1e-12:
        return twice
    length = max(1.0, float(np.sqrt((change * change).sum())) / curvature)
    return bounded(start + 2.0 * length * change + length * length * bend)


def _likelihood(answers: Answers, found: ability.Posterior) -> float:
    return float(answers.weight @ found.log_probability)


def _objective(answers: Answers, found: ability.Posterior, numbers: Floats, model: Model) -> float:
    value = _likelihood(answers, found)
    if model == "3pl":
        value += priors.log_density(numbers[2])
    return value


def maximised(answers: Answers, found: ability.Posterior, grid: ability.Grid, numbers: Floats, model: Model) -> Floats:
    """(3, J) better numbers for the answers expected at each node: Fisher scoring, each item for itself."""
    weighted = found.share * answers.weight[:, None]  # (R, Q)
    right, asked = answers.right.T @ weighted, answers.asked.T @ weighted  # (J, Q) expected
    return improved(right, asked, grid, numbers, model)


def improved(right: Floats, asked: Floats, grid: ability.Grid, numbers: Floats, model: Model) -> Floats:
    """(3, J) from expected right answers and expected answers at each node, (J, Q) each."""
    for _ in range(_NEWTON_STEPS):
        gradient, information = scores.item_scores(right, asked, grid.ability, numbers)
        if model == "3pl":
            gradient[:, 2] += priors.gradient(numbers[2])
            information[:, 2, 2] += priors.information(numbers[2])
        numbers = bounded(numbers + _step(gradient, information, model))
    return numbers


def _step(gradient: Floats, information: Floats, model: Model) -> Floats:
    """(3, J) of one scoring step; under 1pl the slopes move together."""
    free = 3 if model == "3pl" else 2
    gradient, information = gradient[:, :free], information[:, :free, :free] + 1e-9 * np.eye(free)
    if model == "1pl":
        # eliminate the intercepts: the common slope sees what they leave over
        pull = information[:, 0, 1] / information[:, 1, 1]
        left = (information[:, 0, 0] - pull * information[:, 0, 1]).sum()
        slope = (gradient[:, 0] - pull * gradient[:, 1]).sum() / left
        step = np.stack([np.full(len(pull), slope), gradient[:, 1] / information[:, 1, 1] - pull * slope], axis=1)
    else:
        step = np.linalg.solve(information, gradient[:, :, None])[:, :, 0]
    wide = np.zeros((3, len(step)))
    wide[:free] = np.clip(step, -1.0, 1.0).T
    return wide


def bounded(numbers: Floats) -> Floats:
    """Inside what an item can be."""
    a, d, c = numbers
    a = np.clip(a, LEAST_SLOPE, MOST_SLOPE)
    return np.stack([a, np.clip(d, -FARTHEST * a, FARTHEST * a), np.where(c > 0, np.clip(c, 1e-4, 0.6), 0.0)])
