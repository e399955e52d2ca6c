"""Are groups compact and apart (silhouette), and are they the known ones (adjusted Rand)?"""

import numpy as np
import numpy.typing as npt

from shuyuan.science.metrics import shapes

_BLOCK = 512  # rows whose distances are held at once


def silhouette(vectors: npt.ArrayLike, cluster: npt.ArrayLike) -> float:
    """Mean over rows of (b - a) / max(a, b): a the mean distance within its cluster, b to the nearest other.

    -1..1; a row alone in its cluster counts 0; NaN with one cluster only. Source: Rousseeuw (1987).

    >>> round(silhouette([[0.0], [0.1], [5.0], [5.1]], [0, 0, 1, 1]), 2)
    0.98
    """
    points, which = np.asarray(vectors, dtype=np.float64), np.asarray(cluster)
    if points.ndim != 2 or which.shape != (len(points),) or not which.size:
        raise ValueError(f"vectors must be (N, D) and cluster (N,), got {points.shape} and {which.shape}")
    _, place, sizes = np.unique(which, return_inverse=True, return_counts=True)
    if len(sizes) < 2:
        return float("nan")
    blocks = [np.arange(at, min(at + _BLOCK, len(points))) for at in range(0, len(points), _BLOCK)]
    return float(np.concatenate([_of_rows(points, place, sizes, rows) for rows in blocks]).mean())


def adjusted_rand(truth: npt.ArrayLike, cluster: npt.ArrayLike) -> float:
    """Agreement of two groupings over all pairs of rows: 1 the same, 0 what chance gives. Source: Hubert & Arabie.

    >>> adjusted_rand(["a", "a", "b"], [7, 7, 3])
    1.0
    """
    a, b = np.asarray(truth), np.asarray(cluster)
    if a.ndim != 1 or a.shape != b.shape or not a.size:
        raise ValueError(f"truth and cluster must be flat, equally long and not empty, got {a.shape} and {b.shape}")
    _, left = np.unique(a, return_inverse=True)
    names, right = np.unique(b, return_inverse=True)
    table = np.bincount(left * len(names) + right)
    together, ours, theirs = (_pairs(sizes) for sizes in (table, np.bincount(left), np.bincount(right)))
    by_chance = ours * theirs / max(_pairs(np.array([len(a)])), 1)
    most = (ours + theirs) / 2
    return 1.0 if most == by_chance else float((together - by_chance) / (most - by_chance))


def _of_rows(
    points: shapes.Floats, place: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]
) -> shapes.Floats:
    squared = (points[rows] ** 2).sum(1)[:, None] + (points**2).sum(1)[None] - 2 * points[rows] @ points.T
    distance = np.sqrt(np.maximum(squared, 0))
    distance[np.arange(len(rows)), rows] = 0.0
    sums = np.stack([distance[:, place == k].sum(axis=1) for k in range(len(sizes))], axis=1)  # (rows, clusters)
    mine, at = place[rows], np.arange(len(rows))
    within = sums[at, mine] / np.maximum(sizes[mine] - 1, 1)
    means = sums / sizes
    means[at, mine] = np.inf
    nearest = means.min(axis=1)
    scored = (nearest - within) / np.maximum(np.maximum(nearest, within), np.finfo(np.float64).tiny)
    return np.where(sizes[mine] > 1, scored, 0.0)


def _pairs(sizes: npt.NDArray[np.int64]) -> float:
    return float((sizes * (sizes - 1) / 2).sum())
