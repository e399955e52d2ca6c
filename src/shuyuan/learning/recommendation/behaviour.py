"""What answers say about how somebody learns: a few counted facts, and what came of them later. Pure.

Everything is counted over `WINDOW` before a moment, from answers that count. A fact the learner disputes is left out
everywhere. Nothing is read into times of day, words written, or anything but answers.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from shuyuan.learning.records.interface import Response

WINDOW, AFTER = timedelta(days=28), timedelta(days=14)
FACTS = ("answers", "days", "right", "hints", "again", "minutes")
FEWEST_ANSWERS = 10  # below it nothing is derived
ENOUGH_DAYS = 2  # in `AFTER`, to have kept at it


def facts(answers: Iterable[Response], until: datetime, disputed: Sequence[str] = ()) -> dict[str, float]:
    """fact → number: answers, active days, shares of right / with hints / wrong ones tried again, minutes a day.

    Empty below `FEWEST_ANSWERS`."""
    seen = [one for one in answers if until - WINDOW <= one.at < until]
    if len(seen) < FEWEST_ANSWERS:
        return {}
    days = len({one.at.date() for one in seen})
    found = {
        "answers": float(len(seen)),
        "days": float(days),
        "right": sum(one.correct for one in seen) / len(seen),
        "hints": sum(one.hints_used > 0 for one in seen) / len(seen),
        "minutes": sum(one.seconds or 0.0 for one in seen) / 60 / days,
    }
    if (again := _tried_again(seen)) is not None:
        found["again"] = again
    return {fact: found[fact] for fact in FACTS if fact in found and fact not in disputed}


def attitude(answers: Iterable[Response], since: datetime) -> Mapping[str, float]:
    """What came in the `AFTER` that followed: worked on several days; tried again what had been wrong (NaN: none)."""
    every = sorted(answers, key=lambda one: one.at)
    later = [one for one in every if since <= one.at < since + AFTER]
    wrong = {one.item_id for one in every if one.at < since and not one.correct}
    retried = any(one.item_id in wrong for one in later)
    return {
        "keeps_at_it": float(len({one.at.date() for one in later}) >= ENOUGH_DAYS),
        "tries_again": float(retried) if wrong else float("nan"),
    }


def _tried_again(seen: Sequence[Response]) -> float | None:
    """Of the items answered wrong, the share answered again later; None without a wrong answer."""
    first_wrong: dict[str, datetime] = {}
    again: set[str] = set()
    for one in sorted(seen, key=lambda one: one.at):
        if one.item_id in first_wrong:
            again.add(one.item_id)
        elif not one.correct:
            first_wrong[one.item_id] = one.at
    return len(again) / len(first_wrong) if first_wrong else None
