"""The online tracer served in the hot path: a state of a few floats per learner and per knowledge point.

    step = online.update(params, learner, states, item_id, point_ids, correct, now_s)

`predict` and `update` are the hot path (scalars, O(1)); `mastery` and `level` read a state for people;
`fit` makes new `Params` from recorded answers; `replay` runs them over a table of answers in order.
Refuses to expand an item with several points into several answers: that leaks the answer to itself.
"""

from shuyuan.science.tracing.interactions import Answer, Interactions
from shuyuan.science.tracing.online.fitting import Candidate, Fitted, Settings, fit, fit_with, select_and_fit
from shuyuan.science.tracing.online.params import Params, PointParams
from shuyuan.science.tracing.online.reading import (
    LEVEL_FLOORS,
    MINIMUM_EVIDENCE,
    Mastery,
    expected_gain,
    level,
    mastery,
)
from shuyuan.science.tracing.online.replaying import replay
from shuyuan.science.tracing.online.state import LearnerState, PointState, new_learner, new_point
from shuyuan.science.tracing.online.step import Step, predict, update

__all__ = [
    "LEVEL_FLOORS",
    "MINIMUM_EVIDENCE",
    "Answer",
    "Candidate",
    "Fitted",
    "Interactions",
    "LearnerState",
    "Mastery",
    "Params",
    "PointParams",
    "PointState",
    "Settings",
    "Step",
    "expected_gain",
    "fit",
    "fit_with",
    "level",
    "mastery",
    "new_learner",
    "new_point",
    "predict",
    "replay",
    "select_and_fit",
    "update",
]
