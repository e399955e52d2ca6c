"""What is to be simulated, checked before anything runs: an error names the value and the fix."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shuyuan.kernel import errors
from shuyuan.science.testing import adaptive
from shuyuan.science.testing.bank import Floats
from shuyuan.science.testing.namedbank import NamedBank

MOST_EXAMINEES, LONGEST = 20_000, 500
_FEWEST = 5  # questions, where nothing else is said


@dataclass(frozen=True)
class Plan:
    """fewest, longest: questions of one test.  error: the standard error that is enough.

    fixed: everybody is asked `longest`.  exposure: share of people who may see a question.  spread: how long chance has
    a say, 0 never, 1 to the end.  shares: `TOPIC=0.3` or `TOPIC=0.2-0.5` of the longest test.
    """

    examinees: int = 1_000
    longest: int = 24
    error: float = 0.32
    fewest: int | None = None
    fixed: bool = False
    rule: str = "information"
    exposure: float = 0.25
    spread: float = 0.5
    shares: tuple[str, ...] = ()
    seed: int = 0

    @property
    def least(self) -> int:
        """The fewest questions."""
        return min(_FEWEST, self.longest) if self.fewest is None else self.fewest

    def check(self) -> None:
        """Raise BadInput for the first setting that cannot be."""
        _require(1 <= self.examinees <= MOST_EXAMINEES, "--examinees", self.examinees, f"from 1 to {MOST_EXAMINEES}")
        _require(1 <= self.longest <= LONGEST, "--longest", self.longest, f"from 1 to {LONGEST}")
        _require(1 <= self.least <= self.longest, "--fewest", self.least, f"from 1 to the longest, {self.longest}")
        _require(0 < self.error < 1, "--error", self.error, "above 0 and below 1, the error before any answer")
        _require(0 < self.exposure <= 1, "--exposure", self.exposure, "above 0 and at most 1; 1 is no limit")
        _require(0 <= self.spread <= 1, "--spread", self.spread, "from 0 to 1")
        _require(self.seed >= 0, "--seed", self.seed, "0 or above")
        _require(self.rule in adaptive.CRITERIA, "--rule", self.rule, f"out of {', '.join(adaptive.CRITERIA)}")

    def test(self, bank: NamedBank) -> adaptive.Test:
        """The test of this plan. Raises BadInput where the bank does not reach for it."""
        self.check()
        if len(bank.items) < self.longest:
            raise errors.BadInput(
                f"the bank has {len(bank.items)} questions, fewer than the longest test of {self.longest}",
                fix=f"say --longest {len(bank.items)}, or give a larger bank",
            )
        criterion = next(one for one in adaptive.CRITERIA if one == self.rule)
        rules = adaptive.Rules(
            self.least, self.longest, None if self.fixed else self.error, criterion, self._blueprint(bank)
        )
        return adaptive.Test(bank.bank, rules, adaptive.Exposure(len(bank.items), self.exposure, self.spread))

    def abilities(self) -> Floats:
        """(N,) normal(0, 1); the same people whatever the bank and the rules."""
        return np.random.default_rng([self.seed, 1]).normal(size=self.examinees)

    def _blueprint(self, bank: NamedBank) -> adaptive.Blueprint:
        lowest, highest = dict[int, int](), dict[int, int]()
        stock = np.bincount(bank.bank.content, minlength=len(bank.topics))
        for said in self.shares:
            topic, low, high = _share(said, bank.topics)
            area = bank.topics.index(topic)
            lowest[area] = round(low * self.longest)
            if high < 1:
                highest[area] = max(round(high * self.longest), lowest[area])
            if lowest[area] > stock[area]:
                raise errors.BadInput(
                    f"--share {said!r} is {lowest[area]} of {self.longest} questions; the bank has {stock[area]} of it",
                    fix=f"ask for a smaller share, or add questions of {topic!r}",
                )
        if (needed := sum(lowest.values())) > self.longest:
            raise errors.BadInput(
                f"the shares need {needed} questions, the longest test has {self.longest}",
                fix="give shares of at most 1 in all",
            )
        most = sum(min(int(there), highest.get(area, int(there))) for area, there in enumerate(stock))
        if most < self.longest:
            raise errors.BadInput(
                f"the shares allow {most} questions at most, the longest test has {self.longest}",
                fix="raise the upper ends, or make the test shorter",
            )
        return adaptive.Blueprint(lowest, highest)


def _share(said: str, topics: Sequence[str]) -> tuple[str, float, float]:
    """`algebra=0.2-0.5` in parts; without an upper end it is 1."""
    topic, sign, ends = said.rpartition("=")
    low, parted, high = ends.partition("-")
    try:
        bounds = float(low), float(high) if parted else 1.0
    except ValueError:
        bounds = math.nan, math.nan
    if not sign or not 0 <= bounds[0] <= bounds[1] <= 1:
        raise errors.BadInput(f"--share {said!r} is no share", fix="write --share algebra=0.3, or algebra=0.2-0.5")
    if topic not in topics:
        there = ", ".join(sorted(topics)[:10]) if any(topics) else "none"
        raise errors.BadInput(f"no question is of topic {topic!r}", fix=f"the topics are: {there}")
    return topic, *bounds


def _require(fits: bool, option: str, value: object, wanted: str) -> None:
    if not fits:
        raise errors.BadInput(f"{option} is {value}", fix=f"give a value {wanted}")
