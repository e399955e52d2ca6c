"""Probabilities over several classes: log-loss, Brier score, one-vs-rest AUC, calibration of the class that was said.

Everything takes `truth` (N,) of 0..K-1 and `p` (N, K) of probabilities whose rows add up to one.
"""

import numpy as np
import numpy.typing as npt

from shuyuan.science.metrics import calibration, discrimination, likelihood, shapes

_SUM_TOLERANCE = 1e-3  # float32 softmax over many classes


def class_log_loss(truth: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Mean of -log p of what happened, in nats.

    >>> round(class_log_loss([0, 1], [[0.5, 0.5], [0.25, 0.75]]), 4)
    0.4904
    """
    labels, scores = checked(truth, p)
    return float(-np.log(np.clip(scores[np.arange(len(labels)), labels], likelihood.SMALLEST_P, 1.0)).mean())


def class_brier(truth: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Mean squared distance to what happened, summed over classes: 0 is perfect, 2 always surely wrong.

    >>> class_brier([0, 1], [[1.0, 0.0], [1.0, 0.0]])
    1.0
    """
    labels, scores = checked(truth, p)
    return float(((scores - np.eye(scores.shape[1])[labels]) ** 2).sum(axis=1).mean())


def one_vs_rest_auc(truth: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Mean over the classes that happened of the AUC of that class against all others; NaN with one class only.

    >>> one_vs_rest_auc([0, 1, 2], [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])
    1.0
    """
    labels, scores = checked(truth, p)
    happened = np.unique(labels)
    if len(happened) < 2:
        return float("nan")
    return float(np.mean([discrimination.auc(labels == k, scores[:, k]) for k in happened]))


def top_class_calibration_error(truth: npt.ArrayLike, p: npt.ArrayLike, bins: int = 15) -> float:
    """Calibration error of the largest probability against whether that class happened."""
    labels, scores = checked(truth, p)
    return calibration.expected_calibration_error(scores.argmax(axis=1) == labels, scores.max(axis=1), bins)


def class_calibration_error(truth: npt.ArrayLike, p: npt.ArrayLike, bins: int = 15) -> float:
    """A classifier's calibration error: of two classes that of the second, of more that of the one it says.

    Of two, the largest probability alone would not tell a model that says 0.6 where 0.4 is true from one that is right.
    """
    labels, scores = checked(truth, p)
    if scores.shape[1] == 2:
        return calibration.expected_calibration_error(labels == 1, scores[:, 1], bins)
    return top_class_calibration_error(labels, scores, bins)


def checked(truth: npt.ArrayLike, p: npt.ArrayLike) -> tuple[npt.NDArray[np.int64], shapes.Floats]:
    """Both as arrays. Raises ValueError naming the shape, the class out of range, or the row that adds up wrongly."""
    labels, scores = np.asarray(truth), np.asarray(p, dtype=np.float64)
    if labels.ndim != 1 or scores.ndim != 2 or len(labels) != len(scores) or not labels.size:
        raise ValueError(f"truth must be (N,) and p (N, K), got {labels.shape} and {scores.shape}")
    labels = labels.astype(np.int64)
    if labels.min() < 0 or labels.max() >= scores.shape[1]:
        raise ValueError(f"truth must hold 0..{scores.shape[1] - 1}, got {labels.min()}..{labels.max()}")
    wrong = np.flatnonzero(~(np.abs(scores.sum(axis=1) - 1) < _SUM_TOLERANCE))
    if wrong.size:
        raise ValueError(f"p of row {wrong[0]} adds up to {scores[wrong[0]].sum():.4f}, not 1")
    return labels, scores
