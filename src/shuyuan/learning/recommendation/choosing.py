"""Which of the plans first: the one expected to bring most per minute, sometimes one that is worth trying. Pure.

What a teacher set stays first, then where the learner is stuck; what is only there to fill the page stays last. Between
them one plausible world is drawn (Thompson) and plans are taken in its order; the learner's own sittings are added to
what was pooled. When the draw prefers another plan than the plain guess does, the reason says that it is a try.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from shuyuan.learning.recommendation import gains, rules, words
from shuyuan.learning.records.interface import Response
from shuyuan.science.ranking import Bandit

UNKNOWN = 0.5
LEAST_GAIN = 0.001  # per minute: one point of 100 in ten minutes
Learnt = Callable[[str], Bandit | None]
"""school id → what was pooled there; None while fewer than `gains.PEERS` learners stand behind it."""


def order(
    plans: Sequence[rules.Plan], pooled: Bandit, answers: Sequence[Response], known: Mapping[str, float], seed: int
) -> list[rules.Plan]:
    """answers: the learner's own, oldest first. known: point id → chance of a right answer. seed: of the draw."""
    free = [plan for plan in plans if rules.STUCK < plan.urgency < rules.FILLING]
    if not free:
        return list(plans)
    mine = gains.learnt(pooled, gains.tries(answers))
    seen = _points(answers)
    contexts = np.array([_context(plan, known, seen) for plan in free])
    drawn = mine.thompson(contexts, np.random.default_rng(seed), spread=gains.SPREAD)
    guessed = contexts @ mine.mean
    best, chosen = int(np.argmax(guessed)), int(np.argmax(drawn))
    ranked = [free[place] for place in np.argsort(-drawn, kind="stable").tolist()]
    room = 1.0 - known.get(ranked[0].point_id or "", UNKNOWN)
    ranked[0] = _with_reason(ranked[0], min(float(guessed[chosen]), room / 10), mine.tried, chosen != best)
    first = [plan for plan in plans if plan.urgency <= rules.STUCK]
    return [*first, *ranked, *(plan for plan in plans if plan.urgency >= rules.FILLING)]


def _with_reason(plan: rules.Plan, gain: float, tried: int, explored: bool) -> rules.Plan:
    if gain < LEAST_GAIN and not explored:  # nothing to boast of: the fact of the rule is reason enough
        return plan
    more = words.by_gain(1000 * gain, tried, explored)
    space = {"zh": "", "en": " "}
    return replace(plan, reason={one: f"{plan.reason[one]}{space[one]}{more[one]}" for one in plan.reason})


def _context(plan: rules.Plan, known: Mapping[str, float], seen: set[str]) -> list[float]:
    kind = "new" if plan.kind == "practice" and plan.point_id not in seen else plan.kind
    return gains.context(kind, known.get(plan.point_id or "", UNKNOWN))


def _points(answers: Sequence[Response]) -> set[str]:
    return {point for one in answers for point in one.points}
