"""Figures of merit for probabilities of a right answer (discrimination, likelihood, calibration, controls), and
for texts (ROUGE, BLEU, chrF, macro F1).

Every function of the first kind takes `correct` (N,) of 0/1 or bool and `p` (N,) of probabilities, and refuses empty
or ill-shaped input with a ValueError that names the shape. Refuses to choose thresholds for anybody.
"""

from shuyuan.science.metrics.bootstrap import Interval, bootstrap_by_group
from shuyuan.science.metrics.calibration import Bin, expected_calibration_error, reliability_bins
from shuyuan.science.metrics.classes import macro_f1
from shuyuan.science.metrics.control import shuffled_labels_auc
from shuyuan.science.metrics.discrimination import auc
from shuyuan.science.metrics.likelihood import log_loss
from shuyuan.science.metrics.rouge import Rouge, best_rouge, mean_rouge, rouge
from shuyuan.science.metrics.share import accuracy
from shuyuan.science.metrics.translation import bleu, chinese_terms, chrf

__all__ = [
    "Bin",
    "Interval",
    "Rouge",
    "accuracy",
    "auc",
    "best_rouge",
    "bleu",
    "bootstrap_by_group",
    "chinese_terms",
    "chrf",
    "expected_calibration_error",
    "log_loss",
    "macro_f1",
    "mean_rouge",
    "reliability_bins",
    "rouge",
    "shuffled_labels_auc",
]
