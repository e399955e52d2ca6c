"""Free Spaced Repetition Scheduler, version 6, by the library `fsrs`: three numbers a learner and point, O(1) each.

The rating is read from the answer: wrong is "again", right with a hint "hard", right "good"; nobody is asked how it
felt, so "easy" is never given. Answers of one day count as short-term learning, as the scheduler has it; but where a
card is failed once in a sitting, a point may be failed in every item practised, so no row of wrong answers leaves a
memory weaker than one just met and failed. Its own weights, fitted on flashcards, are used: a knowledge point is more
than a card, which is why its forgetting only decides when to look again and multiplies mastery, and never lowers a
level. Source: Ye, Su & Cao (2022), KDD.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import fsrs

RETENTION = 0.9  # chance of remembering at which to look again
FARTHEST_DAYS = 365  # nothing stays unseen for longer than a school year
SECONDS_PER_DAY = 86_400.0
_SCHEDULER = fsrs.Scheduler(
    desired_retention=RETENTION,
    learning_steps=(),
    relearning_steps=(),
    maximum_interval=FARTHEST_DAYS,
    enable_fuzzing=False,
)
_LEAST_DAYS = _SCHEDULER.parameters[fsrs.Rating.Again - 1]  # stability after a first answer that was wrong
_DECAY = -_SCHEDULER.parameters[20]
_FACTOR = RETENTION ** (1 / _DECAY) - 1  # so that after `stability` days the chance is RETENTION


class Trace(NamedTuple):
    """What is remembered of a memory. stability_days: until the chance has fallen to 0.9.  difficulty: 1 to 10."""

    stability_days: float
    difficulty: float
    last_at_s: float


def answered(trace: Trace | None, *, right: bool, helped: bool = False, at_s: float) -> Trace:
    """The memory after one answer. None: the first. An answer that comes out of order counts as of the newest time."""
    at_s = at_s if trace is None else max(at_s, trace.last_at_s)
    rating = fsrs.Rating.Again if not right else fsrs.Rating.Hard if helped else fsrs.Rating.Good
    card, _ = _SCHEDULER.review_card(_card(trace), rating, datetime.fromtimestamp(at_s, UTC))
    if card.stability is None or card.difficulty is None:
        raise ValueError("the scheduler left a reviewed card without stability")
    return Trace(max(card.stability, _LEAST_DAYS), card.difficulty, at_s)


def retrievability(trace: Trace, at_s: float) -> float:
    """Chance in (0, 1] that it comes back to mind at that time; 1 at the answer and before it."""
    days = max(0.0, at_s - trace.last_at_s) / SECONDS_PER_DAY
    return float((1.0 + _FACTOR * days / trace.stability_days) ** _DECAY)


def review_at_s(trace: Trace) -> float:
    """When to look again: a day to a school year after the last answer."""
    days = min(max(trace.stability_days, 1.0), float(FARTHEST_DAYS))
    return trace.last_at_s + days * SECONDS_PER_DAY


def knows_now(mastery: float, chance: float) -> float:
    """Knows it, and it comes to mind.

    >>> knows_now(0.8, 0.5)
    0.4
    """
    return mastery * chance


def _card(trace: Trace | None) -> fsrs.Card:
    if trace is None:
        return fsrs.Card(card_id=0)
    last = datetime.fromtimestamp(trace.last_at_s, UTC)
    return fsrs.Card(
        card_id=0,
        state=fsrs.State.Review,
        stability=trace.stability_days,
        difficulty=trace.difficulty,
        due=last + timedelta(days=1),
        last_review=last,
    )
