"""The verbs of courses: list, read, ask, grade, load. Reads come from memory, one write unit per load."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors
from shuyuan.learning.courses import interface, shelf, store
from shuyuan.learning.courses.grading import grader

CACHED_QUESTIONS = 4096


class CoursesService:
    """Implements `interface.Courses`. Holds the grader child; `close` ends it."""

    def __init__(self, db: kernel_db.Database, audit: kernel_audit.Audit) -> None:
        self._db, self._audit = db, audit
        self._shelves = shelf.Shelves(db)
        self._grader = grader.Grader()
        self._questions = lru_cache(maxsize=CACHED_QUESTIONS)(_question)

    def courses(self, school_id: str) -> tuple[interface.CourseSummary, ...]:
        places = [self._shelves.of(school_id, course_id) for course_id in self._shelves.ids(school_id)]
        return tuple(_summary(place.course, place.items) for place in places)

    def course(self, school_id: str, course_id: str) -> interface.Course:
        return self._shelves.of(school_id, _course_id(course_id)).course

    def lesson(self, school_id: str, lesson_id: str) -> interface.Lesson:
        lessons = self._shelves.of(school_id, lesson_id).course.lessons
        found = next((lesson for lesson in lessons if lesson.id == lesson_id), None)
        if found is None:
            raise interface.CourseNotFound(f'there is no lesson "{lesson_id[:160]}"', fix="look at the course")
        return found

    def graph(self, school_id: str, course_id: str) -> interface.PointGraph:
        return self._shelves.of(school_id, _course_id(course_id)).graph

    def items_of_point(self, school_id: str, point_id: str) -> tuple[str, ...]:
        return self._shelves.of(school_id, point_id).by_point.get(point_id, ())

    def item(self, school_id: str, item_id: str) -> interface.Item:
        return self._shelves.of(school_id, item_id).item(item_id)

    def question(self, school_id: str, item_id: str, seed: int, language: interface.Language) -> interface.Question:
        place = self._shelves.of(school_id, item_id)
        return self._questions(grader.Handle(place.item(item_id), place.keys[item_id]), seed, language)

    def grade(self, school_id: str, item_id: str, seed: int, answer: interface.Answer) -> interface.Verdict:
        place = self._shelves.of(school_id, item_id)
        return self._grader.grade(place.item(item_id), seed, answer, place.keys[item_id])

    def wrong_answers(self, school_id: str, item_id: str, seed: int) -> Sequence[tuple[str, str]]:
        return grader.wrong_answers(self.item(school_id, item_id), seed)

    def load(self, school_id: str, content: interface.Content, *, by: str) -> bool:
        wanted = store.content_hash(content)

        def unit(uow: kernel_db.UnitOfWork) -> bool:
            row = store.course(uow.conn, school_id, content.course.id)
            if row is not None and row["content_hash"] == wanted:
                return False
            if row is not None and row["version"] > content.course.version:
                raise errors.Conflict(
                    f"version {content.course.version} of {content.course.id} is older than {row['version']}",
                    fix=f"write version: {row['version'] + 1} in course.yaml",
                )
            store.save(uow.conn, school_id, content, by=by, at=uow.now)
            self._audit.record(
                uow,
                school_id=school_id,
                actor_id=by,
                action="course.loaded",
                object_id=content.course.id,
                version=content.course.version,
                items=len(content.items),
            )
            uow.after_commit(lambda: self._shelves.forget(school_id))
            return True

        return self._db.write(unit)

    def close(self) -> None:
        self._grader.close()


def _question(ask: grader.Handle, seed: int, language: interface.Language) -> interface.Question:
    return grader.question(ask.item, seed, language)


def _summary(course: interface.Course, items: int) -> interface.CourseSummary:
    return interface.CourseSummary(
        id=course.id,
        version=course.version,
        title=course.title,
        summary=course.summary,
        subject=course.subject,
        age_from=course.age_from,
        lessons=len(course.lessons),
        points=len(course.points),
        items=items,
    )


def _course_id(course_id: str) -> str:
    if "." in course_id:
        raise interface.CourseNotFound(f'"{course_id[:80]}" is no course', fix="a course id has no dot")
    return course_id
