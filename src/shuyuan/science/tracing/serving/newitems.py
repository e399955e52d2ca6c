"""How hard an item is that nobody has answered, told by what it says; and whether that helps.

Ridge regression (Hoerl & Kennard 1970) from vectors of texts to the difficulties that answers gave other items. Whether
a guess is served is chosen on items hidden from it: only where it foretells their answers better with certainty than
calling the item an average one of its points. What it is worth is told by learners whom the fit never met.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from shuyuan.science import metrics
from shuyuan.science.metrics import resampling
from shuyuan.science.tracing import online
from shuyuan.science.tracing.interactions import NO_ITEM, Bools, Floats, Interactions, Ints
from shuyuan.science.tracing.serving.tracer import Tracer
from shuyuan.science.tracing.serving.walking import replay

FEWEST_ITEMS, FEWEST_ANSWERS = 20, 200  # below that a guess is neither made nor judged
MOST_JUDGED = 20_000  # answers that are walked through again, twice for each fold
FOLDS = 5
RIDGES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
_V = TypeVar("_V")
_HALF_TRUSTED = 5.0  # answers at which an item's own difficulty has half the weight it can have


class Worded(NamedTuple):
    """Items with vectors of what they say. vectors: (items, D)."""

    item_ids: Sequence[str]
    point_ids: Sequence[Sequence[str]]  # of each item
    vectors: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Judgement:
    """Items hidden from the guess, as learners answered them. average: the item called an average one of its points.

    difference: log loss with the guess minus that without it; `low` and `high` its 95 % interval, the wider of two: by
    learner, and by item, for few items are told well by luck however many learners answer them.
    """

    items: int
    answers: int
    log_loss: float
    average_log_loss: float
    auc: float
    average_auc: float
    difference: float
    low: float
    high: float

    @property
    def helps(self) -> bool:
        """Better with certainty."""
        return self.high < 0.0


class Guesses(NamedTuple):
    """difficulties: item id → logits beyond its points, of every item the tracer was not fitted on.

    chosen: on the learners of the fit, by which it is decided; judged: on strangers, None where they answered too
    little.
    """

    difficulties: Mapping[str, float]
    chosen: Judgement
    judged: Judgement | None


def guess(tracer: Tracer, fitted_on: Interactions, strangers: Interactions, worded: Worded) -> Guesses | None:
    """Read items by those that have answers. None: too few of them, or too few answers to choose by."""
    known = np.flatnonzero([key in tracer.params.items for key in worded.item_ids])
    if len(known) < FEWEST_ITEMS:
        return None
    texts = _Texts.of(tracer.params, fitted_on, _some(worded, known))
    fold = np.random.default_rng(0).permutation(len(known)) % FOLDS
    ridge, hidden = _selected(texts, fold)
    chosen, judged = (_judged(tracer, _first_of(one), texts, hidden, fold) for one in (fitted_on, strangers))
    if chosen is None:
        return None
    new = _some(worded, np.flatnonzero([key not in tracer.params.items for key in worded.item_ids]))
    values = _regression(texts.vectors, texts.difficulty, texts.weight, ridge)(new.vectors)
    return Guesses(dict(zip(new.item_ids, _beyond(tracer.params, new.point_ids, values), strict=True)), chosen, judged)


def reading(params: online.Params, fitted_on: Interactions, known: Worded, new: Worded) -> dict[str, float]:
    """Difficulties of `new` items beyond their points, read by `known` ones; how strongly, is chosen among those."""
    texts = _Texts.of(params, fitted_on, known)
    ridge, _ = _selected(texts, np.random.default_rng(0).permutation(len(known.item_ids)) % FOLDS)
    values = _regression(texts.vectors, texts.difficulty, texts.weight, ridge)(new.vectors)
    return dict(zip(new.item_ids, _beyond(params, new.point_ids, values), strict=True))


def with_items(params: online.Params, difficulties: Mapping[str, float]) -> online.Params:
    """The same numbers, and these items beside those it knows."""
    return replace(params, items=MappingProxyType({**params.items, **difficulties}))


def without_items(tracer: Tracer, item_ids: Iterable[str]) -> Tracer:
    """The tracer as if it had never met these items."""
    hidden = frozenset(item_ids)
    params = replace(tracer.params, items=MappingProxyType(_left(tracer.params.items, hidden)))
    if tracer.net is None:
        return Tracer(params)
    around = replace(tracer.net.neighbours, places=_left(tracer.net.neighbours.places, hidden))
    net = replace(tracer.net, params=params, items=_left(tracer.net.items, hidden), neighbours=around)
    return Tracer(params, net)


class _Texts(NamedTuple):
    """Known items. difficulty: (M, 2) beyond their points, and with them; weight: (M,)."""

    item_ids: Sequence[str]
    point_ids: Sequence[Sequence[str]]
    vectors: Floats
    difficulty: Floats
    weight: Floats

    @classmethod
    def of(cls, params: online.Params, fitted_on: Interactions, known: Worded) -> "_Texts":
        counts = dict(zip(fitted_on.item_ids, np.bincount(*_items(fitted_on)).tolist(), strict=True))
        answers = np.asarray([counts.get(key, 0) for key in known.item_ids], np.float64)
        beyond = np.asarray([params.items[key] for key in known.item_ids], np.float64)
        whole = beyond + _of_points(params, known.point_ids)
        return cls(*known, np.column_stack([beyond, whole]), answers / (answers + _HALF_TRUSTED))


def _regression(x: Floats, y: Floats, weight: Floats, ridge: float) -> Callable[[Floats], Floats]:
    """Weighted ridge regression, its mean not shrunk. x: (M, D), y: (M, 2), weight: (M,). What it gives maps (., D) to
    (., 2)."""
    every = max(float(weight.sum()), 1e-9)
    centre, mean = weight @ x / every, weight @ y / every
    root = np.sqrt(weight)[:, None]
    inner, outer = (x - centre) * root, (y - mean) * root
    if len(x) < x.shape[1]:
        slopes = inner.T @ np.linalg.solve(inner @ inner.T + ridge * np.eye(len(x)), outer)
    else:
        slopes = np.linalg.solve(inner.T @ inner + ridge * np.eye(x.shape[1]), inner.T @ outer)
    return lambda new: np.asarray((new - centre) @ slopes + mean)


def _selected(texts: _Texts, fold: Ints) -> tuple[float, Floats]:
    """The ridge that tells hidden items best, and (M, 2) what it tells of each item that was hidden from it."""
    tried = [(ridge, _crossed(texts, fold, ridge)) for ridge in RIDGES]
    return min(tried, key=lambda one: float(texts.weight @ ((one[1] - texts.difficulty) ** 2).sum(1)))


def _crossed(texts: _Texts, fold: Ints, ridge: float) -> Floats:
    told = np.zeros_like(texts.difficulty)
    for one in range(FOLDS):
        rest, mine = fold != one, fold == one
        fitted = _regression(texts.vectors[rest], texts.difficulty[rest], texts.weight[rest], ridge)
        told[mine] = fitted(texts.vectors[mine])
    return told


def _judged(tracer: Tracer, table: Interactions, texts: _Texts, hidden: Floats, fold: Ints) -> Judgement | None:
    beyond = _beyond(tracer.params, texts.point_ids, hidden)
    p, average, rows = [], [], []
    for one in range(FOLDS):
        mine = {texts.item_ids[place]: float(beyond[place]) for place in np.flatnonzero(fold == one).tolist()}
        asked = _asks(table, mine)
        if not asked.any():
            continue
        unknown = without_items(tracer, mine)
        rows.append(np.flatnonzero(asked))
        average.append(replay(unknown, table)[asked])
        p.append(replay(_served(unknown, mine), table)[asked])
    if sum(map(len, rows)) < FEWEST_ANSWERS:
        return None
    return compared(table, np.concatenate(rows), np.concatenate(p), np.concatenate(average))


def compared(table: Interactions, rows: Ints, p: Floats, average: Floats) -> Judgement | None:
    """What was said of these rows with a guess, beside what was said without. None: all of them are alike."""
    correct, learner = table.correct[rows], table.learner[rows]
    if correct.all() or not correct.any():
        return None
    worse = metrics.log_losses(correct, p) - metrics.log_losses(correct, average)
    low, high = _bounds(worse, learner, table.item[rows])
    return Judgement(
        len(np.unique(table.item[rows])),
        len(rows),
        metrics.log_loss(correct, p),
        metrics.log_loss(correct, average),
        metrics.auc(correct, p),
        metrics.auc(correct, average),
        float(worse.mean()),
        low,
        high,
    )


def _bounds(worse: Floats, *drawn: Ints) -> tuple[float, float]:
    """The widest interval of the mean, with whole members of each of these columns drawn together."""
    found = [resampling.bounds(lambda some: float(worse[some].mean()), len(worse), person=who) for who in drawn]
    return min(one.low for one in found), max(one.high for one in found)


def _served(tracer: Tracer, difficulties: Mapping[str, float]) -> Tracer:
    params = with_items(tracer.params, difficulties)
    return Tracer(params, None if tracer.net is None else replace(tracer.net, params=params))


def _beyond(params: online.Params, point_ids: Sequence[Sequence[str]], told: Floats) -> Floats:
    """(M,) beyond the points. told: (M, 2); of points that the fit never met only the whole difficulty is known."""
    met = np.asarray([all(key in params.points for key in points) for points in point_ids], np.bool_)
    return np.where(met, told[:, 0], told[:, 1] - _of_points(params, point_ids))


def _of_points(params: online.Params, point_ids: Sequence[Sequence[str]]) -> Floats:
    """(M,) mean difficulty of each item's points."""
    return np.asarray([sum(params.point(key).difficulty for key in some) / max(len(some), 1) for some in point_ids])


def _some(worded: Worded, places: Ints) -> Worded:
    ids = [worded.item_ids[place] for place in places.tolist()]
    return Worded(ids, [worded.point_ids[place] for place in places.tolist()], worded.vectors[places])


def _first_of(table: Interactions) -> Interactions:
    """The first learners of a table, with MOST_JUDGED answers or a few more."""
    order, counts = np.unique(table.learner, return_counts=True)
    some = order[: int(np.searchsorted(np.cumsum(counts), MOST_JUDGED)) + 1]
    return table.take(np.flatnonzero(np.isin(table.learner, some)))


def _asks(table: Interactions, items: Mapping[str, float]) -> Bools:
    """(N,) whether the row is of one of these items."""
    return np.append([key in items for key in table.item_ids], False)[table.item].astype(np.bool_)  # NO_ITEM: the last


def _items(table: Interactions) -> tuple[Ints, None, int]:
    """Arguments of bincount."""
    return table.item[table.item != NO_ITEM], None, len(table.item_ids)


def _left(values: Mapping[str, _V], hidden: frozenset[str]) -> dict[str, _V]:
    return {key: value for key, value in values.items() if key not in hidden}
