"""The last minutes of a running process in slots of equal length: counts, levels and samples. Pure; not thread-safe.

A slot is begun when its time comes, so that quiet times cost nothing and show as empty slots.
"""

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

SAMPLES = 128  # kept of one kind in one slot: a random choice once there are more


@dataclass
class Slot:
    """What happened in one stretch of time. counts add up; levels hold the last value; samples a fair choice."""

    number: int
    counts: dict[str, float] = field(default_factory=dict)
    levels: dict[str, float] = field(default_factory=dict)
    samples: dict[str, list[float]] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)


class Ring:
    """`slots` stretches of `slot_s` seconds, the newest last. Times are seconds of any clock that never goes back."""

    def __init__(self, slot_s: float, slots: int, *, seed: int = 0) -> None:
        self.slot_s = slot_s
        self._slots: deque[Slot] = deque(maxlen=slots)
        self._random = random.Random(seed)

    def count(self, now: float, name: str, amount: float = 1.0) -> None:
        """Add to a count of the current slot."""
        counts = self._at(now).counts
        counts[name] = counts.get(name, 0.0) + amount

    def level(self, now: float, name: str, value: float) -> None:
        """Set a level of the current slot."""
        self._at(now).levels[name] = value

    def sample(self, now: float, name: str, value: float) -> None:
        """Add a measured value to the current slot."""
        slot = self._at(now)
        kept, seen = slot.samples.setdefault(name, []), slot.seen.get(name, 0)
        slot.seen[name] = seen + 1
        if len(kept) < SAMPLES:
            kept.append(value)
        elif (place := self._random.randrange(seen + 1)) < SAMPLES:
            kept[place] = value

    def read(self, now: float) -> Iterator[tuple[float, Slot]]:
        """(age in seconds of the slot's end, slot), oldest first, up to the last full slot; quiet ones are empty."""
        newest = int(now / self.slot_s)
        held = {slot.number: slot for slot in self._slots}
        for number in range(newest - (self._slots.maxlen or 0) + 1, newest):
            yield now - (number + 1) * self.slot_s, held.get(number) or Slot(number)

    def _at(self, now: float) -> Slot:
        number = int(now / self.slot_s)
        if not self._slots or self._slots[-1].number < number:
            self._slots.append(Slot(number))
        return self._slots[-1]


def quantile(values: list[float], share: float) -> float | None:
    """The smallest value that at least `share` of all do not exceed; None without values.

    >>> quantile([3.0, 1.0, 2.0, 4.0], 0.5)
    2.0
    """
    ordered = sorted(values)
    return ordered[max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1)] if ordered else None
