"""What is known of the learners of a class at a moment, and what came in the week after. Pure.

The class's line of a week, in plain words: below it is who answers fewer than FEWEST questions in a week in which the
class works, or gets a share right that lies MARGIN or more below the class's share of that week. A week in which fewer
than half of the class give FEWEST answers is no working week: nothing is said of it.

Facts are counted from answers that count, up to the moment, and set beside the same count of the class, so that what
the whole class does (a hard topic, a holiday) is nobody's warning.
"""

import math
import statistics
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, get_args

from shuyuan.learning.assessment.interface import Assignment
from shuyuan.learning.insight.interface import LINE_FEWEST, LINE_MARGIN, Fact
from shuyuan.learning.records.interface import Response

WEEK, LOOK = timedelta(days=7), timedelta(days=14)
REACH = timedelta(days=28)  # what is older is not looked at, in the fit as on the page: figures are of what is said
FEWEST, MARGIN = LINE_FEWEST, LINE_MARGIN
NEWEST = 10  # answers of a trend, compared with as many before
FACTS: tuple[Fact, ...] = get_args(Fact)
_SETTLES = timedelta(days=3)  # after which work that was set counts as not done


class Known(NamedTuple):
    """One learner at one moment: each fact as it is, and as is usual in the class."""

    mine: Mapping[str, float]
    usual: Mapping[str, float]

    @property
    def values(self) -> tuple[float, ...]:
        """In the order of FACTS, each beside what is usual."""
        return tuple(_beside(fact, self.mine[fact], self.usual[fact]) for fact in FACTS)


@dataclass(frozen=True)
class ClassBook:
    """The answers of a class in a course, learner → oldest first, and the work that was set."""

    answers: Mapping[str, Sequence[Response]]
    assigned: Sequence[Assignment] = ()

    @classmethod
    def of(cls, rows: Sequence[Response], learner_ids: Sequence[str], assigned: Sequence[Assignment]) -> "ClassBook":
        """rows: of these learners, in any order; only what counts is kept."""
        kept: dict[str, list[Response]] = {one: [] for one in learner_ids}
        for row in sorted((one for one in rows if one.counts), key=when):
            if row.learner_id in kept:
                kept[row.learner_id].append(row)
        return cls(kept, [one for one in assigned if one.undone_at is None])

    def between(self, learner_id: str, since: datetime, until: datetime) -> Sequence[Response]:
        """Answers in [since, until)."""
        rows = self.answers[learner_id]
        return rows[bisect_left(rows, since, key=when) : bisect_left(rows, until, key=when)]

    def first(self) -> datetime | None:
        """When the class began."""
        return min((when(rows[0]) for rows in self.answers.values() if rows), default=None)


def when(one: Response) -> datetime:
    """When an answer began to count."""
    return one.counted_at or one.at


def came(book: ClassBook, moment: datetime) -> dict[str, bool] | None:
    """learner → below the class's line in the week from `moment` on; None for a week that was no working week."""
    weeks = {who: book.between(who, moment, moment + WEEK) for who in book.answers}
    begun = [who for who, rows in book.answers.items() if rows and when(rows[0]) < moment + WEEK]
    working = [who for who in begun if len(weeks[who]) >= FEWEST]
    if not begun or len(working) < len(begun) / 2:
        return None
    asked = sum(len(weeks[who]) for who in begun)
    share = sum(one.correct for who in begun for one in weeks[who]) / asked
    return {who: len(weeks[who]) < FEWEST or _right(weeks[who]) <= share - MARGIN for who in begun}


def known(book: ClassBook, moment: datetime) -> dict[str, Known]:
    """learner → facts at `moment`, of those who answered in REACH before it. Empty while nobody did in LOOK."""
    begun = {who: book.between(who, moment - LOOK, moment) for who in book.answers}
    earlier = {who: rows for who in book.answers if (rows := book.between(who, moment - REACH, moment))}
    lately = [one for who in earlier for one in begun[who]]
    if not lately:
        return {}
    found = {who: _facts(book, who, rows, begun[who], moment) for who, rows in earlier.items()}
    usual = _usual(found.values()) | {"right": _right(lately), "hints": _hinted(lately)}
    return {who: Known({fact: one.get(fact, usual[fact]) for fact in FACTS}, usual) for who, one in found.items()}


def _usual(found: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """fact → the middle of those of whom it is known; 0 where it is known of nobody."""
    rows = list(found)
    return {fact: statistics.median([one[fact] for one in rows if fact in one] or [0.0]) for fact in FACTS}


def _facts(
    book: ClassBook, who: str, earlier: Sequence[Response], rows: Sequence[Response], moment: datetime
) -> dict[str, float]:
    """What can be counted of one learner; a fact without a basis is left out, and taken for usual.

    earlier: the answers of REACH.  rows: those of LOOK."""
    said = [one.p_before for one in earlier[-2 * NEWEST :] if one.p_before is not None]
    gap = (moment - when(earlier[-1])) / timedelta(days=1)
    found = {"gap": min(gap, LOOK.days), "days": float(len({when(one).date() for one in rows}))}
    if len(rows) >= FEWEST:
        found |= {"right": _right(rows), "hints": _hinted(rows)}
        times = [one.seconds for one in rows if one.seconds]
        found |= {"slow": statistics.median(times)} if times else {}
    if len(said) >= FEWEST:
        found["level"] = statistics.fmean(said[-NEWEST:])
    if len(said) >= 2 * FEWEST:
        half = min(NEWEST, len(said) // 2)
        found["trend"] = statistics.fmean(said[-half:]) - statistics.fmean(said[-2 * half : -half])
    if (left := _unfinished(book, who, moment)) is not None:
        found["unfinished"] = left
    return found


def _unfinished(book: ClassBook, who: str, moment: datetime) -> float | None:
    """Of the questions that were set lately, the share without an answer; None where nothing was set."""
    asked = answered = 0
    for one in book.assigned:
        items = set(one.items.get(who, ()))
        if not items or not moment - REACH <= one.created_at <= moment - _SETTLES:
            continue
        if one.due_at is not None and one.due_at > moment:
            continue
        asked += len(items)
        answered += len(items & {row.item_id for row in book.between(who, one.created_at, moment)})
    return 1 - answered / asked if asked else None


def _beside(fact: str, mine: float, usual: float) -> float:
    if fact == "slow":  # twice as long is as far from usual as half as long
        return math.log(max(mine, 1.0) / max(usual, 1.0))
    return mine - usual


def _right(rows: Sequence[Response]) -> float:
    return sum(one.correct for one in rows) / len(rows)


def _hinted(rows: Sequence[Response]) -> float:
    return sum(one.hints_used > 0 for one in rows) / len(rows)
