"""One answer: predict it, then learn from it. Constant time and memory, whatever the history.

The chance of a right answer is logistic in item and point difficulty, general ability, ability on the
item's points (averaged), practice counts and recent form. An answer moves both abilities by an
extended Kalman step on its surprise (right minus predicted): the less certain an ability, the further
it moves. An item with several points is one event. Sources: Gervet et al. (2020), JEDM 12(3) for the
count features; Glickman (1999), JRSS C 48(3) for the rating step.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from shuyuan.science.tracing.online.params import Params, PointParams
from shuyuan.science.tracing.online.state import FORM_ANSWERS, LearnerState, PointState

SECONDS_PER_DAY = 86_400.0


class Step(NamedTuple):
    """What `update` gives back: the new states, points in the order they were given, and P before."""

    learner: LearnerState
    points: list[PointState]
    p_before: float


def predict(
    params: Params,
    learner: LearnerState,
    point_states: Sequence[PointState],
    item_id: str | None,
    point_ids: Sequence[str],
    now_s: float = 0.0,
) -> float:
    """P(right answer) before it is given. `point_states` stand in the order of `point_ids`.

    `item_id` None, or not in the fit, means an item of average difficulty for its points; no points
    means general ability alone. `now_s` does not move the prediction, only later steps.
    """
    _check_points(point_states, point_ids)
    logit = params.bias + general_logit(params, learner) + params.form_weight * learner.form
    if item_id is not None:
        logit -= params.items.get(item_id, 0.0)
    if point_ids:
        pairs = zip(point_states, point_ids, strict=True)
        logit += sum(point_logit(params.point(key), state) for state, key in pairs) / len(point_ids)
    return sigmoid(logit)


def update(
    params: Params,
    learner: LearnerState,
    point_states: Sequence[PointState],
    item_id: str | None,
    point_ids: Sequence[str],
    correct: bool,
    now_s: float = 0.0,
) -> Step:
    """Learn from one answer. Pure: the given states are left as they are."""
    p = predict(params, learner, point_states, item_id, point_ids, now_s)
    share = 1.0 / max(len(point_ids), 1)
    general = min(learner.variance + params.general_drift, params.general_variance)
    specific = [variance_now(params, state, now_s) for state in point_states]
    information = p * (1.0 - p)
    damping = 1.0 / (1.0 + information * (general + share * share * sum(specific)))
    surprise = float(correct) - p
    points = [
        _moved_point(state, variance, share, surprise * damping, information * damping, correct, now_s)
        for state, variance in zip(point_states, specific, strict=True)
    ]
    return Step(
        LearnerState(
            mean=learner.mean + general * surprise * damping,
            variance=general - general * general * information * damping,
            wins=learner.wins + correct,
            losses=learner.losses + (not correct),
            form=learner.form + params.form_rate * (surprise - learner.form),
            last_at_s=now_s,
        ),
        points,
        p,
    )


def variance_now(params: Params, state: PointState, now_s: float) -> float:
    """Variance of a point before its next answer: drift and forgetting widen it, never past the prior."""
    days = max(0.0, now_s - state.last_at_s) / SECONDS_PER_DAY
    return min(state.variance + params.point_drift + params.drift_per_day * days, params.point_variance)


def general_logit(params: Params, learner: LearnerState) -> float:
    """What the learner brings to any item, form aside."""
    return (
        params.general_weight * learner.mean
        + params.wins_weight * math.log1p(learner.wins)
        - params.losses_weight * math.log1p(learner.losses)
    )


def point_logit(point: PointParams, state: PointState) -> float:
    """What the point adds: its own easiness, and the learner's ability and practice on it."""
    return point.ability_weight * state.mean + point.practice_weight * math.log1p(state.wins) - point.difficulty


def sigmoid(x: float) -> float:
    """The logistic function, safe at both ends.

    >>> sigmoid(0.0), sigmoid(-1000.0), sigmoid(1000.0)
    (0.5, 0.0, 1.0)
    """
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    grown = math.exp(x) if x > -700.0 else 0.0
    return grown / (1.0 + grown)


def _moved_point(
    state: PointState, variance: float, share: float, push: float, shrink: float, correct: bool, now_s: float
) -> PointState:
    gain = variance * share
    return PointState(
        mean=state.mean + gain * push,
        variance=variance - gain * gain * shrink,
        wins=state.wins + correct,
        losses=state.losses + (not correct),
        form=state.form + (correct - state.form) / min(state.evidence + 1, FORM_ANSWERS),
        last_at_s=now_s,
    )


def _check_points(states: Sequence[PointState], ids: Sequence[str]) -> None:
    if len(states) != len(ids) or len(set(ids)) != len(ids):
        raise ValueError(f"need one state for each of distinct point ids, got {len(states)} states for {list(ids)}")
