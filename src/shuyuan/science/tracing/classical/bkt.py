"""Bayesian knowledge tracing: per point a hidden yes or no, learnt, forgotten, guessed and slipped.

Each point's four chances (known at first, learn, guess, slip) and forgetting are fitted by expectation maximisation
over all sequences at once, the t-th answers of all learners together. An item of several points is one event: its
chance is the mean over its points, and every point sees the answer. Guess and slip are kept below one half, or knowing
and not knowing would change places. Sources: Corbett & Anderson (1995), UMUAI 4; forgetting and EM as in Khajah,
Lindsey & Mozer (2016), EDM.
"""

import itertools
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from shuyuan.science.tracing import history
from shuyuan.science.tracing.family import Arrays
from shuyuan.science.tracing.interactions import Floats, Interactions, Ints
from shuyuan.science.tracing.vocabulary import Vocabulary

NAME = "bkt"
ROUNDS, TOLERANCE = 60, 1e-5
_PRIOR = 2.0  # imaginary observations behind each chance, at the start value
_HIGHEST, _MOST_WRONG = 0.999, 0.49
_START = (0.4, 0.15, 0.02, 0.25, 0.15)


class Chances(NamedTuple):
    """(P + 1,) each; the last point stands for unknown ones."""

    known: Floats  # before the first answer
    learn: Floats
    forget: Floats
    guess: Floats
    slip: Floats

    def right(self, knows: Floats, point: Ints) -> Floats:
        """P(right) where `knows` is P(known)."""
        return np.asarray(knows * (1.0 - self.slip[point]) + (1.0 - knows) * self.guess[point])

    def after(self, knows: Floats, point: Ints) -> Floats:
        """P(known) one step later."""
        return np.asarray(knows * (1.0 - self.forget[point]) + (1.0 - knows) * self.learn[point])


@dataclass(frozen=True)
class Bkt:
    """Chances of every point."""

    vocabulary: Vocabulary
    chances: Chances

    def predict(self, table: Interactions) -> Floats:
        """See `family.Fitted`. A row without points has the typical point's first chance."""
        runs = _Runs(table, self.vocabulary.points(table))
        p = self.chances.right(_forward(runs, self.chances).before, runs.point)
        bare = np.full(1, len(self.vocabulary.point_ids))
        first = float(self.chances.right(self.chances.known[bare], bare)[0])
        mean = np.bincount(table.row, p[runs.back] * table.share, len(table))
        return np.where(np.diff(table.starts) > 0, mean, first)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """See `family.Fitted`."""
        return {"chances": np.stack(self.chances), **self.vocabulary.to_arrays()}


def fit(train: Interactions, *, validation: Interactions | None = None, seed: int = 0) -> Bkt:
    """See `family.Algorithm`; nothing is selected and nothing is drawn."""
    vocabulary = Vocabulary.of(train)
    chances = Chances(*(np.full(len(vocabulary.point_ids) + 1, start) for start in _START))
    runs, last = _Runs(train, vocabulary.points(train)), -np.inf
    for _ in range(ROUNDS if len(train.point) else 0):
        forward = _forward(runs, chances)
        chances = _maximised(runs, forward, chances)
        if forward.log_likelihood - last <= TOLERANCE * abs(forward.log_likelihood):
            break
        last = forward.log_likelihood
    return Bkt(vocabulary, chances)


def load(arrays: Arrays) -> Bkt:
    """See `family.Algorithm`."""
    return Bkt(Vocabulary.from_arrays(arrays), Chances(*np.asarray(arrays["chances"], dtype=np.float64)))


class _Runs:
    """Point entries ordered by their place in their (learner, point) sequence: all first ones, all second ones …"""

    def __init__(self, table: Interactions, point: Ints) -> None:
        _, who = np.unique(table.learner, return_inverse=True)
        key = who[table.row] * (int(table.point.max(initial=0)) + 1) + table.point
        rank = history.ranks(key)
        order = np.argsort(rank, kind="stable")
        self.back = np.argsort(order)  # from the table's order of entries to this one
        self.point, self.right = point[order], table.correct[table.row][order]
        _, self.sequence = np.unique(key[order], return_inverse=True)
        self.sequences = int(self.sequence.max(initial=-1)) + 1
        self.bounds = np.concatenate([[0], np.cumsum(np.bincount(rank))]).astype(int).tolist() if len(rank) else [0]

    def steps(self) -> "list[slice]":
        return [slice(first, last) for first, last in itertools.pairwise(self.bounds)]


