"""One pupil for the teacher: why, and on what evidence?"""

from collections import Counter
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from shuyuan.identity.interface import Principal
from shuyuan.learning.courses.interface import Course, Text
from shuyuan.learning.records.interface import Response as Answer
from shuyuan.web import needs as web_needs
from shuyuan.web import progress
from shuyuan.web.answers import Lines
from shuyuan.web.pages import course as course_pages
from shuyuan.web.reading import Reader

ANSWERS_SHOWN = 20
SLIPS_SHOWN = 3
TURNS_SHOWN = 12


@dataclass(frozen=True)
class Slip:
    """A common mistake that came back, and what may help."""

    name: Text
    advice: Text
    times: int


def router(needs: web_needs.Needs) -> APIRouter:
    """`/teach/learners/{learner_id}`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/teach/learners/{learner_id}")
    def learner(request: Request, reader: Reader, learner_id: str, point: str = "") -> Response:
        who = needs.people.learner(reader, learner_id)
        place = needs.shell.place(request, reader)
        values: dict[str, object] = {
            "learner": who,
            "course": None,
            "focus": None,
            "turns": needs.tutor.transcript(reader, learner_id, limit=TURNS_SHOWN),
        }
        if place.course is not None:
            full = needs.courses.course(reader.school_id, place.course.id)
            values |= _values(needs, reader, learner_id, full, point)
        return needs.shell.show(request, "teach/learner.html", values, principal=reader, here="class", place=place)

    return api


def _values(needs: web_needs.Needs, reader: Principal, learner_id: str, full: Course, point: str) -> dict[str, object]:
    mastery = course_pages.mastery_of(needs, reader, learner_id, full)
    sections = progress.map_sections(full, mastery)
    topics = {topic.id: topic for section in sections for topic in section.points}
    judged = [topic for topic in topics.values() if topic.mastery.level is not None]
    weakest = min(judged, key=lambda one: one.mastery.p, default=None)
    focus = topics.get(point)
    answered = needs.records.of_learner(
        reader, learner_id, point_id=focus.id if focus else None, limit=ANSWERS_SHOWN if focus else 200
    )
    here = [one for one in answered if one.item_id.partition(".")[0] == full.id]
    return {
        "course": full,
        "sections": sections,
        "focus": focus,
        "weakest": weakest if weakest and weakest.mastery.level in (1, 2) else None,
        "done": progress.confident(mastery.values()),
        "total": len(topics),
        "judged": len(judged),
        "lines": Lines(needs.courses, reader).of(here[:ANSWERS_SHOWN]),
        "slips": _slips(here, full),
    }


def _slips(answered: list[Answer], full: Course) -> list[Slip]:
    names = {one.id: one for one in full.misconceptions}
    counted = Counter(one.misconception for one in answered if one.misconception in names and not one.correct)
    most = [(names[str(one)], times) for one, times in counted.most_common(SLIPS_SHOWN)]
    return [Slip(one.name, one.advice, times) for one, times in most]
