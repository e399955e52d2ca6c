"""The release check: a candidate beside the tracer in use, on learners neither of them was fitted to."""

import math

import numpy as np
from numpy.typing import NDArray

from shuyuan.learning.improvement.interface import Condition
from shuyuan.science import metrics
from shuyuan.science.metrics import resampling
from shuyuan.science.tracing import online, serving

MARGIN_LOG_LOSS = 0.001  # nats an answer; a change that is no better is not worth a new version
MARGIN_AUC = 0.005  # how much discrimination may be lost for better likelihood; more where chance alone explains more
ERRORS_IN_INTERVAL = 2 * 1.96  # standard errors from end to end of a 95 % interval
MARGIN_CALIBRATION = 0.03  # mean gap between said and seen, beyond what chance alone shows on so many answers
LIMIT_SHUFFLED = 0.06  # a control that is further from 0.5 means the evaluation leaks
CONTROL_REPEATS, CONTROL_ANSWERS = 20, 20_000  # dealings, and how many answers they may cost altogether
CHANCE_DRAWS, CHANCE_QUANTILE = 200, 0.95


def figures(
    correct: NDArray[np.bool_],
    candidate: NDArray[np.float64],
    champion: NDArray[np.float64],
    learner: NDArray[np.int64],
    seed: int,
) -> dict[str, float]:
    """Quality of both on the same held-out answers. correct, candidate, champion, learner: (N,).

    Intervals (95 %, `_low` to `_high`) by resampling learners; `auc_difference` is paired: both on the same draw.

    calibration_by_chance is the calibration error that a perfectly calibrated tracer stays below in 95 of 100
    draws of as many answers: on a few hundred answers it is not small.
    """
    auc, loss = (
        metrics.bootstrap_by_group(figure, correct, candidate, learner, seed=seed)
        for figure in (metrics.auc, metrics.log_loss)
    )
    apart = resampling.bounds(
        lambda rows: metrics.auc(correct[rows], candidate[rows]) - metrics.auc(correct[rows], champion[rows]),
        len(correct),
        person=learner,
        seed=seed,
    )
    champion_auc = metrics.auc(correct, champion)
    return {
        "auc": auc.value,
        "auc_low": auc.low,
        "auc_high": auc.high,
        "champion_auc": champion_auc,
        "auc_difference": auc.value - champion_auc,
        "auc_difference_low": apart.low,
        "auc_difference_high": apart.high,
        "log_loss": loss.value,
        "log_loss_low": loss.low,
        "log_loss_high": loss.high,
        "champion_log_loss": metrics.log_loss(correct, champion),
        "calibration_error": metrics.expected_calibration_error(correct, candidate),
        "calibration_by_chance": calibration_by_chance(candidate, seed),
        "held_out_answers": float(len(correct)),
    }


def conditions(found: dict[str, float]) -> tuple[Condition, ...]:
    """Each figure beside its limit. AUC of few learners moves by chance: it may be lower by one standard error of the
    paired difference, so that they do not refuse what foretells better. A net is held against its own Kalman step too
    (`refit_log_loss`), which was fitted to the same answers: one that foretells no better is not worth what it costs.
    """
    refit = found.get("refit_log_loss")
    return (
        *(() if refit is None else (_better("refit_log_loss", found["log_loss"], refit),)),
        _better("log_loss", found["log_loss"], found["champion_log_loss"]),
        Condition("auc", found["auc"], found["champion_auc"] - auc_margin(found), ">="),
        Condition(
            "calibration_error", found["calibration_error"], found["calibration_by_chance"] + MARGIN_CALIBRATION, "<="
        ),
        Condition("shuffled_distance", abs(found["shuffled_auc"] - 0.5), LIMIT_SHUFFLED, "<="),
    )


def auc_margin(found: dict[str, float]) -> float:
    """How far AUC may lie below that of the version in use: one standard error of the difference, MARGIN_AUC at least.

    >>> auc_margin({"auc_difference_low": -0.06, "auc_difference_high": 0.0184}), auc_margin({})
    (0.02, 0.005)
    """
    width = found.get("auc_difference_high", 0.0) - found.get("auc_difference_low", 0.0)
    return MARGIN_AUC if math.isnan(width) else max(MARGIN_AUC, width / ERRORS_IN_INTERVAL)


def _better(name: str, loss: float, other: float) -> Condition:
    return Condition(name, loss, other - MARGIN_LOG_LOSS, "<=")


def calibration_by_chance(p: NDArray[np.float64], seed: int) -> float:
    """The calibration error that a perfectly calibrated tracer stays below in 95 of 100 draws of these answers."""
    rng = np.random.default_rng(seed)
    drawn = [metrics.expected_calibration_error(rng.random(len(p)) < p, p) for _ in range(CHANCE_DRAWS)]
    return float(np.quantile(drawn, CHANCE_QUANTILE))


def control(tracer: serving.Tracer, table: online.Interactions, seed: int) -> float:
    """AUC of the same replay over answers dealt at random, a mean of some dealings: what is above one half it was told.

    They are dealt before anything is foretold. Shuffled afterwards, even predictions that know the answer have 0.5.
    """
    rng = np.random.default_rng(seed)
    repeats = min(max(CONTROL_ANSWERS // len(table), 1), CONTROL_REPEATS)
    dealt = [table.with_correct(rng.permutation(table.correct)) for _ in range(repeats)]
    return math.fsum(metrics.auc(one.correct, serving.replay(tracer, one)) for one in dealt) / repeats
