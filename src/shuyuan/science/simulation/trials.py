"""A trial: many learners, each led by a policy through the same number of answers; what it brought, with intervals."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from shuyuan.science.simulation.world import Learner, World
from shuyuan.science.testing.bank import Floats

ANSWERS_A_DAY, MASTERED = 12, 0.7
SECONDS_PER_DAY = 86_400.0
_DRAWS = 1_000


class Asked(NamedTuple):
    """One answer as a school records it."""

    learner: int
    item: int
    point: int
    right: bool
    at_s: float


class Chooser(Protocol):
    """Leads one learner; knows answers, not truth."""

    def next(self, now_s: float) -> int:
        """The item to ask."""
        ...

    def seen(self, asked: Asked) -> None:
        """The answer to it."""
        ...


Policy = Callable[[World, np.random.Generator], Chooser]


@dataclass(frozen=True)
class Outcome:
    """(N,) each. gain: mean chance of knowing a point, the day after the last answer less before the first.

    answers_to_mastery: answers until every point was known at 0.7; the number of all answers where that never was.
    mastered: share of points known at the end.
    """

    gain: Floats
    answers_to_mastery: Floats
    mastered: Floats
    records: list[Asked]


def trial(world: World, policy: Policy, *, learners: int, answers: int, seed: int = 0) -> Outcome:
    """The same learners for every policy of one seed. Raises ValueError for nobody or nothing."""
    if learners < 1 or answers < 1:
        raise ValueError(f"a trial needs learners and answers, got {learners} and {answers}")
    gain, needed, mastered = np.empty(learners), np.full(learners, float(answers)), np.empty(learners)
    records: list[Asked] = []
    for who in range(learners):
        learner = Learner(world, np.random.default_rng((seed, who)))
        chooser = policy(world, np.random.default_rng((seed, who, 1)))
        before = float(learner.knows.mean())
        for turn in range(answers):
            if turn and turn % ANSWERS_A_DAY == 0:
                learner.sleep()
            now_s = turn // ANSWERS_A_DAY * SECONDS_PER_DAY + turn % ANSWERS_A_DAY * 60.0
            item = chooser.next(now_s)
            asked = Asked(who, item, int(world.point[item]), learner.answer(item), now_s)
            chooser.seen(asked)
            records.append(asked)
            if needed[who] == answers and bool((learner.knows >= MASTERED).all()):
                needed[who] = turn + 1
        learner.sleep()
        gain[who], mastered[who] = float(learner.knows.mean()) - before, float((learner.knows >= MASTERED).mean())
    return Outcome(gain, needed, mastered, records)


def compare(one: Floats, other: Floats, *, seed: int = 0) -> Mapping[str, float]:
    """Mean of `one` less `other` over the same learners (N,), with the interval of 95 in 100 by resampling learners."""
    if one.shape != other.shape:
        raise ValueError(f"the same learners must have taken both: {one.shape} and {other.shape}")
    off, rng = one - other, np.random.default_rng(seed)
    means = off[rng.integers(0, len(off), (_DRAWS, len(off)))].mean(1)
    low, high = np.quantile(means, (0.025, 0.975))
    return {"difference": float(off.mean()), "low": float(low), "high": float(high)}
