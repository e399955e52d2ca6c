"""Who needs help, and why? The early warning of the week to come, every reason with the answers behind it, and the
common mistakes of the class."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.learning.courses.interface import Misconception, Text
from shuyuan.learning.insight.interface import LINE_FEWEST, LINE_MARGIN, Because, ClassMistake, Help, Reason
from shuyuan.learning.people.interface import Learner
from shuyuan.web import filters
from shuyuan.web import needs as web_needs
from shuyuan.web.answers import Line, Lines
from shuyuan.web.reading import Reader

MISTAKES_SHOWN, SEE_OTHER = 8, 303
_SHARES, _POINTS = ("right", "level", "hints", "unfinished"), ("trend",)


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
    """`/teach/help`, `/teach/help/dismiss`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/teach/help")
    def help_(request: Request, reader: Reader, notice: str = "") -> Response:
        place = needs.shell.place(request, reader)
        values: dict[str, object] = {"pupils": [], "mistakes": [], "course": None, "dismissed": notice == "dismissed"}
        if place.class_ is not None and place.course is not None:
            values |= _values(needs, reader, place.class_.id, place.course.id)
        return needs.shell.show(request, "teach/help.html", values, principal=reader, here="today", place=place)

    @api.post("/teach/help/dismiss")
    def dismiss(request: Request, reader: Reader, learner: Annotated[str, Form(max_length=40)]) -> Response:
        place = needs.shell.place(request, reader)
        if place.class_ is None or place.course is None:
            raise errors.NotFound("no class and course are chosen", fix="choose a class above")
        needs.warnings.dismiss(reader, place.class_.id, place.course.id, learner)
        return RedirectResponse("/teach/help?notice=dismissed", SEE_OTHER)

    return api


def _values(needs: web_needs.Needs, reader: Principal, class_id: str, course_id: str) -> dict[str, object]:
    course = needs.courses.course(reader.school_id, course_id)
    topics = {one.id: one.name for one in course.points}
    slips = {one.id: one for one in course.misconceptions}
    lines = Lines(needs.courses, reader)
    found = needs.insight.help(reader, class_id, course_id)
    made = needs.insight.mistakes(reader, class_id, course_id)[:MISTAKES_SHOWN]
    risks = needs.warnings.of_class(reader, class_id, course_id)
    shown = [one.learner.id for one in found if any(why.evidence for why in one.reasons)]
    shown += [one.learner.id for one in risks.warned]
    needs.people.record_views(reader, shown + [row.learner_id for one in made for row in one.examples])
    return {
        "course": course,
        "risks": risks,
        "numbers": numbers,
        "line": {"few": LINE_FEWEST, "margin": round(100 * LINE_MARGIN)},
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


def numbers(why: Because) -> dict[str, str]:
    """`mine` and `usual` of a fact as a person reads them: shares in percent, the rest as whole numbers."""
    return {"mine": _number(why.fact, why.mine), "usual": _number(why.fact, why.usual)}


def _number(fact: str, value: float) -> str:
    if fact in _SHARES:
        return filters.percent(value)
    return f"{100 * value:+.0f}" if fact in _POINTS else f"{value:.0f}"
