"""What is known of learner, points and item before each answer, as numbers: what a net need not find out by itself.

The trace of the served Kalman step (its logit, abilities, form), counts of wins and losses by learner, point and item,
and how many answers ago point and item were last met. Everything can be kept in constant time and room per answer.
"""

import numpy as np

from shuyuan.science.tracing import history, online
from shuyuan.science.tracing.interactions import Floats, Interactions, Ints
from shuyuan.science.tracing.online import filtering
from shuyuan.science.tracing.online.layout import Layout

FOLDS = 5
NAMES = (
    "logit", "ability", "wins", "losses", "form",
    "point_ability", "point_wins", "point_losses", "point_gap", "point_new", "point_last",
    "item_wins", "item_losses", "item_gap", "item_last", "item_known", "pause_days", "point_pause_days",
)  # fmt: skip


def before(table: Interactions, params: online.Params) -> Floats:
    """(N, len(NAMES)) before each answer, learners cold at their first row."""
    trace = filtering.run(table, params, Layout.of(params, table))
    _, who = np.unique(table.learner, return_inverse=True)
    right, every = table.correct.astype(np.float64), np.ones(len(table))
    item = who * (len(table.item_ids) + 1) + table.item + 1
    pair = who[table.row] * max(len(table.point_ids), 1) + table.point
    turn = history.ranks(who).astype(np.float64)
    by_item = [_count(item, right), _count(item, every - right), *_since(item, turn, right)]
    entry_right, entry_turn = right[table.row], turn[table.row]
    gap, last = _since(pair, entry_turn, entry_right)
    by_point = [trace.point[:, 0], _count(pair, entry_right), _count(pair, 1.0 - entry_right), gap, gap < 0, last]
    mean = [np.bincount(table.row, np.asarray(column, float) * table.share, len(table)) for column in by_point]
    known = np.asarray([key in params.items for key in table.item_ids] + [False])[table.item]
    pause, _ = _since(who, table.at_s / online_day(), right)
    point_pause = np.maximum(_since(pair, (table.at_s / online_day())[table.row], entry_right)[0], 0.0)
    pauses = [np.maximum(pause, 0.0), np.bincount(table.row, point_pause * table.share, len(table))]
    general = trace.general * np.asarray([1.0, 1.0, -1.0, 1.0])
    return np.column_stack([trace.logit, general, *mean, *by_item, known, *pauses])


def online_day() -> float:
    """Seconds of a day."""
    return 86_400.0


def crossed(table: Interactions, settings: online.Settings, *, folds: int = FOLDS, seed: int = 0) -> Floats:
    """`before`, each learner by a fit that never saw them: so that it errs on these rows as it will on strangers'."""
    learners = np.random.default_rng(seed).permutation(np.unique(table.learner))
    found = np.empty((len(table), len(NAMES)))
    for some in np.array_split(learners, min(folds, max(len(learners), 1))):
        held = np.isin(table.learner, some)
        params = online.fit_with(table.take(np.flatnonzero(~held)), settings)
        found[held] = before(table.take(np.flatnonzero(held)), params)
    return found


def _count(key: Ints, value: Floats) -> Floats:
    return np.asarray(np.log1p(history.earlier(key, value)))


def _since(key: Ints, turn: Floats, right: Floats) -> tuple[Floats, Floats]:
    """log(1 + turns since the key was last met), -1 for the first time; and the answer then as 1 or -1, 0 at first."""
    order = np.argsort(key, kind="stable")
    same = np.concatenate([[False], key[order][1:] == key[order][:-1]]) if len(key) else np.zeros(0, bool)
    gap, last = np.full(len(key), -1.0), np.zeros(len(key))
    passed = np.maximum(np.diff(turn[order], prepend=0.0), 0.0)
    gap[order] = np.where(same, np.log1p(passed), -1.0)
    last[order] = np.where(same, 2.0 * np.roll(right[order], 1) - 1.0, 0.0)
    return gap, last
