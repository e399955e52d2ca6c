"""What a test must hold whatever the answers: so many items of each area, no two of the same family.

At each step the whole rest of the test is laid out in shadow, the most telling items first that keep within the bounds;
the item given is the best of that layout, so a test always ends within its bounds. With one area an item the greedy
layout is the best there is. Source: van der Linden & Reese (1998), Appl. Psychol. Meas. 22.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from shuyuan.science.testing.bank import Bank, Ints


class Impossible(ValueError):
    """No test of this bank can keep to the blueprint."""


@dataclass(frozen=True)
class Blueprint:
    """lowest, highest: items of an area in a test of full length.  families: of each a test holds one item at most."""

    lowest: Mapping[int, int] = field(default_factory=dict)
    highest: Mapping[int, int] = field(default_factory=dict)
    families: Sequence[Sequence[int]] = ()

    def check(self, bank: Bank, length: int) -> None:
        """Raise Impossible, naming the rule, when no test of `length` items can keep to it."""
        stock = np.bincount(bank.content, minlength=1)
        for area, least in self.lowest.items():
            there = int(stock[area]) if 0 <= area < len(stock) else 0
            if least > there or least > self.highest.get(area, least):
                raise Impossible(
                    f"area {area} needs {least} items, has {there} and may hold {self.highest.get(area, there)}"
                )
        if (needed := sum(self.lowest.values())) > length:
            raise Impossible(f"the areas need {needed} items, the test has {length}")
        most = sum(min(int(n), self.highest.get(area, int(n))) for area, n in enumerate(stock))
        if most < length:
            raise Impossible(f"the test has {length} items, the areas may hold {most}")
        for family in self.families:
            if strange := [item for item in family if not 0 <= item < len(bank)]:
                raise Impossible(f"item {strange[0]} of a family is not in the bank of {len(bank)}")

    @property
    def free(self) -> bool:
        """Whether there is no rule at all."""
        return not (self.lowest or self.highest or self.families)

    def owed(self, content: Ints, given: Sequence[int]) -> dict[int, int]:
        """area → how many items a test in which these were given still lacks."""
        counts = np.bincount(content[list(given)], minlength=1) if given else np.zeros(1, dtype=np.int64)
        there = {area: int(counts[area]) if area < len(counts) else 0 for area in self.lowest}
        return {area: least - there[area] for area, least in self.lowest.items() if least > there[area]}

    def best(
        self,
        gain: npt.NDArray[np.floating],
        open_items: npt.NDArray[np.bool_],
        content: Ints,
        given: Sequence[int],
        length: int,
    ) -> int | None:
        """The most telling open item from which the test can still keep to its bounds; None when there is none.

        gain: (J,).  open_items: (J,) neither given nor held back.  length: items at which the test has to keep to them.
        """
        allowed = open_items.copy()
        for family in self.families:
            if any(item in family for item in given):
                allowed[list(family)] = False
        counts = (
            np.bincount(content[list(given)], minlength=int(content.max()) + 1)
            if given
            else np.zeros(int(content.max()) + 1, dtype=np.int64)
        )
        for area, most in self.highest.items():
            if area < len(counts) and counts[area] >= most:
                allowed[content == area] = False
        owed = self.owed(content, given)
        if sum(owed.values()) >= length - len(given):  # what is left of the test is spoken for
            allowed &= np.isin(content, list(owed))
        if not allowed.any():
            return None
        return int(np.argmax(np.where(allowed, gain, -np.inf)))
