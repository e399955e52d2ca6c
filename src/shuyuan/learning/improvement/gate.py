"""The release check: a candidate beside the tracer in use, on learners neither of them was fitted to."""

import math

import numpy as np
from numpy.typing import NDArray

from shuyuan.learning.improvement.interface import Condition
from shuyuan.science import metrics

MARGIN_LOG_LOSS = 0.001  # nats an answer; a change that is no better is not worth a new version
MARGIN_AUC = 0.005  # how much discrimination may be lost for better likelihood
MARGIN_CALIBRATION = 0.03  # mean gap between said and seen, beyond what chance alone shows on so many answers
LIMIT_SHUFFLED = 0.06  # a control that is further from 0.5 means the evaluation leaks
CONTROL_REPEATS, CHANCE_DRAWS, CHANCE_QUANTILE = 20, 200, 0.95


def figures(
    correct: NDArray[np.bool_],
    candidate: NDArray[np.float64],
    champion: NDArray[np.float64],
    learner: NDArray[np.int64],
    seed: int,
) -> dict[str, float]:
    """Quality of both on the same held-out answers. correct, candidate, champion, learner: (N,).

    Intervals (95 %, `_low` to `_high`) by resampling learners.

    shuffled_auc is the candidate against shuffled labels: far from 0.5 the protocol is broken.
    calibration_by_chance is the calibration error that a perfectly calibrated tracer stays below in 95 of 100
    draws of as many answers: on a few hundred answers it is not small.
    """
    auc, loss = (
        metrics.bootstrap_by_group(figure, correct, candidate, learner, seed=seed)
        for figure in (metrics.auc, metrics.log_loss)
    )
    return {
        "auc": auc.value,
        "auc_low": auc.low,
        "auc_high": auc.high,
        "champion_auc": metrics.auc(correct, champion),
        "log_loss": loss.value,
        "log_loss_low": loss.low,
        "log_loss_high": loss.high,
        "champion_log_loss": metrics.log_loss(correct, champion),
        "calibration_error": metrics.expected_calibration_error(correct, candidate),
        "calibration_by_chance": calibration_by_chance(candidate, seed),
        "shuffled_auc": _control(correct, candidate, seed),
        "held_out_answers": float(len(correct)),
    }


def conditions(found: dict[str, float]) -> tuple[Condition, ...]:
    """Each figure beside its limit. A net is held against its own Kalman step too (`refit_log_loss`), which was fitted
    to the same answers: one that foretells no better is not worth what it costs."""
    refit = found.get("refit_log_loss")
    return (
        *(() if refit is None else (_better("refit_log_loss", found["log_loss"], refit),)),
        _better("log_loss", found["log_loss"], found["champion_log_loss"]),
        Condition("auc", found["auc"], found["champion_auc"] - MARGIN_AUC, ">="),
        Condition(
            "calibration_error", found["calibration_error"], found["calibration_by_chance"] + MARGIN_CALIBRATION, "<="
        ),
        Condition("shuffled_distance", abs(found["shuffled_auc"] - 0.5), LIMIT_SHUFFLED, "<="),
    )


def _better(name: str, loss: float, other: float) -> Condition:
    return Condition(name, loss, other - MARGIN_LOG_LOSS, "<=")


def calibration_by_chance(p: NDArray[np.float64], seed: int) -> float:
    """The calibration error that a perfectly calibrated tracer stays below in 95 of 100 draws of these answers."""
    rng = np.random.default_rng(seed)
    drawn = [metrics.expected_calibration_error(rng.random(len(p)) < p, p) for _ in range(CHANCE_DRAWS)]
    return float(np.quantile(drawn, CHANCE_QUANTILE))


def _control(correct: NDArray[np.bool_], p: NDArray[np.float64], seed: int) -> float:
    drawn = [metrics.shuffled_labels_auc(correct, p, seed=seed + turn) for turn in range(CONTROL_REPEATS)]
    return math.fsum(drawn) / CONTROL_REPEATS
