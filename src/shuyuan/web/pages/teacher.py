"""The teacher's Today: who needs me, on what evidence, and what to do about it."""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.learning.assessment.interface import Assignment
from shuyuan.learning.courses.interface import Point, Text
from shuyuan.learning.insight.interface import ClassToday, Need
from shuyuan.learning.people.interface import Learner
from shuyuan.web import checklist
from shuyuan.web import needs as web_needs
from shuyuan.web.answers import Line, Lines
from shuyuan.web.pages import student
from shuyuan.web.reading import Reader

ASSIGNMENTS_SHOWN = 4


@dataclass(frozen=True)
class Stuck:
    """One row of "why they are stuck": the pupil and the newest answer that says so."""

    learner: Learner
    right: int
    answers: int
    line: Line | None
    other_slip: bool


@dataclass(frozen=True)
class Mark:
    """One square of the strip."""

    x: int
    kind: str


@dataclass(frozen=True)
class Set:
    """An assignment in a short list."""

    name: Text
    assignment: Assignment


def router(needs: web_needs.Needs) -> APIRouter:
    """`/teach/today`, and a pupil's Today as the teacher sees it."""
    api = APIRouter(include_in_schema=False)
    today_of = student.Today(needs)

    @api.get("/teach/today")
    def today(request: Request, reader: Reader) -> Response:
        place = needs.shell.place(request, reader)
        values: dict[str, object] = {"found": None}
        if place.class_ is not None and place.course is not None:
            found = needs.insight.today(reader, place.class_.id, place.course.id)
            needs.people.record_views(reader, [one.learner.id for one in found.stuck if one.evidence])
            values = _values(needs, reader, found)
        values |= {"concerns": needs.tutor.concerns(reader), "responsible": checklist.responsible(needs, reader)}
        return needs.shell.show(request, "teach/today.html", values, principal=reader, here="today", place=place)

    @api.get("/teach/learners/{learner_id}/today")
    def as_student(request: Request, reader: Reader, learner_id: str) -> Response:
        learner = needs.people.learner(reader, learner_id)
        needs.people.record_view(reader, learner_id)
        values = today_of.values(reader, learner, watched=True)
        return needs.shell.show(request, "learn/today.html", values, principal=reader, here="today")

    return api


def points_of(needs: web_needs.Needs, reader: Principal, course_id: str) -> dict[str, Point]:
    """Point id → point, in teaching order."""
    return {point.id: point for point in needs.courses.graph(reader.school_id, course_id).points}


def assignments_of(needs: web_needs.Needs, reader: Principal, class_id: str) -> list[Set]:
    """What was set for a class, newest first, with the name of its topic."""
    names: dict[str, dict[str, Point]] = {}
    found = []
    given = needs.assessment.assignments(reader, class_id=class_id)
    for one in sorted(given, key=lambda it: it.created_at, reverse=True):
        if one.course_id not in names:
            names[one.course_id] = _points_or_none(needs, reader, one.course_id)
        point = names[one.course_id].get(one.point_id)
        found.append(Set(point.name if point else Text(zh=one.point_id), one))
    return found


def _values(needs: web_needs.Needs, reader: Principal, found: ClassToday) -> dict[str, object]:
    lines = Lines(needs.courses, reader)
    point = points_of(needs, reader, found.course_id).get(found.point_id or "")
    return {
        "found": found,
        "point": point,
        "marks": _marks(found),
        "strip_width": 22 * found.size,
        "stuck": [_stuck(lines, need, found.shared_misconception) for need in found.stuck],
        "shared": lines.slip(found.course_id, found.shared_misconception),
        "sets": [one for one in assignments_of(needs, reader, found.class_id) if one.assignment.undone_at is None][
            :ASSIGNMENTS_SHOWN
        ],
        "first_point": next(iter(points_of(needs, reader, found.course_id)), ""),
    }


def _stuck(lines: Lines, need: Need, shared: str | None) -> Stuck:
    telling = next((one for one in need.evidence if shared and one.misconception == shared), None)
    chosen = telling or (need.evidence[0] if need.evidence else None)
    other = shared is not None and need.misconception != shared
    return Stuck(need.learner, need.right, need.answers, lines.line(chosen) if chosen else None, other)


def _marks(found: ClassToday) -> list[Mark]:
    few = len(found.too_little_evidence)
    kinds = ["stuck"] * len(found.stuck) + ["m2"] * max(0, found.size - len(found.stuck) - few) + ["few"] * few
    return [Mark(22 * index + 1, kind) for index, kind in enumerate(kinds)]


def _points_or_none(needs: web_needs.Needs, reader: Principal, course_id: str) -> dict[str, Point]:
    try:
        return points_of(needs, reader, course_id)
    except errors.NotFound:
        return {}
