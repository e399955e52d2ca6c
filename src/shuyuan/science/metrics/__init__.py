"""Figures of merit: of probabilities (discrimination, likelihood, calibration, controls), classes, numbers, orders,
clusters and texts (ROUGE, BLEU, chrF, perplexity); and intervals around them.

Beside what is named here stand four methods as modules: `resampling` (intervals of any figure), `gaps` (differences
between groups of people), `slices` (where it goes wrong) and `folds` (plans of a cross-validation).
Everything refuses empty or ill-shaped input with a ValueError that names the shape. Refuses to choose thresholds for
anybody.
"""

from shuyuan.science.metrics.bootstrap import Interval, bootstrap_by_group
from shuyuan.science.metrics.brier import brier
from shuyuan.science.metrics.calibration import Bin, expected_calibration_error, reliability_bins
from shuyuan.science.metrics.classes import macro_f1
from shuyuan.science.metrics.clustering import adjusted_rand, silhouette
from shuyuan.science.metrics.confusion import average_scores, confusion_matrix, scores_by_class, share_right
from shuyuan.science.metrics.control import shuffled_labels_auc
from shuyuan.science.metrics.discrimination import auc
from shuyuan.science.metrics.likelihood import log_loss, log_losses
from shuyuan.science.metrics.multiclass import (
    class_brier,
    class_calibration_error,
    class_log_loss,
    one_vs_rest_auc,
    top_class_calibration_error,
)
from shuyuan.science.metrics.ordering import ndcg_at, precision_at, recall_at, reciprocal_rank
from shuyuan.science.metrics.perplexity import perplexity
from shuyuan.science.metrics.regression import correlation, mae, r_squared, rmse
from shuyuan.science.metrics.roc import roc_points
from shuyuan.science.metrics.rouge import Rouge, best_rouge, mean_rouge, rouge
from shuyuan.science.metrics.share import accuracy
from shuyuan.science.metrics.translation import bleu, chinese_terms, chrf
from shuyuan.science.metrics.wilson import wilson

__all__ = [
    "Bin",
    "Interval",
    "Rouge",
    "accuracy",
    "adjusted_rand",
    "auc",
    "average_scores",
    "best_rouge",
    "bleu",
    "bootstrap_by_group",
    "brier",
    "chinese_terms",
    "chrf",
    "class_brier",
    "class_calibration_error",
    "class_log_loss",
    "confusion_matrix",
    "correlation",
    "expected_calibration_error",
    "log_loss",
    "log_losses",
    "macro_f1",
    "mae",
    "mean_rouge",
    "ndcg_at",
    "one_vs_rest_auc",
    "perplexity",
    "precision_at",
    "r_squared",
    "recall_at",
    "reciprocal_rank",
    "reliability_bins",
    "rmse",
    "roc_points",
    "rouge",
    "scores_by_class",
    "share_right",
    "shuffled_labels_auc",
    "silhouette",
    "top_class_calibration_error",
    "wilson",
]
