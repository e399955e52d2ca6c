"""How states are read by people: mastery of a point, how sure it is, its level, what an answer would tell.

Mastery is the chance that this learner answers a typical item of the point, as a teacher would accept it: the
tracer's estimate, worth `PRIOR_ANSWERS` answers, pooled with the share right of the learner's own last answers
on that very point. The estimate alone predicts the next answer best, but it borrows from all other points: a
strong pupil with 3 of 12 right on one point would read "secure" there. The learner's general form is left out (a
good run is not knowledge). A right answer on the point never lowers mastery and a wrong one never raises it.
"""

import math
from typing import NamedTuple

from shuyuan.science.tracing.online import step
from shuyuan.science.tracing.online.params import Params
from shuyuan.science.tracing.online.state import FORM_ANSWERS, LearnerState, PointState

LEVEL_FLOORS = (0.40, 0.55, 0.70, 0.85)  # of p_mastery; level 1 lies below the first
MINIMUM_EVIDENCE = 5  # answers
PRIOR_ANSWERS = 4.0  # how many answers on the point the tracer's estimate is worth
MAXIMUM_UNCERTAINTY = 0.30  # one standard deviation of p_mastery; reached only after months without an answer


class Mastery(NamedTuple):
    """`p` in [0, 1]; `uncertainty` is one standard deviation of p, at most about 0.4."""

    p: float
    uncertainty: float


def mastery(
    params: Params, learner: LearnerState, point_state: PointState, point_id: str, now_s: float | None = None
) -> Mastery:
    """Chance of a right answer on a typical item of the point. With `now_s`, forgetting widens uncertainty."""
    logit = params.bias + step.general_logit(params, learner)
    estimate = step.sigmoid(logit + step.point_logit(params.point(point_id), point_state))
    own = min(point_state.evidence, FORM_ANSWERS)
    p = (PRIOR_ANSWERS * estimate + own * point_state.form) / (PRIOR_ANSWERS + own)
    at_s = point_state.last_at_s if now_s is None else now_s
    variance = learner.variance + step.variance_now(params, point_state, at_s)
    return Mastery(p, p * (1.0 - p) * math.sqrt(variance))


def level(
    p: float,
    evidence: int,
    uncertainty: float,
    minimum_evidence: int = MINIMUM_EVIDENCE,
    maximum_uncertainty: float = MAXIMUM_UNCERTAINTY,
) -> int | None:
    """Five steps for the map; None (not enough evidence) below the minimum or when too unsure.

    >>> level(0.9, 12, 0.05), level(0.2, 5, 0.1), level(0.9, 4, 0.05)
    (5, 1, None)
    """
    if evidence < minimum_evidence or uncertainty > maximum_uncertainty:
        return None
    return 1 + sum(p >= floor for floor in LEVEL_FLOORS)


def expected_gain(
    params: Params, learner: LearnerState, point_state: PointState, point_id: str, now_s: float | None = None
) -> float:
    """How much one answer on a typical item would narrow the uncertainty of the point, in probability.

    The most telling point to ask next has the largest gain: unsure, and neither hopeless nor certain.
    """
    before = mastery(params, learner, point_state, point_id, now_s)
    at_s = point_state.last_at_s if now_s is None else now_s
    general, specific = learner.variance, step.variance_now(params, point_state, at_s)
    information = before.p * (1.0 - before.p)
    removed = (general**2 + specific**2) * information / (1.0 + information * (general + specific))
    return before.uncertainty - information * math.sqrt(general + specific - removed)
