"""Who needs help and why, and which mistakes a class makes: rules over masteries and answers, each with its evidence.

Pure. Every reason is a count a teacher can check; none is about character, and none is drawn from fewer answers than
its rule names. The order is by what a teacher can do something about first.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from shuyuan.learning.insight.interface import ClassMistake, Help, Reason
from shuyuan.learning.people.interface import Learner
from shuyuan.learning.records.interface import Response
from shuyuan.learning.tracing.interface import Mastery

LOOKED_BACK = timedelta(days=42)
EVIDENCE_SHOWN = 3
STUCK_SHOWN = 2  # points a learner, the weakest first
RUN, DROP = 10, 0.3  # answers compared with as many before them, and the fall in share right that counts
AGAIN = 4  # times the same mistake among the newest `RECENT`, and still there in the newest `RUN`
RECENT = 30
SILENT_FOR = timedelta(days=10)
FADED_POINTS, FADED_MORE = 3, 2.0  # solid points past their review; so many times what is usual in the class
_WEIGHT = {"stuck": 3.0, "mistake": 2.0, "slipping": 2.0, "silent": 1.5, "faded": 1.0}


def needs(
    learners: Sequence[Learner],
    known: Mapping[str, Mapping[str, Mastery]],
    answers: Mapping[str, Sequence[Response]],
    now: datetime,
) -> tuple[Help, ...]:
    """Most in need first; learners without a reason are left out. answers: that count, of each learner newest first."""
    working = any(rows and now - rows[0].at <= SILENT_FOR for rows in answers.values())
    usual = statistics.median([sum(one.due for one in known[who.id].values()) for who in learners] or [0])
    found = []
    for learner in learners:
        mastery, rows = known[learner.id], answers.get(learner.id, ())
        reasons = [*_stuck(mastery, rows), *_mistake(rows), *_slipping(rows), *_faded(mastery, usual)]
        if working:
            reasons += _silent(mastery, rows, now)
        if reasons:
            found.append(Help(learner, tuple(reasons)))
    return tuple(sorted(found, key=lambda one: (-_weight(one), one.learner.number)))


def mistakes(learners: Sequence[Learner], answers: Mapping[str, Sequence[Response]]) -> tuple[ClassMistake, ...]:
    """Every known mistake of the class, of the most learners first, with an example each of different ones."""
    by_id = {one.id: one for one in learners}
    wrong: dict[str, list[Response]] = defaultdict(list)
    for who, rows in answers.items():
        for one in rows if who in by_id else ():
            if one.misconception and not one.correct:
                wrong[one.misconception].append(one)
    found = []
    for misconception, rows in wrong.items():
        rows.sort(key=lambda one: one.at, reverse=True)
        whose = list(dict.fromkeys(one.learner_id for one in rows))
        first = {one.learner_id: one for one in reversed(rows)}
        points = Counter(point for one in rows for point in one.points)
        found.append(
            ClassMistake(
                misconception,
                points.most_common(1)[0][0],
                tuple(by_id[one] for one in whose),
                len(rows),
                tuple(first[one] for one in whose[:EVIDENCE_SHOWN]),
            )
        )
    return tuple(sorted(found, key=lambda one: (-len(one.learners), -one.times, one.misconception)))


def _weight(one: Help) -> float:
    return sum(_WEIGHT[reason.kind] for reason in one.reasons)


def _stuck(mastery: Mapping[str, Mastery], rows: Sequence[Response]) -> Iterator[Reason]:
    weakest = sorted((one for one in mastery.values() if one.stuck), key=lambda one: one.p)
    for one in weakest[:STUCK_SHOWN]:
        wrong = [row for row in rows if one.point_id in row.points and not row.correct]
        yield Reason("stuck", one.point_id, one.wins, one.n, evidence=tuple(wrong[:EVIDENCE_SHOWN]))


def _mistake(rows: Sequence[Response]) -> Iterator[Reason]:
    named = [one for one in rows[:RECENT] if one.misconception and not one.correct]
    for misconception, times in Counter(one.misconception for one in named).most_common(1):
        shown = [one for one in named if one.misconception == misconception]
        if times >= AGAIN and any(one in rows[:RUN] for one in shown):
            evidence = tuple(shown[:EVIDENCE_SHOWN])
            yield Reason("mistake", shown[0].points[0], 0, times, misconception=misconception, evidence=evidence)


def _slipping(rows: Sequence[Response]) -> Iterator[Reason]:
    newest, before = rows[:RUN], rows[RUN : 2 * RUN]
    if len(before) < RUN:
        return
    right, right_before = (sum(one.correct for one in some) for some in (newest, before))
    if right_before - right >= DROP * RUN:
        wrong = tuple(one for one in newest if not one.correct)[:EVIDENCE_SHOWN]
        yield Reason("slipping", None, right, RUN, before=right_before, evidence=wrong)


def _faded(mastery: Mapping[str, Mastery], usual: float) -> Iterator[Reason]:
    """What the whole class has to review is a matter for a lesson, not for one learner."""
    due = sorted((one for one in mastery.values() if one.due), key=lambda one: one.p_now)
    if len(due) >= FADED_POINTS and len(due) > FADED_MORE * usual:
        yield Reason("faded", due[0].point_id, 0, len(due))


def _silent(mastery: Mapping[str, Mastery], rows: Sequence[Response], now: datetime) -> Iterator[Reason]:
    last = max((one.last_at for one in mastery.values() if one.last_at is not None), default=None)
    last = max(last, rows[0].at) if last is not None and rows else last
    if last is None or now - last > SILENT_FOR:
        yield Reason("silent", None, 0, 0, days=None if last is None else (now - last).days)
