"""A canary's trial: what it foretold unseen beside what the version in use said, and when that is enough to decide.

The gate has found it better on learners held out. The trial looks for what a gate cannot see: states kept answer by
answer, today's questions, today's pupils. Pupils are served by the version in use all the while.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import numpy as np

from shuyuan.learning.improvement import gate
from shuyuan.learning.improvement.interface import Condition, Trial
from shuyuan.learning.tracing.interface import Foretold
from shuyuan.science import metrics

SHARE, FEWEST = 0.2, 5  # of the learners who agreed; at least so many, so that a small school learns enough too
ANSWERS, ANSWERING = 200, 3  # it takes so many answers of so many learners
EARLY_ANSWERS = 100  # from here on one that is clearly worse is withdrawn at once
LASTS = timedelta(days=30)  # longer than a holiday
MARGIN_LOG_LOSS = 0.005  # nats an answer; on 200 answers a good version may look as much worse by chance
SEED = 7


def chosen(learner_ids: Iterable[str], version: str) -> list[str]:
    """Whose answers are foretold: another fifth for each version, the same whoever asks."""
    ranked = sorted(learner_ids, key=lambda one: hashlib.sha256(f"{version} {one}".encode()).digest())
    return sorted(ranked[: max(math.ceil(SHARE * len(ranked)), FEWEST)])


def begun(at: datetime, learners: int) -> Trial:
    """Before the first answer."""
    return Trial(at, learners, 0, 0, ANSWERS, at + LASTS)


def so_far(trial: Trial, told: Sequence[Foretold]) -> Trial:
    """With figures from `EARLY_ANSWERS` on."""
    answering = len({one.learner_id for one in told})
    counts = (trial.begun_at, trial.learners, len(told), answering, trial.wanted, trial.ends_at)
    if len(told) < EARLY_ANSWERS or answering < ANSWERING:
        return Trial(*counts)
    correct = np.asarray([one.correct for one in told])
    tried, used = np.asarray([one.p_tried for one in told]), np.asarray([one.p_in_use for one in told])
    group = np.unique([one.learner_id for one in told], return_inverse=True)[1]
    difference = metrics.log_losses(correct, tried) - metrics.log_losses(correct, used)
    interval = metrics.bootstrap_by_group(lambda _, gap: float(gap.mean()), correct, difference, group, seed=SEED)
    return Trial(
        *counts,
        log_loss=metrics.log_loss(correct, tried),
        champion_log_loss=metrics.log_loss(correct, used),
        difference=interval.value,
        low=interval.low,
        high=interval.high,
        calibration_error=metrics.expected_calibration_error(correct, tried),
    )


def conditions(trial: Trial, told: Sequence[Foretold], at: datetime) -> tuple[Condition, ...]:
    """What decides, each beside its limit; empty while it is too early to decide."""
    if trial.log_loss is None or trial.champion_log_loss is None or trial.calibration_error is None:
        return _overdue(trial, at)
    limit = trial.champion_log_loss + MARGIN_LOG_LOSS
    loss = Condition("canary_log_loss", trial.log_loss, limit, "<=")
    clearly_worse = not loss.passed and (trial.low or 0.0) > 0.0
    if trial.answers < trial.wanted and not clearly_worse:
        return _overdue(trial, at)
    chance = gate.calibration_by_chance(np.asarray([one.p_tried for one in told]), SEED)
    limit = chance + gate.MARGIN_CALIBRATION
    return loss, Condition("canary_calibration", trial.calibration_error, limit, "<=")


def _overdue(trial: Trial, at: datetime) -> tuple[Condition, ...]:
    """Too few answers, or of too few learners, once its time is over or too many took consent back: never a yes."""
    late = Condition("canary_answers", float(trial.answers), float(trial.wanted), ">=")
    few = Condition("canary_learners", float(trial.answering), float(ANSWERING), ">=")
    return (late, few) if at >= trial.ends_at or trial.learners < ANSWERING else ()
