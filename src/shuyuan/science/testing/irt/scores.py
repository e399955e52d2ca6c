"""Derivatives of the likelihood in an item's slope, intercept and guessing, and the standard errors they give."""

from typing import Literal

import numpy as np

from shuyuan.science.testing.bank import Bank, Floats, logistic
from shuyuan.science.testing.irt import ability, priors
from shuyuan.science.testing.irt.answers import Answers


def _slopes(numbers: Floats, nodes: Floats) -> tuple[Floats, Floats]:
    """(J, Q) P(right), and (J, 3, Q) its derivatives in slope, intercept and guessing."""
    a, d, c = numbers[:, :, None]
    lucky = logistic(a * nodes + d)
    p = c + (1.0 - c) * lucky
    steep = (1.0 - c) * lucky * (1.0 - lucky)
    return np.clip(p, 1e-12, 1.0 - 1e-12), np.stack([steep * nodes, steep, 1.0 - lucky], axis=1)


def item_scores(right: Floats, asked: Floats, nodes: Floats, numbers: Floats) -> tuple[Floats, Floats]:
    """(J, 3) gradient and (J, 3, 3) expected information of each item.

    right, asked: (J, Q) expected right answers and answers at each node.  numbers: (3, J).
    """
    p, slope = _slopes(numbers, nodes)
    spread = p * (1.0 - p)
    gradient = np.einsum("jq,jkq->jk", (right - asked * p) / spread, slope)
    information = np.einsum("jq,jkq,jlq->jkl", asked / spread, slope, slope)
    return gradient, information


def errors(
    answers: Answers, bank: Bank, grid: ability.Grid, found: ability.Posterior, model: Literal["1pl", "2pl", "3pl"]
) -> tuple[Floats, Floats, Floats]:
    """(J,) standard errors of a, b and c from the cross product of each pattern's scores.

    Source: Louis (1982), JRSS B 44; the cross product as in Paek & Cai (2014), Educ. Psychol. Meas. 74. The error of b
    follows from those of slope and intercept by the delta method.
    """
    numbers = np.stack([bank.a, -bank.a * bank.b, bank.c])
    p, slope = _slopes(numbers, grid.ability)
    pulled = slope / (p * (1.0 - p))[:, None, :]  # (J, 3, Q)
    size, kinds = len(bank), 3 if model == "3pl" else 2
    score = np.empty((kinds, len(answers.weight), size))
    for kind in range(kinds):  # the score of a pattern is its expectation over the nodes
        first, second = found.share @ pulled[:, kind].T, found.share @ (pulled[:, kind] * p).T
        score[kind] = answers.right * first - answers.asked * second
    flat = np.concatenate([score[0].sum(1, keepdims=True), score[1]] if model == "1pl" else list(score), axis=1)
    information = (flat * answers.weight[:, None]).T @ flat
    if model == "3pl":  # what the prior knows of guessing counts too
        information[2 * size :, 2 * size :] += np.diag(priors.information(bank.c))
    covariance = _inverse(information)
    a, d, variance_a = bank.a, numbers[1], np.diag(covariance)
    if model == "1pl":
        of_a = np.full(size, variance_a[0])
        of_d, both = variance_a[1:], covariance[0, 1:]
    else:
        of_a, of_d = variance_a[:size], variance_a[size : 2 * size]
        both = np.diag(covariance[:size, size : 2 * size])
    of_b = of_d / a**2 + of_a * d**2 / a**4 - 2.0 * both * d / a**3
    of_c = variance_a[2 * size :] if model == "3pl" else np.zeros(size)
    with np.errstate(invalid="ignore"):
        return np.sqrt(of_a), np.sqrt(of_b), np.sqrt(of_c)


def _inverse(information: Floats) -> Floats:
    try:
        return np.asarray(np.linalg.inv(information))
    except np.linalg.LinAlgError:
        return np.full(information.shape, np.nan)
