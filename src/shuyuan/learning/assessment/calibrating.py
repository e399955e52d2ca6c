"""From a school's answers in one course to the numbers of its questions. Pure: NumPy, no database.

The two-parameter model with ability integrated out; who was not asked is simply missing. Schools are small, so each
question's slope and intercept carry a prior, the author's word on difficulty: with few answers the numbers stay near
it, with many it no longer matters. A question below FEWEST_ANSWERS keeps the prior alone, and says so. Source: Mislevy
(1986), Psychometrika 51, with the normal prior on slope and intercept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shuyuan.science.testing import irt
from shuyuan.science.testing.bank import Bank, Floats
from shuyuan.science.testing.irt import ability, fitting, scores

FEWEST_ANSWERS, FEWEST_LEARNERS = 20, 10
MOST_ITEMS, MOST_LEARNERS = 800, 5000  # of one fit: about a minute; the most answered, the newest
SPREAD_SLOPE, SPREAD_INTERCEPT = 0.4, 1.0  # of the prior
ROUNDS, CLOSE = 80, 1e-4


class Prior(NamedTuple):
    """What is believed of a question before any answer. b: difficulty.  c: chance of a lucky guess."""

    b: float = 0.0
    c: float = 0.0


@dataclass(frozen=True)
class Number:
    """One question. rest: correlation with what the same learners got right elsewhere, None below two answers."""

    a: float
    b: float
    c: float
    error_a: float
    error_b: float
    answers: int
    fitted: bool
    infit: float | None = None
    outfit: float | None = None
    rest: float | None = None


def believed(prior: Prior, answers: int = 0) -> Number:
    """A question with too few answers: the author's word."""
    return Number(1.0, prior.b, prior.c, SPREAD_SLOPE, SPREAD_INTERCEPT, answers, fitted=False)


def calibrate(
    marks: Mapping[tuple[str, str], bool], priors: Mapping[str, Prior], *, most_items: int = MOST_ITEMS
) -> dict[str, Number]:
    """marks: (learner, item) → right, the newest learners last.  priors: of every item of the course."""
    counts = _counts(marks, priors)
    found = {item: believed(prior, counts[item]) for item, prior in priors.items()}
    asked = sorted((one for one in priors if counts[one] >= FEWEST_ANSWERS), key=lambda one: -counts[one])[:most_items]
    wanted = set(asked)
    newest = dict.fromkeys(who for who, item in reversed(list(marks)) if item in wanted)
    learners = list(newest)[:MOST_LEARNERS]
    if len(learners) < FEWEST_LEARNERS or not asked:
        return found
    matrix = _matrix(marks, learners, asked)
    found.update(zip(asked, _fitted(matrix, [priors[one] for one in asked]), strict=True))
    return found


def _counts(marks: Mapping[tuple[str, str], bool], priors: Mapping[str, Prior]) -> dict[str, int]:
    counts = dict.fromkeys(priors, 0)
    for _, item in marks:
        if item in counts:
            counts[item] += 1
    return counts


def _matrix(
    marks: Mapping[tuple[str, str], bool], learners: Sequence[str], items: Sequence[str]
) -> npt.NDArray[np.int8]:
    """(N, J) 1 right, 0 wrong, -1 not asked."""
    row, column = ({one: at for at, one in enumerate(names)} for names in (learners, items))
    matrix = np.full((len(learners), len(items)), -1, dtype=np.int8)
    for (who, item), right in marks.items():
        if who in row and item in column:
            matrix[row[who], column[item]] = right
    return matrix


