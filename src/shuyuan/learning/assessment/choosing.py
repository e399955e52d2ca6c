"""Which items of a point fit a learner now. The same state gives the same choice, so a preview is what is sent.

Order: not just answered; of the point itself, then of what it requires (what builds on it only when nothing else is
left); showing a misconception of this learner; least often answered; nearest to the success rate at which
practice teaches most.
"""

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter, itemgetter

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.learning.courses.interface import Course, Courses, Item, MultipleItem, Point, SingleItem
from shuyuan.learning.records.interface import Records, Response
from shuyuan.learning.tracing.interface import Tracing

BEST_P = 0.7  # desirable difficulty: right about seven times in ten
JUST_ANSWERED, JUST_NOW = 10, 3  # answers; the second for templates, which come with other numbers each time
RECENT = 150  # answers of a learner that are looked at
MAX_COUNT = 30
_item_of = attrgetter("item_id")


@dataclass(frozen=True)
class Candidate:
    """An item that could be given. distance: 0 of the point itself, 1 of what it requires, 2 of what requires it."""

    item_id: str
    points: tuple[str, ...]
    distance: int
    misconceptions: frozenset[str]
    template: bool
    minutes: float


@dataclass(frozen=True)
class Choice:
    """What one learner gets, and the answers on the point that speak for it, newest first."""

    items: tuple[Candidate, ...]
    evidence: tuple[Response, ...]
    trouble: str | None  # the misconception behind most of their wrong answers
    fresh: int  # the first so many were not just answered

    @property
    def fitting(self) -> tuple[str, ...]:
        """Ids, without what was just answered while anything else is there."""
        return tuple(item.item_id for item in self.items[: self.fresh] or self.items)


class Chooser:
    """Chooses for one learner or a class with the same few queries."""

    def __init__(self, courses: Courses, records: Records, tracing: Tracing) -> None:
        self._courses, self._records, self._tracing = courses, records, tracing
        self._kept: dict[tuple[str, str, int], tuple[Course, list[tuple[str, ...]], list[Candidate]]] = {}

    def choose(
        self, principal: Principal, learner_ids: Sequence[str], course_id: str, point_id: str, count: int
    ) -> dict[str, Choice]:
        """learner id → choice. Raises BadInput for a point without items or a count out of range."""
        if not 1 <= count <= MAX_COUNT:
            raise errors.BadInput(f"count is {count}", fix=f"ask for 1 to {MAX_COUNT} questions")
        candidates = self._candidates(principal.school_id, course_id, point_id, count)
        items = {one.item_id: one.points for one in candidates}
        p_correct = self._tracing.predictions(principal, learner_ids, items)
        answers = self._answers(principal, learner_ids)
        return {who: _choice(who, candidates, answers[who], p_correct[who], point_id, count) for who in learner_ids}

    def choose_for(
        self,
        school_id: str,
        learner_id: str,
        course_id: str,
        point_id: str,
        count: int,
        answers: Sequence[Response],
        predictions: Callable[[Mapping[str, Sequence[str]]], Mapping[str, float]],
    ) -> Choice:
        """The same for one learner whose newest answers and predictions are at hand: nothing is read."""
        candidates = self._candidates(school_id, course_id, point_id, count)
        p_correct = predictions({one.item_id: one.points for one in candidates})
        return _choice(learner_id, candidates, answers[:RECENT], p_correct, point_id, count)

    def _answers(self, principal: Principal, learner_ids: Sequence[str]) -> dict[str, list[Response]]:
        """Of each learner the newest; one by one only where a busy learner would crowd out the others."""
        limit = RECENT * max(len(learner_ids), 1)
        together = self._records.of_learners(principal, learner_ids, limit=limit)
        if len(together) == limit:
            return {who: self._records.of_learner(principal, who, limit=RECENT) for who in learner_ids}
        grouped: dict[str, list[Response]] = {learner_id: [] for learner_id in learner_ids}
        for response in together:
            grouped[response.learner_id].append(response)
        return grouped

    def _candidates(self, school_id: str, course_id: str, point_id: str, count: int) -> list[Candidate]:
        """Made once for a point of a course as it stands."""
        points = self._courses.graph(school_id, course_id).points
        if point_id not in {point.id for point in points}:
            raise errors.NotFound(f"course {course_id} has no point {point_id}", fix="use a point of this course")
        before, after = neighbours(points, point_id)
        items = [self._courses.items_of_point(school_id, name) for name in (point_id, *before, *after)]
        course, key = self._courses.course(school_id, course_id), (school_id, point_id, count)
        kept = self._kept.get(key)
        if kept is None or kept[0] is not course or kept[1] != items:
            kept = self._kept[key] = (course, items, self._found(school_id, point_id, before, after, count))
        return kept[2]

    def _found(
        self, school_id: str, point_id: str, before: Sequence[str], after: Sequence[str], count: int
    ) -> list[Candidate]:
        found: dict[str, Candidate] = {}
        enough = count + JUST_ANSWERED  # so that something fresh is left
        for distance, near, wanted in [(0, [point_id], enough), (1, before, enough), (2, after, count)]:
            for name in near if len(found) < wanted else ():
                for item_id in self._courses.items_of_point(school_id, name):
                    found.setdefault(item_id, _candidate(self._courses.item(school_id, item_id), distance))
        if not found:
            raise errors.BadInput(f"point {point_id} has no questions yet", fix="add items to the course")
        return list(found.values())


def neighbours(points: Iterable[Point], point_id: str) -> tuple[list[str], list[str]]:
    """(what the point requires, what requires it): where to look when it has too few items."""
    by_id = {point.id: point for point in points}
    before = [name for name in by_id[point_id].requires if name in by_id]
    return before, [point.id for point in by_id.values() if point_id in point.requires]


def misconceptions_of(item: Item) -> frozenset[str]:
    """The misconceptions that a wrong answer to this item can show."""
    if isinstance(item, SingleItem | MultipleItem):
        named = [choice.misconception for choice in item.choices]
    else:
        named = [wrong.misconception for wrong in item.wrong]
    return frozenset(name for name in named if name)


def _candidate(item: Item, distance: int) -> Candidate:
    points = tuple(dict.fromkeys(item.points))
    return Candidate(item.id, points, distance, misconceptions_of(item), bool(item.params), item.minutes)


def _choice(
    learner_id: str,
    candidates: Sequence[Candidate],
    answers: Sequence[Response],
    p_correct: Mapping[str, float],
    point_id: str,
    count: int,
) -> Choice:
    just = {response.item_id for response in answers[:JUST_ANSWERED]}
    just_now = {response.item_id for response in answers[:JUST_NOW]}
    times = Counter(map(_item_of, answers))
    wrong = {one.misconception for one in answers if not one.correct and one.misconception}

    def rank(one: Candidate) -> tuple[bool, int, bool, int, float, int]:
        fits = round(abs(p_correct[one.item_id] - BEST_P), 1)
        again = 0 if one.template else times[one.item_id]
        tie = zlib.crc32(f"{learner_id}/{one.item_id}".encode())
        stale = one.item_id in (just_now if one.template else just)
        return (stale, one.distance, wrong.isdisjoint(one.misconceptions), again, fits, tie)

    evidence = tuple(response for response in answers if point_id in response.points and response.counts)
    shown = Counter(one.misconception for one in evidence if not one.correct and one.misconception)
    trouble = shown.most_common(1)[0][0] if shown else None
    ranked = sorted(((rank(one), one) for one in candidates), key=itemgetter(0))[:count]
    return Choice(tuple(one for _, one in ranked), evidence, trouble, fresh=sum(not stale for (stale, *_), _ in ranked))
