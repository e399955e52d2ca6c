"""How good is a ranking? The first k of every learner against what they really took later.

Items already taken are left out; there is NO other restriction of candidates. Learners who took nothing later are
left out of the means.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shuyuan.science.ranking.histories import Floats, Histories, Ints


class Figures(NamedTuple):
    """Means over learners. hit: share with at least one of the wanted among the first k."""

    recall: float
    precision: float
    ndcg: float
    hit: float


def best(scores: npt.ArrayLike, taken: npt.ArrayLike, k: int) -> Ints:
    """(learners, up to k): the best items not taken, best first; -1 where nothing is left.

    >>> best([[0.1, 0.9, 0.5]], [[False, True, False]], k=3).tolist()
    [[2, 0, -1]]
    """
    if k < 1:
        raise ValueError(f"k must be >= 1, got {k}")
    table, gone = np.array(scores, dtype=np.float64), np.asarray(taken, dtype=np.bool_)
    if table.ndim != 2 or table.shape != gone.shape:
        raise ValueError(f"scores and taken must be (learners, items), got {table.shape} and {gone.shape}")
    if not np.isfinite(table).all():
        raise ValueError("scores must be finite")
    table[gone] = -np.inf
    order = np.argsort(-table, axis=1, kind="stable")[:, :k]
    return np.where(np.isfinite(np.take_along_axis(table, order, axis=1)), order, -1).astype(np.int64)


def figures(scores: npt.ArrayLike, earlier: Histories, later: Histories, k: int = 10) -> Figures:
    """Rank for who took `earlier`, judge by `later`."""
    each = by_learner(scores, earlier, later, k)
    return Figures(*(float(column.mean()) for column in each.T)) if len(each) else Figures(*[float("nan")] * 4)


def by_learner(scores: npt.ArrayLike, earlier: Histories, later: Histories, k: int = 10) -> Floats:
    """(learners with something later, 4): recall, precision, ndcg, hit of each, for intervals by learner."""
    top, wanted = best(scores, earlier.taken(), k), later.taken()
    found = np.where(top >= 0, np.take_along_axis(wanted, np.maximum(top, 0), axis=1), False)
    size = wanted.sum(1)
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[0.0], np.cumsum(discount)])[np.minimum(size, k)]
    some = size > 0
    hits, gains = found.sum(1)[some], (found @ discount[: found.shape[1]])[some]
    return np.stack([hits / size[some], hits / k, gains / ideal[some], hits > 0], axis=1).astype(np.float64)


def blend(parts: list[tuple[float, Floats]], taken: npt.ArrayLike) -> Floats:
    """A weighted sum of several rankers' scores, each first brought to mean 0 and spread 1 among what is not taken.

    Raises ValueError without parts."""
    if not parts:
        raise ValueError("parts must hold at least one ranker's scores, got none")
    free = ~np.asarray(taken, dtype=np.bool_)
    count = np.maximum(free.sum(1, keepdims=True), 1)
    total = np.zeros(free.shape)
    for weight, scores in parts:
        mean = np.where(free, scores, 0).sum(1, keepdims=True) / count
        spread = np.sqrt(np.where(free, (scores - mean) ** 2, 0).sum(1, keepdims=True) / count)
        total += weight * (scores - mean) / np.maximum(spread, 1e-12)
    return total
