"""The ROC curve: hits against false alarms, over every threshold."""

import numpy as np
import numpy.typing as npt

from shuyuan.science.metrics import shapes


def roc_points(correct: npt.ArrayLike, p: npt.ArrayLike, most: int = 100) -> shapes.Floats:
    """(P, 2) of false-alarm rate and hit rate, from (0, 0) to (1, 1), thinned to about `most`; empty with one class.

    >>> roc_points([0, 1], [0.2, 0.9]).tolist()
    [[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    """
    labels, scores = shapes.paired(correct, p)
    if not 0 < labels.sum() < len(labels):
        return np.zeros((0, 2))
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(labels) - 1)  # one point a threshold
    hits = np.cumsum(labels[order])[ends]
    points = np.column_stack([(ends + 1 - hits) / (len(labels) - labels.sum()), hits / labels.sum()])
    points = np.vstack([[0.0, 0.0], points])
    kept = np.unique(np.linspace(0, len(points) - 1, min(most, len(points))).round().astype(np.int64))
    return np.asarray(points[kept], dtype=np.float64)
