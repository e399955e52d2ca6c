"""What is remembered of a learner between two answers: a handful of floats, in total and per point."""

from typing import NamedTuple

from shuyuan.science.tracing.online.params import Params

FORM_ANSWERS = 10


class PointState(NamedTuple):
    """One learner on one knowledge point. `mean` and `variance` are in logits, relative to the learner.

    `form` is the share of right answers among about the last `FORM_ANSWERS`, 0 before the first.
    """

    mean: float
    variance: float
    wins: float
    losses: float
    form: float
    last_at_s: float

    @property
    def evidence(self) -> int:
        """Answers seen on this point."""
        return int(self.wins + self.losses)


class LearnerState(NamedTuple):
    """One learner over all points. `form` is the running average of recent surprise, in [-1, 1]."""

    mean: float
    variance: float
    wins: float
    losses: float
    form: float
    last_at_s: float


def new_learner(params: Params) -> LearnerState:
    """A learner nobody has seen yet."""
    return LearnerState(0.0, params.general_variance, 0.0, 0.0, 0.0, 0.0)


def new_point(params: Params) -> PointState:
    """A point this learner has never met."""
    return PointState(0.0, params.point_variance, 0.0, 0.0, 0.0, 0.0)
