"""Whether the questions answered now are those a tracer was fitted on: the population stability index.

Answers are counted by how easy their item and points are for an average learner, in bins that held a fifth each when
the tracer was fitted, and beside them those on items the fit never met, be they guessed by their wording or not: a
guess is no answer. Learners do not come into it: they get better.
Source: Siddiqi, Credit Risk Scorecards (2006), which calls more than 0.25 a major shift and less than 0.1 none.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from shuyuan.science.tracing import online
from shuyuan.science.tracing.interactions import Bools, Interactions
from shuyuan.science.tracing.online.layout import Layout

MAJOR_SHIFT = 0.25
BINS = 5
_SMALLEST = 0.5  # answers: an empty bin counts as half a one


class Population(NamedTuple):
    """edges: (BINS - 1,) logits between the bins.  counts: (BINS + 1,) answers, those on unknown items last."""

    edges: Sequence[float]
    counts: Sequence[float]


def population(params: online.Params, table: Interactions, strangers: Interactions | None = None) -> Population:
    """What a table asks, in bins of its own.

    strangers: learners whom the fit never met. They tell how often an item is asked that it never met either, which
    the table of the fit cannot: where there are more items than answers, that is most of the time, and no drift.
    """
    easy, unknown = _easiness(params, table)
    known = easy[~unknown]
    quantiles = np.linspace(0.0, 1.0, BINS + 1)[1:-1]
    edges = np.quantile(known, quantiles) if known.size else np.zeros(BINS - 1)
    found = counted(params, table, edges.tolist())
    if strangers is None or not len(strangers) or not known.size:
        return found
    share, every = float(_easiness(params, strangers)[1].mean()), float(sum(found.counts))
    met = [(1.0 - share) * every * count / known.size for count in found.counts[:-1]]
    return Population(found.edges, [*met, share * every])


def counted(params: online.Params, table: Interactions, edges: Sequence[float]) -> Population:
    """What a table asks, in given bins."""
    easy, unknown = _easiness(params, table)
    bins = np.bincount(np.searchsorted(edges, easy[~unknown], side="right"), minlength=len(edges) + 1)
    return Population(list(edges), [*map(float, bins), float(unknown.sum())])


def index(then: Population, now: Population) -> float:
    """0 where both are alike.

    >>> index(Population([0.0], [50, 50, 0]), Population([0.0], [50, 50, 0]))
    0.0
    """
    before, after = (_shares(one.counts) for one in (then, now))
    return float(np.sum((after - before) * np.log(after / before)))


def _easiness(params: online.Params, table: Interactions) -> tuple[np.ndarray, Bools]:
    """(N,) logits, rounded so that items of one difficulty share a bin; (N,) whether the fit never met the item."""
    known = np.asarray([params.met(key) for key in table.item_ids] + [False])
    return np.round(Layout.of(params, table).base(table), 6), ~known[table.item]


def _shares(counts: Sequence[float]) -> np.ndarray:
    padded = np.maximum(np.asarray(counts, np.float64), _SMALLEST)
    return np.asarray(padded / padded.sum())
