"""`online.recurrent.FEATURES` of whole tables at once: what is known of learner, points and item before each answer.

The trace of the Kalman step (its logit, abilities, form), counts of wins and losses by learner, point and item, how
many answers ago point and item were last met and how that went; then what neighbouring items say. A test holds the
columns against the served step, number by number.
"""

import numpy as np

from shuyuan.science.tracing import history, logistic, online
from shuyuan.science.tracing.interactions import NO_ITEM, Floats, Interactions, Ints
from shuyuan.science.tracing.online import filtering, neighbours, recurrent
from shuyuan.science.tracing.online.layout import Layout
from shuyuan.science.tracing.online.neighbours import Neighbours
from shuyuan.science.tracing.online.step import SECONDS_PER_DAY

FOLDS = 5
COLUMNS = len(recurrent.FEATURES) + neighbours.COLUMNS


def before(table: Interactions, params: online.Params, around: Neighbours) -> Floats:
    """(N, COLUMNS) before each answer, learners cold at their first row."""
    return np.column_stack([_known(table, params, around), around.table(table.item_ids)[table.item]])


def crossed(
    table: Interactions, settings: online.Settings, *, folds: int = FOLDS, seed: int = 0
) -> tuple[Floats, Neighbours]:
    """`before`, each learner by a fit that never saw them, so that it errs here as it will on strangers.

    And the neighbours as all answers tell them, for learners who are none of these.
    """
    learners = np.random.default_rng(seed).permutation(np.unique(table.learner))
    parts = np.array_split(learners, max(min(folds, len(learners)), 1))
    fold = np.zeros(len(table), np.int64)
    for number, some in enumerate(parts):
        fold[np.isin(table.learner, some)] = number
    known = np.empty((len(table), len(recurrent.FEATURES)))
    order = _neighbours(table, np.zeros(len(table)), np.zeros(len(table), np.bool_))
    for number in range(len(parts)):
        params = online.fit_with(table.take(np.flatnonzero(fold != number)), settings)
        known[fold == number] = _known(table.take(np.flatnonzero(fold == number)), params, order)
    p = logistic.expit(known[:, 0])
    around = np.empty((len(table), neighbours.COLUMNS))
    for number in range(len(parts)):
        others = _neighbours(table, p, fold != number)
        around[fold == number] = others.table(table.item_ids)[table.item[fold == number]]
    return np.column_stack([known, around]), _neighbours(table, p, np.ones(len(table), np.bool_))


def _neighbours(table: Interactions, p: Floats, rows: np.ndarray) -> Neighbours:
    rows = rows & (table.item != NO_ITEM)
    surprise = table.correct[rows] - p[rows]
    return Neighbours.of(table.item_ids, table.item[rows], surprise, p[rows] * (1.0 - p[rows]))


def _known(table: Interactions, params: online.Params, around: Neighbours) -> Floats:
    """(N, len(FEATURES))"""
    trace = filtering.run(table, params, Layout.of(params, table))
    _, who = np.unique(table.learner, return_inverse=True)
    item = np.asarray(who * (len(table.item_ids) + 1) + table.item + 1)
    known = np.asarray([key in params.items for key in table.item_ids] + [False])[table.item]
    pause = _pause(who, table.at_s)
    general = trace.general * np.asarray([1.0, 1.0, -1.0, 1.0])  # losses carry their sign there
    by_point = _by_point(table, who, trace.point[:, 0])
    by_item = _met(item, history.ranks(who).astype(np.float64), table.correct)
    moved = _moved_on(table, who, around)
    return np.column_stack([trace.logit, general, by_point[:, :-1], by_item, known, pause, by_point[:, -1], *moved])


def _by_point(table: Interactions, who: Ints, ability: Floats) -> Floats:
    """(N, 7) averaged over the points of each row: ability, wins, losses, gap, new, last, pause."""
    pair = np.asarray(who[table.row] * max(len(table.point_ids), 1) + table.point)
    turn = history.ranks(who).astype(np.float64)[table.row]
    wins, losses, gap, last = _met(pair, turn, table.correct[table.row]).T
    columns = (ability, wins, losses, gap, gap == recurrent.NEVER, last, _pause(pair, table.at_s[table.row]))
    return np.column_stack([np.bincount(table.row, column * table.share, len(table)) for column in columns])


def _moved_on(table: Interactions, who: Ints, around: Neighbours) -> tuple[Floats, Floats]:
    place = np.asarray([*map(around.place, table.item_ids), neighbours.NOWHERE])[table.item]  # NO_ITEM is the last
    last = np.full(len(table), neighbours.NOWHERE)
    now, then = _pairs(who)
    last[now] = place[then]
    return neighbours.between(place, last)


def _met(key: Ints, turn: Floats, correct: np.ndarray) -> Floats:
    """(n, 4) log counts of wins and losses with a key, log(1 + turns since), NEVER at first, and the last answer."""
    right = correct.astype(np.float64)
    wins, losses = (np.log1p(history.earlier(key, value)) for value in (right, 1.0 - right))
    gap, last = np.full(len(key), recurrent.NEVER), np.zeros(len(key))
    now, then = _pairs(key)
    gap[now], last[now] = np.log1p(turn[now] - turn[then]), 2.0 * right[then] - 1.0
    return np.column_stack([wins, losses, gap, last])


def _pause(key: Ints, at_s: Floats) -> Floats:
    """log(1 + days) since the key was last met, 0 at first."""
    pause = np.zeros(len(key))
    now, then = _pairs(key)
    pause[now] = np.log1p(np.maximum(at_s[now] - at_s[then], 0.0) / SECONDS_PER_DAY)
    return pause


def _pairs(key: Ints) -> tuple[Ints, Ints]:
    """Places and the places before them of the same key."""
    order = np.argsort(key, kind="stable")
    again = np.flatnonzero(key[order][1:] == key[order][:-1])
    return order[again + 1], order[again]
