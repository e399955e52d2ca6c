"""From masteries and answers of a class to who needs what. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from shuyuan.learning.insight.interface import Need
from shuyuan.learning.people.interface import Learner
from shuyuan.learning.records.interface import Response
from shuyuan.learning.tracing.interface import Mastery

CURRENT_FOR = timedelta(days=14)
EVIDENCE_SHOWN = 3
ClassMastery = Mapping[str, Mapping[str, Mastery]]  # learner id → point id → mastery


def hardest(points: Sequence[str], known: ClassMastery) -> str | None:
    """The point most learners are stuck on; of equals the earlier one, as points stand prerequisites first."""
    stuck = Counter(point for row in known.values() for point, mastery in row.items() if mastery.stuck)
    return max(points, key=lambda point: stuck[point]) if stuck else None


def current(points: Sequence[str], known: ClassMastery, now: datetime) -> list[str]:
    """What the class is at: points anyone answered in the last two weeks, all of the course if none."""
    at_work = {
        point
        for row in known.values()
        for point, mastery in row.items()
        if mastery.last_at is not None and now - mastery.last_at <= CURRENT_FOR
    }
    return [point for point in points if point in at_work] or list(points)


def need(learner: Learner, mastery: Mastery, answers: Iterable[Response]) -> Need:
    """What one stuck learner needs, with the newest wrong answers as evidence. `answers`: newest first."""
    wrong = [one for one in answers if not one.correct]
    return Need(learner, mastery.wins, mastery.n, tuple(wrong[:EVIDENCE_SHOWN]), common(wrong))


def common(wrong: Iterable[Response]) -> str | None:
    """The misconception most of these wrong answers show."""
    named = Counter(one.misconception for one in wrong if one.misconception)
    return named.most_common(1)[0][0] if named else None


def shared(needs: Sequence[Need]) -> tuple[str | None, int]:
    """The misconception that at least two learners have, and how many have it."""
    named = Counter(one.misconception for one in needs if one.misconception)
    if not named or named.most_common(1)[0][1] < 2:
        return None, 0
    return named.most_common(1)[0]


def by_need(learners: Sequence[Learner], known: ClassMastery) -> list[Learner]:
    """Most stuck points first, then the lowest understanding, then little evidence, then the class number."""

    def key(learner: Learner) -> tuple[int, float, str]:
        row = known[learner.id].values()
        shown = [one.p for one in row if one.level is not None]
        return (-sum(one.stuck for one in row), sum(shown) / len(shown) if shown else 1.0, learner.number)

    return sorted(learners, key=key)


def share_correct(point: str, known: ClassMastery) -> float | None:
    """得分率: right answers of all that counted, over the class; None without any."""
    rows = [row[point] for row in known.values()]
    answers = sum(one.n for one in rows)
    return sum(one.wins for one in rows) / answers if answers else None
