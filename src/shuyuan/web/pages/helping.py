"""Who needs help, and why? Every reason with the answers behind it; and the common mistakes of the class."""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from shuyuan.identity.interface import Principal
from shuyuan.learning.courses.interface import Misconception, Text
from shuyuan.learning.insight.interface import ClassMistake, Help, Reason
from shuyuan.learning.people.interface import Learner
from shuyuan.web import needs as web_needs
from shuyuan.web.answers import Line, Lines
from shuyuan.web.reading import Reader

MISTAKES_SHOWN = 8


@dataclass(frozen=True)
class Why:
    """One reason as it is said."""

    reason: Reason
    topic: Text | None
    slip: str
    lines: list[Line]


@dataclass(frozen=True)
class Pupil:
    learner: Learner
    whys: list[Why]
    point_id: str | None  # what to practise: of the first reason that names a topic


@dataclass(frozen=True)
class Mistake:
    """A common mistake with an example each of different pupils."""

    found: ClassMistake
    told: Misconception | None
    topic: Text | None
    examples: list[tuple[Learner, Line]]


def router(needs: web_needs.Needs) -> APIRouter:
    """`/teach/help`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/teach/help")
    def help_(request: Request, reader: Reader) -> Response:
        place = needs.shell.place(request, reader)
        values: dict[str, object] = {"pupils": [], "mistakes": [], "course": None}
        if place.class_ is not None and place.course is not None:
            values = _values(needs, reader, place.class_.id, place.course.id)
        return needs.shell.show(request, "teach/help.html", values, principal=reader, here="today", place=place)

    return api


def _values(needs: web_needs.Needs, reader: Principal, class_id: str, course_id: str) -> dict[str, object]:
    course = needs.courses.course(reader.school_id, course_id)
    topics = {one.id: one.name for one in course.points}
    slips = {one.id: one for one in course.misconceptions}
    lines = Lines(needs.courses, reader)
    found = needs.insight.help(reader, class_id, course_id)
    made = needs.insight.mistakes(reader, class_id, course_id)[:MISTAKES_SHOWN]
    shown = [one.learner.id for one in found if any(why.evidence for why in one.reasons)]
    needs.people.record_views(reader, shown + [row.learner_id for one in made for row in one.examples])
    return {
        "course": course,
        "pupils": [_pupil(one, topics, lines) for one in found],
        "mistakes": [
            Mistake(one, slips.get(one.misconception), topics.get(one.point_id), _examples(one, lines)) for one in made
        ],
    }


def _pupil(one: Help, topics: dict[str, Text], lines: Lines) -> Pupil:
    whys = [
        Why(
            why,
            topics.get(why.point_id or ""),
            lines.slip(why.point_id or "", why.misconception),
            lines.of(why.evidence),
        )
        for why in one.reasons
    ]
    return Pupil(one.learner, whys, next((why.point_id for why in one.reasons if why.point_id in topics), None))


def _examples(one: ClassMistake, lines: Lines) -> list[tuple[Learner, Line]]:
    who = {learner.id: learner for learner in one.learners}
    return [(who[row.learner_id], lines.line(row)) for row in one.examples]
