"""One person takes one adaptive test: what is asked next, what is believed after each answer, when it ends."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from shuyuan.science.testing.adaptive.belief import Belief
from shuyuan.science.testing.adaptive.blueprint import Blueprint
from shuyuan.science.testing.adaptive.exposure import Exposure
from shuyuan.science.testing.adaptive.selection import CRITERIA, Criterion, Table
from shuyuan.science.testing.bank import Bank

Ended = Literal["sure enough", "full length", "bank empty"]


@dataclass(frozen=True)
class Rules:
    """When a test ends, and how its items are chosen.

    least, most: items.  error: the standard error that is enough once the blueprint is kept; None asks `most` items of
    everybody.
    """

    least: int = 5
    most: int = 30
    error: float | None = 0.32
    criterion: Criterion = "information"
    blueprint: Blueprint = field(default_factory=Blueprint)

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.most:
            raise ValueError(f"a test has at least 1 item and least <= most, got {self.least} and {self.most}")
        if self.error is not None and not self.error > 0:
            raise ValueError(f"error must be above 0, got {self.error}")
        if self.criterion not in CRITERIA:
            raise ValueError(f"no criterion is called {self.criterion!r}; there are {', '.join(CRITERIA)}")


class Test:
    """A bank with its rules; begins sittings. Raises Impossible when the bank cannot keep the blueprint."""

    __test__ = False  # of people, not of programs

    def __init__(self, bank: Bank, rules: Rules | None = None, exposure: Exposure | None = None) -> None:
        if not len(bank):
            raise ValueError("the bank holds no item")
        self.table, self.rules = Table(bank), rules or Rules(most=min(30, len(bank)), least=min(5, len(bank)))
        self.exposure = exposure
        if not self.rules.blueprint.free:
            self.rules.blueprint.check(bank, self.rules.most)

    @property
    def bank(self) -> Bank:
        """The items."""
        return self.table.bank

    def begin(self, rng: np.random.Generator, mean: float = 0.0, deviation: float = 1.0) -> "Sitting":
        """A sitting of somebody believed to be normal(mean, deviation) before the first answer."""
        return Sitting(self, rng, Belief(mean, deviation))


class Sitting:
    """Mutable. `given` and `right` are what has been answered; `ended` says why it is over."""

    def __init__(self, test: Test, rng: np.random.Generator, belief: Belief) -> None:
        self.belief, self.given, self.right = belief, list[int](), list[bool]()
        self.ended: Ended | None = None
        self._test, self._rng = test, rng
        open_items = np.ones(len(test.bank), dtype=np.bool_)
        self._eligible = open_items if test.exposure is None else test.exposure.eligible(rng)
        self._open = open_items.copy()

    def next(self) -> int | None:
        """The item to ask; None when the test is over, and then `ended` says why. The same until it is answered."""
        rules = self._test.rules
        if self.ended is None and (over := self._over()):
            self._end(over)
        if self.ended is not None:
            return None
        gain = getattr(self._test.table, rules.criterion)(self.belief)
        if self._test.exposure is not None:
            gain = self._test.exposure.mixed(gain, len(self.given) / rules.most, self._rng)
        item = self._best(gain, self._open & self._eligible)
        if item is None:  # better an item that many have seen than none
            item = self._best(gain, self._open)
        if item is None:
            self._end("bank empty")
        return item

    def answer(self, item: int, right: bool) -> None:
        """Learn from an answer. Raises ValueError for an item that is not in the bank or was answered already."""
        if not 0 <= item < len(self._open):
            raise ValueError(f"item {item} is not in the bank of {len(self._open)}")
        if not self._open[item]:
            raise ValueError(f"item {item} was answered already")
        if self.ended is not None:
            raise ValueError(f"the test is over: {self.ended}")
        table = self._test.table
        self.belief.learn(table.log_right[:, item], table.log_wrong[:, item], right)
        self._open[item] = False
        self.given.append(item)
        self.right.append(right)

    def _over(self) -> Ended | None:
        rules, asked = self._test.rules, len(self.given)
        if asked >= rules.most:
            return "full length"
        return "sure enough" if self._sure() and not self._owed() else None

    def _sure(self) -> bool:
        rules = self._test.rules
        return rules.error is not None and len(self.given) >= rules.least and self.belief.deviation <= rules.error

    def _owed(self) -> int:
        """Items that the blueprint still asks for, however sure one is."""
        return sum(self._test.rules.blueprint.owed(self._test.bank.content, self.given).values())

    def _best(self, gain: "np.ndarray", open_items: "np.ndarray") -> int | None:
        rules = self._test.rules
        if not rules.blueprint.free:
            length = len(self.given) + self._owed() if self._sure() else rules.most  # sure: only what is owed is left
            return rules.blueprint.best(gain, open_items, self._test.bank.content, self.given, length)
        return int(np.argmax(np.where(open_items, gain, -np.inf))) if open_items.any() else None

    def _end(self, why: Ended) -> None:
        self.ended = why
        if self._test.exposure is not None:
            self._test.exposure.ended(self.given)
