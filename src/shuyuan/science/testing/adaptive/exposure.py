"""No item is seen by too many, and few by none: who has been given what is counted, and the crowded are held back.

Before a sitting each item is drawn eligible or not, with a chance that falls as its share of past sittings nears the
bound (van der Linden & Veldkamp 2004, J. Educ. Behav. Stat. 29); in a sitting, telling counts for little at first and
for everything at the end, chance the other way round (Revuelta & Ponsoda 1998, J. Educ. Meas. 35), which spreads the
early items over the bank. Counts can be kept between runs.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from shuyuan.science.testing.bank import Ints


@dataclass
class Exposure:
    """Mutable. most: share of sittings that may see an item.  spread: how long chance matters, 0 never, 1 to the end.

    given: (J,) sittings that saw an item.  sittings: how many there were.
    """

    items: int
    most: float = 0.25
    spread: float = 0.5
    given: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    sittings: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.most <= 1 or not 0 <= self.spread <= 1:
            raise ValueError(f"most must be in (0, 1] and spread in [0, 1], got {self.most} and {self.spread}")
        if not len(self.given):
            self.given = np.zeros(self.items, dtype=np.int64)

    @property
    def rates(self) -> npt.NDArray[np.float64]:
        """(J,) share of sittings that saw each item; 0 before the first."""
        return self.given / max(self.sittings, 1)

    def eligible(self, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
        """(J,) which items this sitting may see. An item at the bound is out until others have caught up."""
        allowed = self.most * (self.sittings + 1)
        room = np.clip((allowed - self.given) / max(1.0, 0.2 * allowed), 0.0, 1.0)
        return np.asarray((rng.random(self.items) < room) & (self.given + 1 <= max(1.0, allowed)))

    def ended(self, items: "list[int]") -> None:
        """A sitting saw these."""
        self.given[items] += 1
        self.sittings += 1

    def mixed(
        self, gain: npt.NDArray[np.floating], progress: float, rng: np.random.Generator
    ) -> npt.NDArray[np.floating]:
        """(J,) `gain` with chance in it. progress: 0 at the first item, 1 at the last."""
        chance = max(0.0, 1.0 - progress / self.spread) if self.spread > 0 else 0.0
        if chance <= 0:
            return gain
        most = float(gain.max())
        return np.asarray((1.0 - chance) * gain + chance * most * rng.random(len(gain), dtype=np.float32))
