"""What speaks for a course, in numbers: what was stated, where one stands in it, what it brought others, the outlook.

Nothing here asks who may know it: whoever calls has asked. NaN is "not known", and never a guess.
"""

from collections.abc import Mapping, Sequence
from math import nan
from typing import NamedTuple

import numpy as np

from shuyuan.learning.courses.interface import Course
from shuyuan.learning.people.interface import Stated
from shuyuan.learning.recommendation import coursewords
from shuyuan.learning.tracing.interface import Mastery

WEIGHTS: Mapping[str, float] = {"stated": 1.0, "standing": 0.4, "peers": 1.0, "foretold_goals": 0.5, "attitude": 0.8}
OF_OUTLOOK = ("foretold_goals", "attitude")
SAME_SUBJECT = 0.5  # added where an interest is the subject
LIKELY = 0.5  # a goal below it is not looked at
TEN_MINUTES, MOST_GAIN = 10.0, 0.3


class Standing(NamedTuple):
    """Where a learner stands in a course: topics in it, met, and solid."""

    topics: int
    met: int
    solid: int

    @property
    def momentum(self) -> float:
        """1 under way, 0 not begun, -1 done."""
        return 0.0 if not self.met else -1.0 if self.solid == self.topics else 1.0


def standing(mastery: Mapping[str, Mastery]) -> Standing:
    """Of all topics of a course."""
    return Standing(
        len(mastery), sum(one.n > 0 for one in mastery.values()), sum(one.solid for one in mastery.values())
    )


def foretold_goals(chances: Mapping[str, float]) -> list[str]:
    """Goals that are likely, most likely first."""
    goals = {head.removeprefix("goal:"): p for head, p in chances.items() if head.startswith("goal:") and p >= LIKELY}
    return sorted(goals, key=lambda goal: -goals[goal])


def features(
    courses: Sequence[Course],
    stated: Stated,
    near: Sequence[Sequence[float]],
    standings: Sequence[Standing],
    gains: Mapping[str, float],
    chances: Mapping[str, float],
) -> dict[str, list[float]]:
    """name → one number a course. near: to what was stated, and to the goals that are foretold."""
    fits = [SAME_SUBJECT if coursewords.fits(stated, one.subject) else 0.0 for one in courses]
    to_stated = [float(fit + (0.0 if np.isnan(value) else value)) for fit, value in zip(fits, near[0], strict=True)]
    goes_on = chances.get("keeps_at_it", nan)
    return {
        "stated": to_stated,
        "standing": [one.momentum for one in standings],
        "peers": [min(MOST_GAIN, TEN_MINUTES * gains[one.id]) if one.id in gains else nan for one in courses],
        "foretold_goals": [float(value) for value in near[1]],
        "attitude": [(goes_on - 0.5) * (1.0 if not one.met else -1.0) for one in standings],
    }
