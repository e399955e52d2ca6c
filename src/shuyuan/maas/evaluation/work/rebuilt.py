"""Figures of reconstruction: how far rows come back from what they were, and which of them are unusual."""

import numpy as np

from shuyuan.maas.evaluation.work.measures import Measures
from shuyuan.maas.evaluation.work.predicted import Predicted, word
from shuyuan.maas.evaluation.work.refusal import Refused
from shuyuan.science import metrics

UNUSUAL = "unusual"


def measure(said: Predicted) -> Measures:
    """From `score`, the mean squared error of each row; against a label of two values where there is one."""
    if "score" not in said.values:
        raise Refused("bad_predictions", "there is no column `score`", "evaluate the run of an autoencoder")
    score = np.asarray(said.values["score"], np.float64)
    kept = np.flatnonzero(np.isfinite(score))
    if not kept.size:
        raise Refused("no_labels", "no row has an error", "choose a part with rows")
    said, score = said.only(kept), score[kept]
    figures = {
        "rows": float(len(score)),
        "reconstruction_error": float(score.mean()),
        "unusual_share": float(np.mean([word(one) == UNUSUAL for one in said.prediction])),
    }
    missing: dict[str, str] = {}
    truth = np.array([word(one) or "" for one in said.label])
    names, counts = np.unique(truth[truth != ""], return_counts=True)
    if len(names) == 2:
        known = truth != ""
        figures["auc"] = metrics.auc(truth[known] == names[counts.argmin()], score[known])
    else:
        missing["auc"] = "no_labels" if not len(names) else "not_two_classes"
    mean = {"reconstruction_error": lambda rows: float(score[rows].mean()) if len(rows) else float("nan")}
    return Measures(said, figures, mean, ("reconstruction_error",), score, missing=missing)
