"""Figures of merit for probabilities of a right answer: discrimination, likelihood, calibration, controls.

Every function takes `correct` (N,) of 0/1 or bool and `p` (N,) of probabilities, and refuses empty or
ill-shaped input with a ValueError that names the shape. Refuses to choose thresholds for anybody.
"""

from shuyuan.science.metrics.bootstrap import Interval, bootstrap_by_group
from shuyuan.science.metrics.calibration import Bin, expected_calibration_error, reliability_bins
from shuyuan.science.metrics.control import shuffled_labels_auc
from shuyuan.science.metrics.discrimination import auc
from shuyuan.science.metrics.likelihood import log_loss
from shuyuan.science.metrics.share import accuracy

__all__ = [
    "Bin",
    "Interval",
    "accuracy",
    "auc",
    "bootstrap_by_group",
    "expected_calibration_error",
    "log_loss",
    "reliability_bins",
    "shuffled_labels_auc",
]
