"""How hard an item is that nobody has answered, told by what it says; and whether that helps.

Ridge regression (Hoerl & Kennard 1970) from vectors of texts to the difficulties that answers gave other items. Whether
a guess is served is chosen on items hidden from it: only where it foretells their answers better with certainty than
calling the item an average one of its points. What it is worth is told by learners whom the fit never met.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

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
Vectors = npt.NDArray[np.floating[Any]]  # Any: of either width
_V = TypeVar("_V")
_HALF_TRUSTED = 5.0  # answers at which an item's own difficulty has half the weight it can have


class Worded(NamedTuple):
    """Items with vectors of what they say. vectors: (items, D)."""

    item_ids: Sequence[str]
    point_ids: Sequence[Sequence[str]]  # of each item
    vectors: Vectors


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
    """difficulties: item id → logits beyond its points, of every item that nobody has answered, but for those of points
    that the fit never met: there it would have to tell the point as well, and nothing judges that.

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
    return Guesses(_read(tracer.params, texts, ridge, new), chosen, judged)


def reading(params: online.Params, fitted_on: Interactions, known: Worded, new: Worded) -> dict[str, float]:
    """Difficulties of `new` items beyond their points, read by `known` ones; how strongly, is chosen among those. Items
    of points that the fit never met are left out."""
    texts = _Texts.of(params, fitted_on, known)
    ridge, _ = _selected(texts, np.random.default_rng(0).permutation(len(known.item_ids)) % FOLDS)
    return _read(params, texts, ridge, new)


def with_items(params: online.Params, difficulties: Mapping[str, float]) -> online.Params:
    """The same numbers, and these items, which nobody has answered, beside those it knows."""
    items = MappingProxyType({**params.items, **difficulties})
    return replace(params, items=items, guessed=params.guessed.union(difficulties))


def without_items(tracer: Tracer, item_ids: Iterable[str]) -> Tracer:
    """The tracer as if it had never met these items."""
    hidden = frozenset(item_ids)
    items = MappingProxyType(_left(tracer.params.items, hidden))
    params = replace(tracer.params, items=items, guessed=tracer.params.guessed - hidden)
    if tracer.net is None:
        return Tracer(params)
    around = replace(tracer.net.neighbours, places=_left(tracer.net.neighbours.places, hidden))
    net = replace(tracer.net, params=params, items=_left(tracer.net.items, hidden), neighbours=around)
    return Tracer(params, net)


class _Texts(NamedTuple):
    """Known items. difficulty: (M,) beyond their points; weight: (M,)."""

    item_ids: Sequence[str]
    vectors: Vectors
    difficulty: Floats
    weight: Floats

    @classmethod
    def of(cls, params: online.Params, fitted_on: Interactions, known: Worded) -> "_Texts":
        counts = dict(zip(fitted_on.item_ids, np.bincount(*_items(fitted_on)).tolist(), strict=True))
        answers = np.asarray([counts.get(key, 0) for key in known.item_ids], np.float64)
        difficulty = np.asarray([params.items[key] for key in known.item_ids], np.float64)
        return cls(known.item_ids, known.vectors, difficulty, answers / (answers + _HALF_TRUSTED))


def _regression(x: Vectors, y: Floats, weight: Floats) -> Callable[[float], Callable[[Vectors], Floats]]:
    """Weighted ridge regression, its mean not shrunk: ridge → what maps (., D) to (.,).

    x: (M, D), y: (M,), weight: (M,). What costs time and memory is done once for every ridge.
    """
    every = max(float(weight.sum()), 1e-9)
    centre, mean = np.asarray(weight @ x / every, x.dtype), float(weight @ y) / every
    root = np.sqrt(weight)
    inner, outer = (x - centre) * root.astype(x.dtype)[:, None], (y - mean) * root
    is_wide = len(x) < x.shape[1]
    gram = np.asarray(inner @ inner.T if is_wide else inner.T @ inner, np.float64)
    right = outer if is_wide else inner.T @ outer

    def fitted(ridge: float) -> Callable[[Vectors], Floats]:
        found = np.linalg.solve(gram + ridge * np.eye(len(gram)), right)
        slopes = inner.T @ found if is_wide else found
        return lambda new: np.asarray((new - centre) @ slopes + mean, np.float64)

    return fitted


def _selected(texts: _Texts, fold: Ints) -> tuple[float, Floats]:
    """The ridge that tells hidden items best, and (M,) what it tells of each item that was hidden from it."""
    told = np.zeros((len(RIDGES), *texts.difficulty.shape))
    for one in range(FOLDS):
        rest, mine = fold != one, fold == one
        fitted = _regression(texts.vectors[rest], texts.difficulty[rest], texts.weight[rest])
        told[:, mine] = [fitted(ridge)(texts.vectors[mine]) for ridge in RIDGES]
    wrong = [float(texts.weight @ (one - texts.difficulty) ** 2) for one in told]
    best = int(np.argmin(wrong))
    return RIDGES[best], told[best]


def _judged(tracer: Tracer, table: Interactions, texts: _Texts, hidden: Floats, fold: Ints) -> Judgement | None:
    p, average, rows = [], [], []
    for one in range(FOLDS):
        mine = {texts.item_ids[place]: float(hidden[place]) for place in np.flatnonzero(fold == one).tolist()}
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


def _read(params: online.Params, texts: _Texts, ridge: float, new: Worded) -> dict[str, float]:
    met = [all(key in params.points for key in points) for points in new.point_ids]
    some = _some(new, np.flatnonzero(met))
    told = _regression(texts.vectors, texts.difficulty, texts.weight)(ridge)(some.vectors)
    return dict(zip(some.item_ids, told.tolist(), strict=True))


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
