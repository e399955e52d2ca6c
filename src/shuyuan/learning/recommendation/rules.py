"""The rules: from what is known of a learner in a course to plans, most urgent first. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain

from shuyuan.learning.courses.interface import Course, Lesson, Point
from shuyuan.learning.recommendation import runs, words
from shuyuan.learning.recommendation.interface import ActivityKind, Mistake
from shuyuan.learning.records.interface import Response
from shuyuan.learning.tracing.interface import MINIMUM_EVIDENCE, Mastery

LOOKED_AT = 10  # newest answers on a point
REDONE_AT_A_TIME = 5  # mistakes
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

    @property
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
    """Everything that could be done in a course, one plan a point; made only as far as it is asked for."""
    seen: set[str] = set()
    soon, later = _redo(picture)
    for plan in chain(_stuck(picture), soon, _review(picture), _new(picture), later, _weakest(picture)):
        if plan.kind in ("lesson", "mistakes") or plan.point_id not in seen:
            seen.add(plan.point_id or "")
            yield plan


def _stuck(picture: Picture) -> Iterator[Plan]:
    for point in picture.points:
        if picture.mastery[point.id].stuck and not picture.firm(point.id):
            root = _root(picture, point)
            if _rests(picture, root.id):
                continue
            reason = _evidence(picture, point) if root is point else words.foundation(root.name, point.name)
            leads_to = _opens(picture, point) if root is point else point.id
            yield _practice(picture, 1, root, reason, leads_to)


def _redo(picture: Picture) -> tuple[Iterator[Plan], Iterator[Plan]]:
    """Before what is new: mistakes on what is firm by now. After it: the others, whose point is practised anyway."""
    due = [one for one in picture.mistakes if one.due]
    firm = [one for one in due if picture.firm(one.point_id)]
    return _mistakes(picture, 2, firm), _mistakes(picture, 5, [] if firm else due)


def _mistakes(picture: Picture, urgency: int, due: Sequence[Mistake]) -> Iterator[Plan]:
    if due:
        items = tuple(one.item_id for one in due[:REDONE_AT_A_TIME])
        yield Plan(urgency, "mistakes", picture.course.id, words.REDO, words.redo(len(due)), item_ids=items)


def _review(picture: Picture) -> Iterator[Plan]:
    """What is firm and fading; what is not firm is practised."""
    due = [one for one in picture.mastery.values() if one.due and one.last_at and picture.firm(one.point_id)]
    for mastery in sorted(due, key=lambda one: one.last_at or picture.now):
        point = picture.by_id[mastery.point_id]
        days = (picture.now - (mastery.last_at or picture.now)).days
        yield Plan(
            3,
            "review",
            picture.course.id,
            words.review_of(point.name),
            words.forgetting(point.name, days, mastery.wins),
            point.id,
        )


def _new(picture: Picture) -> Iterator[Plan]:
    """What is under way, then what has not begun, prerequisites first; and the lesson of the first of those."""
    ready = [point for point in picture.points if _is_ready(picture, point)]
    for point in sorted(ready, key=lambda one: picture.mastery[one.id].n == 0):
        yield _practice(picture, 4, point, _why_new(picture, point), _opens(picture, point))
    fresh = [point for point in ready if picture.mastery[point.id].n == 0]
    for point in fresh[:1]:
        for lesson in picture.course.lessons:
            if point.id in lesson.points:
                yield Plan(
                    5,
                    "lesson",
                    picture.course.id,
                    words.read(lesson.title),
                    words.first_read(point.name),
                    point.id,
                    lesson,
                )


def _weakest(picture: Picture) -> Iterator[Plan]:
    """When nothing else is left: the shakiest run first, of equals the one seen longest ago."""

    def shaky(one: Point) -> tuple[float, datetime]:
        return picture.runs.get(one.id, runs.UNTRIED), picture.mastery[one.id].last_at or _LONG_AGO

    for point in sorted(picture.points, key=shaky):
        yield _practice(picture, 6, point, words.consolidate(point.name), _opens(picture, point))


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
    known = picture.mastery[point.id]
    required = [name for name in point.requires if name in picture.mastery]
    met = all(picture.firm(name) or _rests(picture, name) for name in required)
    return not picture.firm(point.id) and not known.stuck and not _rests(picture, point.id) and met


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
