"""Personal papers: what do I print? A4 pages with an answer sheet, a QR code, and the mark scheme for the teacher."""

import io
from dataclasses import dataclass

import segno
from fastapi import APIRouter, Request, Response
from markupsafe import Markup, escape

from shuyuan.identity.interface import Principal
from shuyuan.learning.assessment.interface import Paper
from shuyuan.learning.courses.interface import Question
from shuyuan.learning.people.interface import Learner
from shuyuan.web import answers, handout
from shuyuan.web import needs as web_needs
from shuyuan.web.reading import Reader

COUNT = 8
QR_SIDES = 2


@dataclass(frozen=True)
class Sheet:
    """One pupil's paper, ready to be set on A4."""

    learner: Learner
    paper: Paper
    minutes: int
    qr: tuple[Markup, Markup]  # front, back


def router(needs: web_needs.Needs) -> APIRouter:
    """`/teach/papers`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/teach/papers")
    def choose(request: Request, reader: Reader, wish: handout.Looked) -> Response:
        return _page(needs, request, reader, wish)

    @api.post("/teach/papers")
    def make(request: Request, reader: Reader, wish: handout.Sent) -> Response:
        if not wish.learner_ids:
            return _page(needs, request, reader, wish, status=400)
        place = needs.shell.place(request, reader)
        made = needs.assessment.papers(
            reader,
            class_id=handout.class_id(place),
            learner_ids=wish.learner_ids,
            course_id=wish.course_id,
            point_id=wish.point_id,
            count=wish.questions(COUNT),
        )
        names = {one.id: one for one in needs.people.learners(reader, handout.class_id(place))}
        return needs.shell.show(
            request,
            "teach/print.html",
            principal=reader,
            here="papers",
            place=place,
            sheets=[_sheet(names[paper.learner_id], paper) for paper in made],
            school=needs.identity.school(reader.school_id),
            keys_of=keys_of,
        )

    return api


def keys_of(question: Question) -> Markup:
    """The right answer as a teacher reads it: letters for choices, the writing itself for the rest."""
    answer = question.key.answer
    if not question.choices:
        return answers.said(question, answer if isinstance(answer, str) else "; ".join(answer))
    order = {choice.id: "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[index] for index, choice in enumerate(question.choices)}
    chosen = [answer] if isinstance(answer, str) else list(answer)
    return escape(" ".join(sorted(order.get(one, one) for one in chosen)))


def _page(
    needs: web_needs.Needs, request: Request, reader: Principal, wish: handout.Wish, *, status: int = 200
) -> Response:
    place = needs.shell.place(request, reader)
    values = handout.values(needs, reader, place, wish, COUNT)
    return needs.shell.show(
        request, "teach/papers.html", values, principal=reader, here="papers", place=place, status=status
    )


def _sheet(learner: Learner, paper: Paper) -> Sheet:
    minutes = max(1, round(sum(question.minutes for question in paper.questions)))
    front, back = (qr(f"{paper.code}/{side}") for side in (1, QR_SIDES))
    return Sheet(learner, paper, minutes, (front, back))


def qr(text: str) -> Markup:
    """A QR code as an SVG without style attributes: what a scanner sees is a path."""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        out, kind="svg", xmldecl=False, svgns=False, border=2, omitsize=True, svgclass="qr-code", lineclass=None
    )
    return Markup(out.getvalue().decode())  # made by segno from a code of our own alphabet
