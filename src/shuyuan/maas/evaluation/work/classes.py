"""Figures of classification."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.evaluation.work.measures import Figure, Measures, Rows
from shuyuan.maas.evaluation.work.predicted import Predicted, word
from shuyuan.maas.evaluation.work.refusal import Refused
from shuyuan.science import metrics

_CHANCE_DRAWS, _CHANCE_QUANTILE = 100, 0.95
_MOST_CURVES = 6  # ROC curves in one picture


def measure(said: Predicted, seed: int) -> Measures:
    """Of rows whose class is known. Raises Refused when there is none."""
    truth_words, said_words = [word(one) for one in said.label], [word(one) for one in said.prediction]
    kept = np.flatnonzero([one is not None for one in truth_words])
    if not kept.size:
        raise Refused("no_labels", "no row has a label", "choose a part and a data set with a label column")
    said = said.only(kept)
    labels = _labels(said, [truth_words[at] for at in kept], [said_words[at] for at in kept])
    index = {label: at for at, label in enumerate(labels)}
    truth = np.array([index[str(truth_words[at])] for at in kept])
    found = np.array([index.get(str(said_words[at]), -1) for at in kept])
    if (found < 0).any():
        raise Refused("bad_predictions", "some rows have no prediction", "predict again")
    counts = metrics.confusion_matrix(truth, found, len(labels))
    right = (truth == found).astype(np.float64)
    figures = {"rows": float(len(truth)), **_from_counts(counts, labels)}
    resampled: dict[str, Figure] = {
        "accuracy": lambda rows: float(right[rows].mean()) if len(rows) else float("nan"),
        "macro_f1": lambda rows: _macro_f1(truth[rows], found[rows], len(labels)),
    }
    missing, curves, p = {}, {}, _probabilities(said, len(labels))
    if p is None:
        missing = dict.fromkeys(("auc", "log_loss", "brier", "calibration_error"), "no_probabilities")
    else:
        more, figures_of_p = _of_probabilities(truth, p, seed)
        figures |= figures_of_p
        resampled |= more
        curves = _curves(truth, p, labels)
        if np.unique(truth).size < 2:
            missing["auc"] = "one_class"
    return Measures(
        said=said,
        figures=figures,
        resampled=resampled,
        grouped=("accuracy", *(["auc"] if p is not None and len(labels) == 2 else [])),
        loss=1 - right,
        hits=int(right.sum()),
        missing=missing,
        curves=curves,
        confusion=(labels, counts),
        truth=truth,
        p=p,
    )


def _labels(said: Predicted, truth: Sequence[str | None], found: Sequence[str | None]) -> tuple[str, ...]:
    """The model's classes in its order, then those it never learnt."""
    known = dict.fromkeys(said.labels)
    unseen = sorted({str(one) for one in [*truth, *found] if one is not None} - known.keys())
    return (*known, *unseen)


def _probabilities(said: Predicted, classes: int) -> NDArray[np.float64] | None:
    """With a column of zeros for each class the model never learnt."""
    if said.p is None or not said.labels:
        return None
    p = said.p
    if p.shape[1] == 1 and len(said.labels) == 2:
        p = np.concatenate([1 - p, p], axis=1)
    if p.shape[1] != len(said.labels) or not np.isfinite(p).all():
        return None
    whole = p.sum(axis=1, keepdims=True)
    if not (np.abs(whole - 1) < 1e-2).all():
        return None
    return np.concatenate([p / whole, np.zeros((len(p), classes - p.shape[1]))], axis=1)


def _from_counts(counts: NDArray[np.int64], labels: Sequence[str]) -> dict[str, float]:
    macro, weighted = metrics.average_scores(counts, "macro"), metrics.average_scores(counts, "weighted")
    figures = {
        "accuracy": metrics.share_right(counts),
        "majority_share": float(counts.sum(axis=1).max() / counts.sum()),
        "macro_precision": macro.precision,
        "macro_recall": macro.recall,
        "macro_f1": macro.f1,
        "micro_f1": metrics.average_scores(counts, "micro").f1,
        "weighted_precision": weighted.precision,
        "weighted_recall": weighted.recall,
        "weighted_f1": weighted.f1,
    }
    if len(labels) == 2:
        second = metrics.scores_by_class(counts)[1]
        figures |= {"precision": second.precision, "recall": second.recall, "f1": second.f1}
    return figures


def _of_probabilities(
    truth: NDArray[np.int64], p: NDArray[np.float64], seed: int
) -> tuple[dict[str, Figure], dict[str, float]]:
    two = p.shape[1] == 2
    correct, confidence = (truth == 1, p[:, 1]) if two else (p.argmax(axis=1) == truth, p.max(axis=1))
    auc: Figure = (
        (lambda rows: _auc(truth[rows] == 1, p[rows, 1])) if two else (lambda rows: _many_auc(truth[rows], p[rows]))
    )
    losses = -np.log(np.clip(p[np.arange(len(truth)), truth], 1e-12, 1.0))
    every = np.arange(len(truth))
    figures = {
        "auc": auc(every),
        "log_loss": float(losses.mean()),
        "brier": metrics.brier(correct, confidence) if two else metrics.class_brier(truth, p),
        "calibration_error": metrics.class_calibration_error(truth, p),
        "calibration_by_chance": _calibration_by_chance(confidence, seed),
    }
    return {"auc": auc, "log_loss": lambda rows: float(losses[rows].mean())}, figures


def _calibration_by_chance(confidence: NDArray[np.float64], seed: int) -> float:
    """What the calibration error of perfect probabilities stays below in 95 of 100 draws on as many rows."""
    rng = np.random.default_rng(seed)
    drawn = [
        metrics.expected_calibration_error(rng.random(len(confidence)) < confidence, confidence)
        for _ in range(_CHANCE_DRAWS)
    ]
    return float(np.quantile(drawn, _CHANCE_QUANTILE))


def _curves(truth: NDArray[np.int64], p: NDArray[np.float64], labels: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    two = len(labels) == 2
    correct, confidence = (truth == 1, p[:, 1]) if two else (p.argmax(axis=1) == truth, p.max(axis=1))
    bins = metrics.reliability_bins(correct, confidence, 10)
    curves = {"calibration": np.array([[one.mean_p, one.share_correct, one.rows] for one in bins])}
    common = np.argsort(-np.bincount(truth, minlength=len(labels)), kind="stable")[:_MOST_CURVES]
    for at in [1] if two else sorted(common.tolist()):
        points = metrics.roc_points(truth == at, p[:, at])
        if len(points):
            curves[f"roc:{labels[at]}"] = points
    return curves


def _macro_f1(truth: Rows, found: Rows, classes: int) -> float:
    if not len(truth):
        return float("nan")
    return metrics.average_scores(metrics.confusion_matrix(truth, found, classes), "macro").f1


def _auc(correct: NDArray[np.bool_], p: NDArray[np.float64]) -> float:
    return metrics.auc(correct, p) if len(p) else float("nan")


def _many_auc(truth: Rows, p: NDArray[np.float64]) -> float:
    return metrics.one_vs_rest_auc(truth, p) if len(truth) else float("nan")
