"""Is what was wanted near the top? Recall@k, precision@k, NDCG@k and the mean reciprocal rank over many queries.

Takes rows: `query` (N,) says which list a row belongs to, `relevance` (N,) >= 0 how much it was wanted, `score` (N,)
how it was ranked. Equal scores keep the order of rows the worse way for the model: the irrelevant first. Queries for
which nothing was wanted are left out.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from shuyuan.science.metrics import shapes


def recall_at(k: int, query: npt.ArrayLike, relevance: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Mean share of the wanted that is among the first k.

    >>> recall_at(1, [0, 0, 0], [1, 1, 0], [0.9, 0.1, 0.5])
    0.5
    """
    _check_k(k)
    return _mean(query, relevance, score, lambda wanted: float((wanted[:k] > 0).sum() / (wanted > 0).sum()))


def precision_at(k: int, query: npt.ArrayLike, relevance: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Mean share of the first k that was wanted; a list shorter than k counts as if filled with unwanted.

    >>> precision_at(2, [0, 0, 0], [1, 0, 1], [0.9, 0.5, 0.1])
    0.5
    """
    _check_k(k)
    return _mean(query, relevance, score, lambda wanted: float((wanted[:k] > 0).sum() / k))


def ndcg_at(k: int, query: npt.ArrayLike, relevance: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Mean discounted gain of the first k over that of the best order. Gain is the relevance itself.

    >>> ndcg_at(2, [0, 0, 0], [1, 0, 0], [0.9, 0.1, 0.5])
    1.0
    """
    _check_k(k)
    return _mean(query, relevance, score, lambda wanted: _gain(wanted[:k]) / _gain(np.sort(wanted)[::-1][:k]))


def reciprocal_rank(query: npt.ArrayLike, relevance: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Mean of 1 / rank of the first wanted.

    >>> reciprocal_rank([0, 0], [0, 1], [0.9, 0.1])
    0.5
    """
    return _mean(query, relevance, score, lambda wanted: 1.0 / (1 + int(np.argmax(wanted > 0))))


def _mean(
    query: npt.ArrayLike, relevance: npt.ArrayLike, score: npt.ArrayLike, of_list: Callable[[shapes.Floats], float]
) -> float:
    """NaN when no query wanted anything."""
    lists = [wanted for wanted in _ranked(query, relevance, score) if wanted.any()]
    return float(np.mean([of_list(wanted) for wanted in lists])) if lists else float("nan")


def _ranked(query: npt.ArrayLike, relevance: npt.ArrayLike, score: npt.ArrayLike) -> list[shapes.Floats]:
    """The relevances of each query, best score first."""
    which, wanted = np.asarray(query), np.asarray(relevance, dtype=np.float64)
    scores = np.asarray(score, dtype=np.float64)
    if which.ndim != 1 or not which.shape == wanted.shape == scores.shape or not which.size:
        raise ValueError(f"query, relevance and score must be (N,), got {which.shape}, {wanted.shape}, {scores.shape}")
    if not np.isfinite(scores).all() or not (wanted >= 0).all():
        raise ValueError("score must be finite and relevance >= 0")
    _, place = np.unique(which, return_inverse=True)
    order = np.lexsort((wanted, -scores, place))  # equal scores: the irrelevant first
    return np.split(wanted[order], np.cumsum(np.bincount(place))[:-1])


def _gain(wanted: shapes.Floats) -> float:
    return float((wanted / np.log2(np.arange(2, len(wanted) + 2))).sum())


def _check_k(k: int) -> None:
    if k < 1:
        raise ValueError(f"k must be >= 1, got {k}")