class _Forward(NamedTuple):
    before: Floats  # (E,) P(known) before each answer, given earlier ones
    given: Floats  # (E,) P(known) given this answer too, before learning
    log_likelihood: float


def _forward(runs: _Runs, chances: Chances) -> _Forward:
    before, given = np.empty(len(runs.point)), np.empty(len(runs.point))
    knows, likelihood = np.empty(runs.sequences), 0.0
    for number, step in enumerate(runs.steps()):
        who, point, right = runs.sequence[step], runs.point[step], runs.right[step]
        now = chances.known[point] if number == 0 else knows[who]
        p = chances.right(now, point)
        if_known = np.where(right, 1.0 - chances.slip[point], chances.slip[point])
        of_answer = np.where(right, p, 1.0 - p)
        before[step], given[step] = now, now * if_known / of_answer
        knows[who] = chances.after(given[step], point)
        likelihood += float(np.log(of_answer).sum())
    return _Forward(before, given, likelihood)


def _maximised(runs: _Runs, forward: _Forward, chances: Chances) -> Chances:
    """New chances from the smoothed states: expected counts, with a little of the start value mixed in."""
    smooth = np.empty(len(runs.point))  # P(known) at each answer, given the whole sequence
    later = np.full((2, runs.sequences), np.nan)  # per sequence: smoothed and predicted P(known) at its next answer
    learnt, unlearnt = np.zeros(len(runs.point)), np.zeros(len(runs.point))
    followed = np.zeros(len(runs.point))
    for step in reversed(runs.steps()):
        who, point, now = runs.sequence[step], runs.point[step], forward.given[step]
        ahead, predicted = later[:, who]
        has = ~np.isnan(ahead)
        up, down = _ratio(ahead, predicted), _ratio(1.0 - ahead, 1.0 - predicted)
        stay = now * (1.0 - chances.forget[point]) * up
        lose = now * chances.forget[point] * down
        gain = (1.0 - now) * chances.learn[point] * up
        smooth[step] = np.where(has, stay + lose, now)
        learnt[step], unlearnt[step], followed[step] = np.where(has, gain, 0.0), np.where(has, lose, 0.0), has
        later[0, who], later[1, who] = smooth[step], forward.before[step]
    return _counted(runs, smooth, learnt, unlearnt, followed)


def _ratio(a: Floats, b: Floats) -> Floats:
    return np.asarray(a / np.maximum(b, 1e-12))


def _counted(runs: _Runs, smooth: Floats, learnt: Floats, unlearnt: Floats, followed: Floats) -> Chances:
    size = int(runs.point.max(initial=0)) + 1

    def share(event: Floats, chance: Floats, start: float, most: float = _HIGHEST) -> Floats:
        happened = np.bincount(runs.point, event, size) + _PRIOR * start
        could = np.bincount(runs.point, chance, size) + _PRIOR
        return np.clip(happened / could, 1.0 - _HIGHEST, most)

    first = np.zeros(len(smooth))
    first[runs.steps()[0]] = 1.0
    fitted = (
        share(smooth * first, first, _START[0]),
        share(learnt, (1.0 - smooth) * followed, _START[1]),
        share(unlearnt, smooth * followed, _START[2]),
        share((1.0 - smooth) * runs.right, 1.0 - smooth, _START[3], _MOST_WRONG),
        share(smooth * ~runs.right, smooth, _START[4], _MOST_WRONG),
    )
    return Chances(*(_with_unknown(column, runs.point) for column in fitted))


def _with_unknown(column: Floats, point: Ints) -> Floats:
    """The typical chance, weighted by answers, stands for points that were not in the fit."""
    return np.append(column, np.average(column, weights=np.bincount(point, minlength=len(column))))
