"""Which class was taken for which, and what follows from the counts: accuracy, precision, recall and F1.

Averages: micro counts every row alike, macro every class alike, weighted every class by its rows. A class that was
never said has precision 0, one that never happened recall 0; macro is over classes that happened or were said.
"""

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from shuyuan.science.metrics import shapes

Counts = npt.NDArray[np.int64]
Average = Literal["micro", "macro", "weighted"]


class ClassScores(NamedTuple):
    """Of one class, or averaged over classes; support: its rows."""

    precision: float
    recall: float
    f1: float
    support: int


def confusion_matrix(truth: npt.ArrayLike, said: npt.ArrayLike, classes: int) -> Counts:
    """(classes, classes) counts: row the truth, column what was said. truth, said: (N,) of 0..classes-1.

    >>> confusion_matrix([0, 0, 1], [0, 1, 1], 2).tolist()
    [[1, 1], [0, 1]]
    """
    a, b = np.asarray(truth), np.asarray(said)
    if a.ndim != 1 or a.shape != b.shape or not a.size:
        raise ValueError(f"truth and said must be flat, equally long and not empty, got {a.shape} and {b.shape}")
    if classes < 1 or min(a.min(), b.min()) < 0 or max(a.max(), b.max()) >= classes:
        raise ValueError(f"truth and said must hold 0..{classes - 1}, got up to {max(a.max(), b.max())}")
    flat = a.astype(np.int64) * classes + b.astype(np.int64)
    return np.bincount(flat, minlength=classes * classes).reshape(classes, classes)


def share_right(counts: Counts) -> float:
    """Accuracy.

    >>> share_right(np.array([[3, 1], [0, 4]]))
    0.875
    """
    return float(np.trace(counts) / counts.sum())


def scores_by_class(counts: Counts) -> list[ClassScores]:
    """Precision, recall and F1 of each class, in order."""
    hits = np.diag(counts).astype(np.float64)
    said, happened = counts.sum(axis=0), counts.sum(axis=1)
    precision, recall = _over(hits, said), _over(hits, happened)
    f1 = _over(2 * hits, said + happened)
    return [
        ClassScores(float(p), float(r), float(f), int(n))
        for p, r, f, n in zip(precision, recall, f1, happened, strict=True)
    ]


def average_scores(counts: Counts, average: Average) -> ClassScores:
    """One line for all classes.

    >>> [round(x, 3) for x in average_scores(np.array([[1, 1], [0, 1]]), "macro")]
    [0.75, 0.75, 0.667, 3]
    """
    rows = int(counts.sum())
    if average == "micro":
        share = share_right(counts)
        return ClassScores(share, share, share, rows)
    each = np.array(scores_by_class(counts))  # (classes, 4)
    seen = (counts.sum(axis=0) + counts.sum(axis=1)) > 0
    weights = each[:, 3] if average == "weighted" else seen.astype(np.float64)
    mean = (each[:, :3] * weights[:, None]).sum(axis=0) / weights.sum()
    return ClassScores(float(mean[0]), float(mean[1]), float(mean[2]), rows)


def _over(part: shapes.Floats, whole: npt.NDArray[np.int64]) -> shapes.Floats:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
