"""DINA: an item needs all of its skills; who has them may slip, who lacks one may guess.

Expectation maximisation over all 2^K skill patterns. Sources: Junker & Sijtsma (2001), Appl. Psychol. Meas. 25;
de la Torre (2009), J. Educ. Behav. Stat. 34.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shuyuan.science.testing.bank import Floats
from shuyuan.science.testing.irt.answers import Answers, Unfit

MOST_SKILLS = 14
_STEPS, _TOLERANCE = 500, 1e-7
_LEAST, _MOST = 1e-4, 0.9999


@dataclass(frozen=True)
class Dina:
    """slip, guess: (J,).  patterns: (2^K, K) skills, shares: (2^K,) of the population.

    mastery: (N, K) chance that each person has each skill.  likeliest: (N, K) each person's likeliest pattern.
    """

    slip: Floats
    guess: Floats
    patterns: npt.NDArray[np.bool_]
    shares: Floats
    mastery: Floats
    likeliest: npt.NDArray[np.bool_]
    log_likelihood: float


def fit_dina(answers: Answers, needs: npt.ArrayLike) -> Dina:
    """needs: (J, K) whether an item needs a skill (the Q-matrix).

    Raises Unfit for a Q-matrix of another shape, an item without skills, a skill without items, or too many skills.
    """
    q = _checked(answers, needs)
    patterns = (np.arange(2 ** q.shape[1])[:, None] >> np.arange(q.shape[1]) & 1).astype(np.bool_)
    ready = (~patterns[:, None, :] & q).sum(2) == 0  # (2^K, J) has all that the item needs
    slip, guess = np.full(answers.items, 0.2), np.full(answers.items, 0.2)
    shares, last = np.full(len(patterns), 1.0 / len(patterns)), -np.inf
    for _ in range(_STEPS):
        posterior, value = _posterior(answers, ready, slip, guess, shares)
        if value - last <= _TOLERANCE * abs(value):
            break
        last = value
        slip, guess, shares = _maximised(answers, ready, posterior)
    posterior, value = _posterior(answers, ready, slip, guess, shares)
    mastery, likeliest = posterior @ patterns, patterns[posterior.argmax(1)]
    return Dina(slip, guess, patterns, shares, mastery[answers.pattern], likeliest[answers.pattern], value)


def _checked(answers: Answers, needs: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    q = np.asarray(needs).astype(np.bool_)
    if q.ndim != 2 or len(q) != answers.items:
        raise Unfit(f"the Q-matrix must have a row for each of {answers.items} items, got shape {q.shape}")
    if not 1 <= q.shape[1] <= MOST_SKILLS:
        raise Unfit(f"between 1 and {MOST_SKILLS} skills can be told apart, got {q.shape[1]}: join some")
    if (bare := np.flatnonzero(~q.any(1))).size:
        raise Unfit(f"item {bare[0]} needs no skill: leave it out or say what it needs")
    if (unused := np.flatnonzero(~q.any(0))).size:
        raise Unfit(f"no item needs skill {unused[0]}: nothing can be said of it")
    return q


def _posterior(
    answers: Answers, ready: npt.NDArray[np.bool_], slip: Floats, guess: Floats, shares: Floats
) -> tuple[Floats, float]:
    p = np.where(ready, 1.0 - slip, guess)  # (2^K, J)
    log_share = answers.right @ np.log(p / (1.0 - p)).T + answers.asked @ np.log1p(-p).T
    log_share += np.log(np.maximum(shares, 1e-300))
    most = log_share.max(1, keepdims=True)
    share = np.exp(log_share - most)
    total = share.sum(1, keepdims=True)
    return share / total, float(answers.weight @ (most + np.log(total)).ravel())


def _maximised(answers: Answers, ready: npt.NDArray[np.bool_], posterior: Floats) -> tuple[Floats, Floats, Floats]:
    weighted = posterior * answers.weight[:, None]
    right, asked = weighted.T @ answers.right, weighted.T @ answers.asked  # (2^K, J)
    able, unable = (asked * ready).sum(0), (asked * ~ready).sum(0)
    slip = 1.0 - (right * ready).sum(0) / np.maximum(able, 1e-12)
    guess = (right * ~ready).sum(0) / np.maximum(unable, 1e-12)
    return np.clip(slip, _LEAST, _MOST), np.clip(guess, _LEAST, _MOST), weighted.sum(0) / answers.persons
