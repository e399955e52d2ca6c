"""An adaptive test as numbers: its bank, a sitting rebuilt from stored answers, what the answers say. Pure.

A sitting is a function of what is stored (bank, seed, exposure when it began, answers so far), so a reload, a crash or
another process comes to the same next question.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from shuyuan.kernel import errors
from shuyuan.learning.assessment.calibrating import Number
from shuyuan.learning.assessment.interface import AdaptiveResult, AdaptiveTest, PointResult, Share
from shuyuan.science.testing import adaptive
from shuyuan.science.testing.bank import Bank

MOST_QUESTIONS, MOST_BANK = 60, 600
SMALLEST_ERROR, LARGEST_ERROR = 0.15, 1.0
SURE, FAIRLY_SURE = 0.35, 0.55  # standard errors
EXPOSURE, SLACK = 0.25, 2.0  # share of sittings that may see a question; more where the bank is small for the test
POINT_SPREAD = 0.7  # how far one topic may lie from the whole, in deviations of ability
NINE_IN_TEN = 1.645
Answer = tuple[str, bool]  # item id, right
Row = tuple[str, float, float, float, int]  # item id, a, b, c, place of its point


@dataclass(frozen=True)
class Plan:
    """A test that can be sat: the questions in the order of the bank, and the algorithm over it."""

    item_ids: tuple[str, ...]
    point_ids: tuple[str, ...]
    bank: Bank
    rules: adaptive.Rules
    test: adaptive.Test

    @classmethod
    def of(cls, test: AdaptiveTest, rows: Sequence[Row]) -> "Plan":
        """rows: the bank as it was stored. Raises BadInput when the rules cannot be kept."""
        bank = Bank.of(*([row[at] for row in rows] for at in (1, 2, 3, 4)))
        lowest = dict.fromkeys(range(len(test.point_ids)), test.each) if test.each else {}
        most = min(test.most, len(rows))
        rules = adaptive.Rules(min(test.least, most), most, test.error, blueprint=adaptive.Blueprint(lowest=lowest))
        return cls(tuple(row[0] for row in rows), test.point_ids, bank, rules, adaptive.Test(bank, rules))

    def sitting(self, seed: int, exposure: tuple[int, Sequence[int]], answered: Sequence[Answer]) -> adaptive.Sitting:
        """Somebody's sitting as the stored answers have it. exposure: (sittings, times each question was given)."""
        most = min(1.0, max(EXPOSURE, SLACK * self.rules.most / len(self.bank)))
        counts = adaptive.Exposure(len(self.bank), most, 0.5, np.asarray(exposure[1], dtype=np.int64), exposure[0])
        test = copy.copy(self.test)  # the table is shared, the counts are of this sitting
        test.exposure = counts
        sitting = test.begin(np.random.default_rng(seed))
        place = {item: at for at, item in enumerate(self.item_ids)}
        for item, right in answered:
            sitting.answer(place[item], right)
        return sitting

    def result(
        self,
        learner_id: str,
        attempt_id: str | None,
        answered: Sequence[Answer],
        *,
        state: Literal["waiting", "working", "done"],
        ended: str | None,
    ) -> AdaptiveResult:
        """What these answers say of the learner, as a whole and a topic."""
        belief = self._belief(answered, 0.0, 1.0)
        share = self._share(belief, range(len(self.bank))) if answered else None
        return AdaptiveResult(
            learner_id,
            attempt_id,
            state,
            len(answered),
            sum(right for _, right in answered),
            belief.mean,
            belief.deviation,
            share,
            "sure"
            if belief.deviation <= SURE
            else "fairly sure"
            if belief.deviation <= FAIRLY_SURE
            else "a first idea",
            ended,
            tuple(self._point(at, point, answered, belief) for at, point in enumerate(self.point_ids)),
        )

    def _point(self, at: int, point_id: str, answered: Sequence[Answer], whole: adaptive.Belief) -> PointResult:
        """A topic by its own answers, beginning from what the others say."""
        inside = np.flatnonzero(self.bank.content == at)
        names = {self.item_ids[int(j)] for j in inside}
        here = [one for one in answered if one[0] in names]
        others = self._belief([one for one in answered if one[0] not in names], 0.0, 1.0)
        belief = self._belief(here, others.mean, float(np.hypot(others.deviation, POINT_SPREAD)))
        share = self._share(belief, inside.tolist()) if here else None
        return PointResult(point_id, len(here), sum(right for _, right in here), share)

    def _belief(self, answered: Sequence[Answer], mean: float, deviation: float) -> adaptive.Belief:
        place = {item: at for at, item in enumerate(self.item_ids)}
        belief, table = adaptive.Belief(mean, deviation), self.test.table
        for item, right in answered:
            belief.learn(table.log_right[:, place[item]], table.log_wrong[:, place[item]], right)
        return belief

    def _share(self, belief: adaptive.Belief, items: Sequence[int]) -> Share:
        """Share of these questions that somebody of this ability gets right."""
        reach = NINE_IN_TEN * belief.deviation
        ability = np.asarray([belief.mean - reach, belief.mean, belief.mean + reach])
        low, middle, high = self.bank.chance(ability)[:, list(items)].mean(1)
        return float(low), float(middle), float(high)


def rows(items_of_point: Mapping[str, Sequence[str]], numbers: Mapping[str, Number]) -> list[Row]:
    """The bank of a test: each question once, under the first of the points it belongs to.

    numbers: of the questions that may be asked. At most MOST_BANK, as many of each point.
    """
    taken: dict[str, Row] = {}
    quota = max(1, MOST_BANK // max(1, len(items_of_point)))
    for at, items in enumerate(items_of_point.values()):
        fresh = [item for item in items if item in numbers and item not in taken]
        for item in fresh[:quota]:
            one = numbers[item]
            taken[item] = (item, one.a, one.b, one.c, at)
    return list(taken.values())


def check(test: AdaptiveTest, bank: Sequence[Row]) -> None:
    """Raise BadInput, naming the value and the fix, unless the bank can hold the test."""
    if not 1 <= test.least <= test.most <= MOST_QUESTIONS:
        raise errors.BadInput(
            f"between {test.least} and {test.most} questions",
            fix=f"ask for 1 to {MOST_QUESTIONS}, least before most",
            code="test_length",
        )
    if test.error is not None and not SMALLEST_ERROR <= test.error <= LARGEST_ERROR:
        raise errors.BadInput(f"error is {test.error}", fix=f"choose {SMALLEST_ERROR} to {LARGEST_ERROR}, or none")
    if not bank:
        raise errors.BadInput(
            "these topics have no question that can be asked", fix="choose others, or add questions", code="test_short"
        )
    if len(bank) < test.least:
        raise errors.BadInput(
            f"these topics have {len(bank)} questions, the test asks {test.least} at least",
            fix="choose more topics or ask fewer",
            code="test_short",
        )
    stock = [sum(1 for row in bank if row[4] == at) for at in range(len(test.point_ids))]
    needed = test.each * len(test.point_ids)
    if test.each < 0 or needed > min(test.most, len(bank)):
        raise errors.BadInput(
            f"{test.each} of each of {len(test.point_ids)} topics is {needed}, the test asks {test.most} at most",
            fix="ask fewer of each topic, or more in all",
            code="test_each",
        )
    if test.each and min(stock) < test.each:
        short = test.point_ids[stock.index(min(stock))]
        raise errors.BadInput(
            f"{short} has {min(stock)} questions, {test.each} are wanted",
            fix="ask fewer of each topic",
            code="test_each",
        )
