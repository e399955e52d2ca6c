"""How well a tracer predicts answers, told honestly: with its interval, where it is cold, and against chance.

Everything is at question level: one row an answer, whatever the number of its points. Learners of the reported table
are strangers to the fit, so each is a new learner at the first row.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shuyuan.science import metrics
from shuyuan.science.tracing import family, history
from shuyuan.science.tracing.interactions import NO_ITEM, Bools, Floats, Interactions

HISTORIES = (0, 5, 20, 100)  # earlier answers of the learner; each slice ends where the next begins
LEAKING_SHARE = 0.02  # more adjacent repeats than this, and all alike, are no accident
LEAKING_LIKENESS = 0.999


@dataclass(frozen=True)
class Slice:
    """Some rows: how many, the share that is right, AUC (None where all are alike) and log loss."""

    rows: int
    share_right: float
    auc: float | None
    log_loss: float | None


@dataclass(frozen=True)
class Report:
    """Figures over all rows, `low` and `high` by resampling learners, and slices by name."""

    auc: float
    low: float
    high: float
    log_loss: float
    calibration_error: float
    slices: Mapping[str, Slice]


class Leak(ValueError):
    """Rows repeat the answer before them, so a tracer that sees it knows the next."""


def report(table: Interactions, p: Floats, train: Interactions | None = None) -> Report:
    """Judge `p` (N,), the chance of each answer of `table` before it was given.

    train: the answers of the fit, to tell items that were in it. Raises Leak for a table with repeated rows.
    """
    refuse_leaks(table)
    interval = metrics.bootstrap_by_group(metrics.auc, table.correct, p, table.learner)
    return Report(
        interval.value,
        interval.low,
        interval.high,
        metrics.log_loss(table.correct, p),
        metrics.expected_calibration_error(table.correct, p),
        {name: _slice(table.correct[rows], p[rows]) for name, rows in _slices(table, train).items()},
    )


def refuse_leaks(table: Interactions) -> None:
    """Raise Leak when an answer to an item of several points was written as several rows.

    Told by neighbours of one learner with the same item at the same time, of other points, with the same answer nearly
    always: as rows of the skill builder data of 2009-2010 are. A repeated try at the same points is no such pair, but
    where times are known, two rows of one learner, item, moment and points are one answer written twice.
    """
    timed = len(table) > 0 and np.ptp(table.at_s) > 0
    twice = int((_neighbours(table) & _same_points(table)).sum()) if timed else 0
    if twice > LEAKING_SHARE * (len(table) - 1):
        raise Leak(
            f"{twice} of {len(table) - 1} neighbouring rows repeat learner, item, points and time of the row before: "
            "give every answer once"
        )
    pairs, alike = repeats(table)
    if len(table) > 1 and pairs > LEAKING_SHARE * (len(table) - 1) and alike >= LEAKING_LIKENESS * pairs:
        raise Leak(
            f"{pairs} of {len(table) - 1} neighbouring rows are one answer written once a point: "
            "give an item with several points as one row"
        )


def repeats(table: Interactions) -> tuple[int, int]:
    """How many neighbouring rows are of one learner, item and time but of other points; how many of them agree."""
    same = _neighbours(table) & ~_same_points(table)
    order = np.argsort(table.learner, kind="stable")
    return int(same.sum()), int((same & (table.correct[order[:-1]] == table.correct[order[1:]])).sum())


def control(algorithm: family.Algorithm, train: Interactions, test: Interactions, *, seed: int = 0) -> float:
    """AUC of fit and prediction on answers dealt at random: about one half, or something leaks."""
    rng = np.random.default_rng(seed)
    dealt = train.with_correct(rng.permutation(train.correct))
    unseen = test.with_correct(rng.permutation(test.correct))
    return metrics.auc(unseen.correct, algorithm.fit(dealt, seed=seed).predict(unseen))


def _slices(table: Interactions, train: Interactions | None) -> dict[str, Bools]:
    place = history.ranks(table.learner)
    ends = (*HISTORIES[1:], np.inf)
    found = {
        f"history {start}{'+' if end == np.inf else f'-{end - 1:g}'}": (place >= start) & (place < end)
        for start, end in zip(HISTORIES, ends, strict=True)
    }
    if train is not None:
        known = {train.item_ids[place] for place in np.unique(train.item[train.item != NO_ITEM])}
        is_known = np.append([key in known for key in table.item_ids], False)
        new = ~is_known[table.item]  # NO_ITEM is -1, the last
        found |= {"known item": ~new, "new item": new}
    return found


def _slice(correct: Bools, p: Floats) -> Slice:
    if not len(correct):
        return Slice(0, float("nan"), None, None)
    both = bool(correct.any() and not correct.all())
    return Slice(
        len(correct), float(correct.mean()), metrics.auc(correct, p) if both else None, metrics.log_loss(correct, p)
    )


def _neighbours(table: Interactions) -> Bools:
    """(N - 1,) whether a row, learner by learner, and the one after it are of one learner, item and time."""
    order = np.argsort(table.learner, kind="stable")
    one, two = order[:-1], order[1:]
    same = (table.learner[one] == table.learner[two]) & (table.item[one] == table.item[two])
    return np.asarray(same & (table.item[one] != NO_ITEM) & (table.at_s[one] == table.at_s[two]))


def _same_points(table: Interactions) -> Bools:
    """(N - 1,) whether they are of the same first point."""
    first = _first_points(table)[np.argsort(table.learner, kind="stable")]
    return np.asarray(first[:-1] == first[1:])


def _first_points(table: Interactions) -> np.ndarray:
    """(N,) the first point of each row, -1 without any."""
    padded = np.append(table.point, -1)
    return np.where(np.diff(table.starts) > 0, padded[table.starts[:-1]], -1)
