"""Who the simulated pupils are and how they answer: ability, practice, and the mistakes planted in six of them."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

SECOND_LETTERS = "宇禾竹川南晴枫舟棠林满雨北溪星柏夏远岚舒麦渔葵墨茶言鹿安秋帆杉月"
NAMES = tuple(f"小{letter}" for letter in SECOND_LETTERS)
STUCK_NUMBERS = frozenset({1, 2, 7, 11, 15, 25})
OTHER_SLIP_NUMBER = 7
LATE_NUMBERS = frozenset({13, 20, 28, 31})  # joined in the last days: too little evidence
NO_CONSENT_NUMBER = 30
STUCK_POINT = "removing-brackets"
SHARED_MISTAKE = "sign-first-term-only"
OTHER_MISTAKE = "multiply-first-term-only"
GUESS, SLIP, STUCK_CHANCE, UNDERSTOOD_CHANCE = 0.05, 0.06, 0.1, 0.8
MOST_EASE = 2.0  # logits by which a question is easier, or harder, than its place in the course tells


@dataclass
class Pupil:
    """One simulated pupil: what they can do is known here and only here."""

    number: int
    name: str
    ability: float  # logits
    practice: dict[str, int] = field(default_factory=dict)  # point id → answers so far

    @property
    def register(self) -> str:
        """The student number as the class list has it."""
        return f"{self.number:02d}"

    @property
    def late(self) -> bool:
        """Joined a few days ago."""
        return self.number in LATE_NUMBERS

    @property
    def mistake(self) -> str:
        """The misconception planted in this pupil, if one is."""
        return OTHER_MISTAKE if self.number == OTHER_SLIP_NUMBER else SHARED_MISTAKE

    def is_stuck_on(self, points: Sequence[str]) -> bool:
        """Whether one of the points is the one this pupil holds the misconception about."""
        return self.number in STUCK_NUMBERS and _touches(points)

    def p_correct(self, item_id: str, points: Sequence[str], depth: float) -> float:
        """Chance of a right answer to an item of `points`. `depth` 0..1 is how far into the course it lies.

        What six are stuck on the others have understood: so the six stand out on every day.
        """
        if self.is_stuck_on(points):
            return STUCK_CHANCE
        learnt = 0.15 * min((self.practice.get(point, 0) for point in points), default=0)
        knows = 1 / (1 + math.exp(-(self.ability + min(learnt, 1.2) - 0.9 * depth + ease(item_id))))
        p_correct = GUESS + (1 - GUESS - SLIP) * knows
        return max(p_correct, UNDERSTOOD_CHANCE) if _touches(points) else p_correct

    def favourite_mistake(self, typical: Sequence[tuple[str, str]], rng: random.Random) -> tuple[str, str] | None:
        """The typical wrong answer this pupil gives: (answer, misconception), None if the item lists none."""
        own = [pair for pair in typical if pair[1].endswith(self.mistake)]
        if self.number in STUCK_NUMBERS:
            if own:
                return own[0]
            typical = [pair for pair in typical if not pair[1].endswith((SHARED_MISTAKE, OTHER_MISTAKE))]
        return rng.choice(list(typical)) if typical else None


def make(seed: int) -> list[Pupil]:
    """The 32 pupils of the class, the same for the same seed."""
    rng = random.Random(seed)
    return [Pupil(number, name, max(0.9, rng.gauss(1.3, 0.6))) for number, name in enumerate(NAMES, start=1)]


def ease(item_id: str) -> float:
    """How much easier this question is than others, logits: as in life there is something to learn from answers."""
    return random.Random(item_id).uniform(-MOST_EASE, MOST_EASE)


def _touches(points: Sequence[str]) -> bool:
    return any(point.endswith(STUCK_POINT) for point in points)
