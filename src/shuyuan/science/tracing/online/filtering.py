"""The step of `step.py` over a whole table at once: every learner's t-th answer together, t after t.

Gives the features each answer was predicted from, so that weights can be refitted on them. A test holds
it against the scalar step, number by number.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from shuyuan.science.tracing import logistic
from shuyuan.science.tracing.interactions import Floats, Interactions, Ints
from shuyuan.science.tracing.online.layout import GENERAL_COLUMNS, POINT_COLUMNS, Layout
from shuyuan.science.tracing.online.params import Params
from shuyuan.science.tracing.online.step import SECONDS_PER_DAY


@dataclass(frozen=True)
class Trace:
    """What stood before each answer of the table, in the table's order."""

    general: Floats  # (N, GENERAL_COLUMNS)
    point: Floats  # (E, POINT_COLUMNS)
    logit: Floats  # (N,)


def run(table: Interactions, params: Params, layout: Layout) -> Trace:
    """Replay the table from cold learners. `layout` carries the weights, `params` the rates and priors."""
    order, bounds = _by_rank(table.learner)
    ranked = table.take(order)
    states = _States(ranked, params)
    general = np.empty((len(table), GENERAL_COLUMNS))
    point = np.empty((len(table.point), POINT_COLUMNS))
    logit = layout.base(ranked)
    for first, last in itertools.pairwise(bounds):
        rows, entries = slice(first, last), slice(ranked.starts[first], ranked.starts[last])
        owner = ranked.row[entries] - first
        share = ranked.share[entries]
        general[rows], point[entries] = states.features(rows, entries)
        slopes = layout.slopes[ranked.point[entries]]
        logit[rows] += general[rows] @ layout.general
        logit[rows] += np.bincount(owner, (point[entries] * slopes).sum(1) * share, last - first)
        states.learn(rows, entries, owner, share, logistic.expit(logit[rows]))
    return _in_table_order(Trace(general, point, logit), order, ranked, table)


class _States:
    """The running states of all learners, and of the (learner, point) pairs that occur."""

    def __init__(self, table: Interactions, params: Params) -> None:
        self.table, self.params = table, params
        _, self.who = np.unique(table.learner, return_inverse=True)  # (N,)
        pairs = self.who[table.row] * max(len(table.point_ids), 1) + table.point
        kinds, self.pair = np.unique(pairs, return_inverse=True)  # (E,)
        learners = int(self.who.max()) + 1 if len(table) else 0
        self.mean, self.form = np.zeros(learners), np.zeros(learners)
        self.variance = np.full(learners, params.general_variance)
        self.counts = np.zeros((learners, 2))  # wins, losses
        self.point_mean, self.point_wins = np.zeros(len(kinds)), np.zeros(len(kinds))
        self.point_variance = np.full(len(kinds), params.point_variance)
        self.point_at_s = np.zeros(len(kinds))

    def features(self, rows: slice, entries: slice) -> tuple[Floats, Floats]:
        who, pair = self.who[rows], self.pair[entries]
        wins, losses = np.log1p(self.counts[who]).T
        general = np.stack([self.mean[who], wins, -losses, self.form[who]], axis=1)
        return general, np.stack([self.point_mean[pair], np.log1p(self.point_wins[pair])], axis=1)

    def learn(self, rows: slice, entries: slice, owner: Ints, share: Floats, p: Floats) -> None:
        who, pair, params = self.who[rows], self.pair[entries], self.params
        correct, at_s = self.table.correct[rows].astype(np.float64), self.table.at_s[rows]
        general = np.minimum(self.variance[who] + params.general_drift, params.general_variance)
        days = np.maximum(at_s[owner] - self.point_at_s[pair], 0.0) / SECONDS_PER_DAY
        widened = self.point_variance[pair] + params.point_drift + params.drift_per_day * days
        specific = np.minimum(widened, params.point_variance)
        information = p * (1.0 - p)
        spread = general + np.bincount(owner, specific * share * share, len(p))
        damping = 1.0 / (1.0 + information * spread)
        surprise = correct - p
        self.mean[who] += general * surprise * damping
        self.variance[who] = general - general * general * information * damping
        self.form[who] += params.form_rate * (surprise - self.form[who])
        self.counts[who] += np.stack([correct, 1.0 - correct], axis=1)
        gain = specific * share
        self.point_mean[pair] += gain * (surprise * damping)[owner]
        self.point_variance[pair] = specific - gain * gain * (information * damping)[owner]
        self.point_wins[pair] += correct[owner]
        self.point_at_s[pair] = at_s[owner]


def _by_rank(learner: Ints) -> tuple[Ints, Ints]:
    """Row order that puts all first answers first, then all second ones; and where each rank begins."""
    by_learner = np.argsort(learner, kind="stable")
    _, sizes = np.unique(learner, return_counts=True)
    rank = np.empty(len(learner), dtype=np.int64)
    rank[by_learner] = np.arange(len(learner)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    bounds = np.concatenate([[0], np.cumsum(np.bincount(rank))]) if len(learner) else np.zeros(1)
    return np.argsort(rank, kind="stable"), bounds.astype(np.int64)


def _in_table_order(trace: Trace, order: Ints, ranked: Interactions, table: Interactions) -> Trace:
    back = np.argsort(order)
    sizes = np.diff(table.starts)
    offset = np.arange(len(table.point)) - np.repeat(table.starts[:-1], sizes)
    entries = np.repeat(ranked.starts[:-1][back], sizes) + offset
    return Trace(trace.general[back], trace.point[entries], trace.logit[back])
