"""HTTP of courses: list, read, import. Questions are asked through attempts, never from here."""

from typing import Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.learning.courses import files, interface

MAX_UPLOAD_CHARACTERS = 2_000_000


class CourseBody(BaseModel):
    """A course folder as relative path → text: course.yaml, items/*.yaml, lessons/*.md."""

    files: dict[str, str] = Field(min_length=1, max_length=files.MAX_FILES)


def router(courses: interface.Courses) -> APIRouter:
    """The routes, bound to the service."""
    api = APIRouter(tags=["courses"])

    @api.get("/api/courses")
    def list_courses(principal: Principal = Depends(caller)) -> list[interface.CourseSummary]:
        """The courses of the caller's school."""
        return list(courses.courses(principal.school_id))

    @api.get("/api/courses/{course_id}")
    def read_course(course_id: str, principal: Principal = Depends(caller)) -> interface.Course:
        """A course with its units, lessons, passages and points."""
        return courses.course(principal.school_id, course_id)

    @api.get("/api/lessons/{lesson_id}")
    def read_lesson(lesson_id: str, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """A lesson in the caller's language, passages as sanitised HTML."""
        return _lesson(courses.lesson(principal.school_id, lesson_id), principal.language)

    @api.post("/api/courses")
    def load_course(body: CourseBody, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """Import a course folder; every fault is named with its file and its fix."""
        size = sum(len(text) for text in body.files.values())
        if size > MAX_UPLOAD_CHARACTERS:
            raise errors.TooLarge(
                f"the files hold {size} characters",
                fix=f"send at most {MAX_UPLOAD_CHARACTERS}, or import on the server",
            )
        content = interface.read_files(body.files)
        changed = courses.load(principal.school_id, content, by=principal.account_id)
        return {
            "id": content.course.id,
            "version": content.course.version,
            "items": len(content.items),
            "changed": changed,
        }

    return api


def _lesson(lesson: interface.Lesson, language: interface.Language) -> dict[str, Any]:
    return {
        "id": lesson.id,
        "title": lesson.title.of(language),
        "minutes": lesson.minutes,
        "points": lesson.points,
        "passages": [
            {
                "id": passage.id,
                "title_html": interface.inline(passage.title.of(language)),
                "html": interface.html(passage.text.of(language)),
            }
            for passage in lesson.passages
        ],
    }
