"""Topics with what a learner understands of them: the view that Course, Map, Today and the teacher's pages share."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shuyuan.learning.courses.interface import Course, Lesson, Point, Text
from shuyuan.learning.tracing.interface import Mastery
from shuyuan.web import charts

CONFIDENT = 4  # level from which a topic counts as known


@dataclass(frozen=True)
class Topic:
    """A knowledge point and its mastery."""

    id: str
    name: Text
    mastery: Mastery


@dataclass(frozen=True)
class LessonProgress:
    id: str
    title: Text
    minutes: int
    points: tuple[Topic, ...]

    @property
    def done(self) -> int:
        return confident(point.mastery for point in self.points)

    @property
    def share(self) -> float:
        return self.done / len(self.points) if self.points else 0.0


@dataclass(frozen=True)
class Section:
    """A unit, or a group of the map, with its topics."""

    title: Text
    points: tuple[Topic, ...]
    lessons: tuple[LessonProgress, ...] = ()

    @property
    def done(self) -> int:
        return confident(point.mastery for point in self.points)

    @property
    def total(self) -> int:
        return len(self.points)


def confident(masteries: Iterable[Mastery]) -> int:
    """How many are at level 4 or 5."""
    return sum(1 for one in masteries if (one.level or 0) >= CONFIDENT)


def map_sections(course: Course, mastery: Mapping[str, Mastery]) -> list[Section]:
    """The groups of the map with their topics."""
    return [Section(group.title, _topics(group.points, mastery)) for group in charts.groups(course)]


def units(course: Course, mastery: Mapping[str, Mastery]) -> list[Section]:
    """Units with their lessons and topics."""
    by_id = {point.id: point for point in course.points}
    found = []
    for unit in course.units:
        lessons = tuple(lesson_progress(lesson, by_id, mastery) for lesson in unit.lessons)
        found.append(Section(unit.title, tuple(p for lesson in lessons for p in lesson.points), lessons))
    return found


def lesson_progress(lesson: Lesson, by_id: Mapping[str, Point], mastery: Mapping[str, Mastery]) -> LessonProgress:
    """One lesson and its topics."""
    points = _topics((by_id[p] for p in lesson.points if p in by_id), mastery)
    return LessonProgress(lesson.id, lesson.title, lesson.minutes, points)


def lesson_of(course: Course, point_id: str) -> Lesson | None:
    """The first lesson that teaches a point."""
    return next((lesson for lesson in course.lessons if point_id in lesson.points), None)


def _topics(points: Iterable[Point], mastery: Mapping[str, Mastery]) -> tuple[Topic, ...]:
    return tuple(Topic(point.id, point.name, mastery[point.id]) for point in points)