def _fitted(matrix: npt.NDArray[np.int8], priors: Sequence[Prior]) -> list[Number]:
    answers, grid = irt.Answers.of(matrix), ability.Grid.normal()
    middle = np.stack([np.ones(len(priors)), np.asarray([-one.b for one in priors])], axis=1)  # (J, 2) slope, intercept
    numbers = middle.copy()
    information = np.zeros((len(priors), 2, 2))
    for _ in range(ROUNDS):
        better, information = _round(answers, grid, numbers, middle)
        moved = float(np.abs(better - numbers).max())
        numbers = better
        if moved < CLOSE:
            break
    bank = _bank(numbers)
    covariance = np.asarray(np.linalg.inv(information), dtype=np.float64)
    error_a, error_b = _errors(numbers, covariance)
    fit = irt.item_fit(answers, bank)
    rest, counts = rest_correlation(matrix), (matrix >= 0).sum(0)
    return [
        Number(
            float(bank.a[j]),
            float(bank.b[j]),
            0.0,
            float(error_a[j]),
            float(error_b[j]),
            int(counts[j]),
            fitted=True,
            infit=_or_none(fit.infit[j]),
            outfit=_or_none(fit.outfit[j]),
            rest=_or_none(rest[j]),
        )
        for j in range(len(priors))
    ]


def _round(
    answers: irt.Answers, grid: ability.Grid, numbers: Floats, middle: Floats
) -> tuple[Floats, npt.NDArray[np.float64]]:
    """One expectation and one scoring step with the prior; (J, 2) better numbers and the (J, 2, 2) information."""
    weighted = ability.posterior(answers, _bank(numbers), grid).share * answers.weight[:, None]
    right, asked = answers.right.T @ weighted, answers.asked.T @ weighted
    wide = np.stack([numbers[:, 0], numbers[:, 1], np.zeros(len(numbers))])
    gradient, information = scores.item_scores(right, asked, grid.ability, wide)
    weight = np.asarray([SPREAD_SLOPE, SPREAD_INTERCEPT]) ** -2.0
    gradient = gradient[:, :2] + weight * (middle - numbers)
    information = information[:, :2, :2] + np.diag(weight)
    step = np.clip(np.linalg.solve(information, gradient[:, :, None])[:, :, 0], -1.0, 1.0)
    better = numbers + step
    better[:, 0] = np.clip(better[:, 0], fitting.LEAST_SLOPE, fitting.MOST_SLOPE)
    return better, information


def _bank(numbers: Floats) -> Bank:
    return Bank.of(numbers[:, 0], -numbers[:, 1] / numbers[:, 0])


def _errors(numbers: Floats, covariance: npt.NDArray[np.float64]) -> tuple[Floats, Floats]:
    """Standard errors of a and b; that of b = -d / a by the delta method."""
    a, d = numbers.T
    of_a, of_d, both = covariance[:, 0, 0], covariance[:, 1, 1], covariance[:, 0, 1]
    of_b = of_d / a**2 + of_a * d**2 / a**4 - 2.0 * both * d / a**3
    return np.sqrt(of_a), np.sqrt(np.maximum(of_b, 0.0))


def rest_correlation(matrix: npt.NDArray[np.int8]) -> Floats:
    """(J,) correlation of each item's mark with the same learners' marks elsewhere, both beyond what their items give.

    Each mark is taken relative to its item's share right, so that who was asked hard questions is not taken for weak.
    NaN where fewer than two, or equal, values are left.
    """
    asked = matrix >= 0
    share = np.where(asked, matrix, 0).sum(0) / np.maximum(asked.sum(0), 1)
    beyond = np.where(asked, matrix - share, 0.0)
    total, count = beyond.sum(1), asked.sum(1)
    found = np.full(matrix.shape[1], np.nan)
    for j in range(matrix.shape[1]):
        rows = asked[:, j] & (count > 1)
        elsewhere = (total[rows] - beyond[rows, j]) / (count[rows] - 1)
        mark = beyond[rows, j]
        if rows.sum() > 1 and mark.std() > 0 and elsewhere.std() > 0:
            found[j] = np.corrcoef(mark, elsewhere)[0, 1]
    return found


def rests(marks: Mapping[tuple[str, str], bool]) -> dict[str, tuple[float | None, int]]:
    """item → (correlation with the rest, answers), of these answers alone: what can be said before a calibration."""
    learners, items = (list(dict.fromkeys(key[at] for key in marks)) for at in (0, 1))
    if not items:
        return {}
    matrix = _matrix(marks, learners, items)
    found, counts = rest_correlation(matrix), (matrix >= 0).sum(0)
    return {item: (_or_none(found[j]), int(counts[j])) for j, item in enumerate(items)}


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
