"""The rules: from what is known of a learner in a course to plans, most urgent first. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import chain

from shuyuan.learning.courses.interface import Course, Lesson, Point
from shuyuan.learning.recommendation import runs, words
from shuyuan.learning.recommendation.interface import ActivityKind, Mistake
from shuyuan.learning.records.interface import Response
from shuyuan.learning.tracing.interface import MINIMUM_EVIDENCE, Mastery

ASSIGNED, STUCK, WAITED, NEW, NEXT, FILLING = 0, 1, 2, 4, 5, 6  # urgencies
LOOKED_AT = 10  # newest answers on a point
REDONE_AT_A_TIME = 5  # mistakes
REVIEW_WAITS, MISTAKES_WAIT = timedelta(days=7), timedelta(days=14)  # unseen for so long, they come before what is new
PATIENCE, RESTS = 25, timedelta(days=3)  # answers without getting there, and how long something else comes first then
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
Words = Mapping[str, str]


@dataclass(frozen=True)
class Picture:
    """One learner in one course. `points` stand prerequisites first; `answers` newest first, counting ones only."""

    course: Course
    points: Sequence[Point]
    mastery: Mapping[str, Mastery]
    answers: Sequence[Response]
    mistakes: Sequence[Mistake]
    now: datetime
    runs: Mapping[str, float] = field(default_factory=dict)  # see `runs`

    def firm(self, point_id: str) -> bool:
        """Whether the next thing may be built on it."""
        return self.runs.get(point_id, runs.UNTRIED) >= runs.FIRM

    @cached_property
    def by_id(self) -> dict[str, Point]:
        return {point.id: point for point in self.points}


@dataclass(frozen=True)
class Plan:
    """An activity before its items are chosen. urgency: smaller comes first."""

    urgency: int
    kind: ActivityKind
    course_id: str
    title: Words
    reason: Words
    point_id: str | None = None
    lesson: Lesson | None = None
    item_ids: tuple[str, ...] = ()
    leads_to: str | None = None
    assignment_id: str | None = None
    due_at: datetime | None = field(default=None)


def plans(picture: Picture) -> Iterator[Plan]:
    """Everything that could be done in a course, once each; made only as far as it is asked for."""
    seen: set[str] = set()
    for plan in chain(_stuck(picture), _waited(picture), _onward(picture), _soon(picture), _weakest(picture)):
        what = plan.lesson.id if plan.lesson else plan.point_id or plan.kind
        if what not in seen:
            seen.add(what)
            yield plan


def _stuck(picture: Picture) -> Iterator[Plan]:
    for point in picture.points:
        if not picture.firm(point.id) and picture.mastery[point.id].stuck:
            root = _root(picture, point)
            if _rests(picture, root.id):
                continue
            reason = _evidence(picture, point) if root is point else words.foundation(root.name, point.name)
            leads_to = _opens(picture, point) if root is point else point.id
            yield _practice(picture, STUCK, root, reason, leads_to)


def _waited(picture: Picture) -> Iterator[Plan]:
    """What is not looked at for long comes before what is new; what waits for less comes after it."""
    yield from (plan for plan, waited in _reviews(picture) if waited >= REVIEW_WAITS)
    due = [one for one in picture.mistakes if one.due]
    old = [one for one in due if picture.firm(one.point_id) and picture.now - one.at >= MISTAKES_WAIT]
    yield from _mistakes(picture, WAITED, due if old else [])


def _onward(picture: Picture) -> Iterator[Plan]:
    """What is under way, prerequisites first, then one point that has not begun, and its lesson."""
    ready = [point for point in picture.points if _is_ready(picture, point)]
    fresh = [point for point in ready if picture.mastery[point.id].n == 0]
    for point in (*(one for one in ready if one not in fresh), *fresh[:1]):
        yield _practice(picture, NEW, point, _why_new(picture, point), _opens(picture, point))
    for point in fresh[:1]:
        for lesson in picture.course.lessons:
            if point.id in lesson.points:
                yield Plan(
                    NEXT,
                    "lesson",
                    picture.course.id,
                    words.read(lesson.title),
                    words.first_read(point.name),
                    point.id,
                    lesson,
                )


def _soon(picture: Picture) -> Iterator[Plan]:
    """Reviews and mistakes that are due, then the other points that could begin."""
    yield from (replace(plan, urgency=NEXT) for plan, _ in _reviews(picture))
    yield from _mistakes(picture, NEXT, [one for one in picture.mistakes if one.due])
    for point in picture.points:
        if picture.mastery[point.id].n == 0 and _is_ready(picture, point):
            yield _practice(picture, NEXT, point, _why_new(picture, point), _opens(picture, point))


def _mistakes(picture: Picture, urgency: int, due: Sequence[Mistake]) -> Iterator[Plan]:
    if due:
        items = tuple(one.item_id for one in due[:REDONE_AT_A_TIME])
        yield Plan(urgency, "mistakes", picture.course.id, words.REDO, words.redo(len(due)), item_ids=items)


def _reviews(picture: Picture) -> Iterator[tuple[Plan, timedelta]]:
    """What is firm and fading, seen longest ago first, and for how long it was not seen; the rest is practised."""
    firm = [picture.mastery[point.id] for point in picture.points if picture.firm(point.id)]
    due = [one for one in firm if one.due and one.last_at]
    for mastery in sorted(due, key=lambda one: one.last_at or picture.now):
        point, waited = picture.by_id[mastery.point_id], picture.now - (mastery.last_at or picture.now)
        title, reason = words.review_of(point.name), words.forgetting(point.name, waited.days, mastery.wins)
        yield Plan(WAITED, "review", picture.course.id, title, reason, point.id), waited


def _weakest(picture: Picture) -> Iterator[Plan]:
    """When nothing else is left: the shakiest run first, of equals the one seen longest ago."""

    def shaky(one: Point) -> tuple[float, datetime]:
        return picture.runs.get(one.id, runs.UNTRIED), picture.mastery[one.id].last_at or _LONG_AGO

    for point in sorted(picture.points, key=shaky):
        yield _practice(picture, FILLING, point, words.consolidate(point.name), _opens(picture, point))


def _practice(picture: Picture, urgency: int, point: Point, reason: Words, leads_to: str | None) -> Plan:
    return Plan(urgency, "practice", picture.course.id, words.practise(point.name), reason, point.id, leads_to=leads_to)


def _root(picture: Picture, stuck: Point) -> Point:
    """The first thing under a stuck point that is not firm itself, or the point."""
    below = _below(picture.by_id, stuck)
    return next((one for one in picture.points if one.id in below and not picture.firm(one.id)), stuck)


def _below(by_id: Mapping[str, Point], point: Point) -> set[str]:
    found: set[str] = set()
    waiting = list(point.requires)
    while waiting:
        name = waiting.pop()
        if name in by_id and name not in found:
            found.add(name)
            waiting += by_id[name].requires
    return found


def _is_ready(picture: Picture, point: Point) -> bool:
    if picture.firm(point.id):
        return False
    required = [name for name in point.requires if name in picture.mastery]
    if not all(picture.firm(name) or _rests(picture, name) for name in required):
        return False
    return not picture.mastery[point.id].stuck and not _rests(picture, point.id)


def _rests(picture: Picture, point_id: str) -> bool:
    """Tried long enough for now: nobody is kept at one thing for ever, and the teacher sees who is stuck."""
    known = picture.mastery[point_id]
    if picture.firm(point_id) or known.n < PATIENCE or known.last_at is None:
        return False
    return picture.now - known.last_at < RESTS


def _opens(picture: Picture, point: Point) -> str | None:
    """What comes next once this point is firm."""
    after = (one for one in picture.points if point.id in one.requires and not picture.firm(one.id))
    return next((one.id for one in after), None)


def _evidence(picture: Picture, point: Point) -> Words:
    looked = [one for one in picture.answers if point.id in one.points][:LOOKED_AT]
    wrong = Counter(one.misconception for one in looked if not one.correct and one.misconception)
    names = {one.id: one.name for one in picture.course.misconceptions}
    trouble = names.get(wrong.most_common(1)[0][0] or "") if wrong else None
    return words.evidence(len(looked), sum(one.correct for one in looked), trouble)


def _why_new(picture: Picture, point: Point) -> Words:
    known = picture.mastery[point.id]
    if known.n:
        return words.under_way(point.name, known.n, max(0, MINIMUM_EVIDENCE - known.n))
    required = [picture.by_id[name].name for name in point.requires if name in picture.by_id]
    return words.opened(point.name, required) if required else words.start(point.name)
