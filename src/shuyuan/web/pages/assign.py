"""Set practice: who does what by when? Preview first, then send, then undo if it was a mistake."""

from datetime import date, datetime, time
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.learning.people.interface import Learner
from shuyuan.web import needs as web_needs
from shuyuan.web import shell
from shuyuan.web.answers import Lines
from shuyuan.web.pages import teacher
from shuyuan.web.reading import Reader

COUNT, MOST = 6, 20
SEE_OTHER = 303


def router(needs: web_needs.Needs) -> APIRouter:
    """`/teach/assign…`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/teach/assign")
    def assign(
        request: Request,
        reader: Reader,
        learner: Annotated[list[str], Query(default_factory=list)],
        point_id: str = "",
        count: int = COUNT,
        due: str = "",
        sent: str = "",
        change: bool = False,
    ) -> Response:
        place = needs.shell.place(request, reader)
        values = form_values(needs, reader, place, point_id, learner) | {
            "count": min(max(count, 1), MOST),
            "due": due,
            "sent": _sent(needs, reader, place, sent),
        }
        if point_id and learner and not change and place.class_ is not None:
            values |= preview_values(needs, reader, place, point_id, learner, count)
        return needs.shell.show(request, "teach/assign.html", values, principal=reader, here="assign", place=place)

    @api.post("/teach/assign")
    def send(
        request: Request,
        reader: Reader,
        point_id: Annotated[str, Form()],
        learner: Annotated[list[str], Form()],
        count: Annotated[int, Form()] = COUNT,
        due: Annotated[str, Form()] = "",
    ) -> Response:
        place = needs.shell.place(request, reader)
        made = needs.assessment.assign(
            reader,
            class_id=_class_id(place),
            learner_ids=learner,
            course_id=point_id.partition(".")[0],
            point_id=point_id,
            count=count,
            due_at=_end_of(due),
        )
        return RedirectResponse(f"/teach/assign?sent={made.id}", SEE_OTHER)

    @api.post("/teach/assign/{assignment_id}/undo")
    def undo(reader: Reader, assignment_id: str) -> Response:
        needs.assessment.undo(reader, assignment_id)
        return RedirectResponse(f"/teach/assign?sent={assignment_id}", SEE_OTHER)

    return api


def form_values(
    needs: web_needs.Needs, reader: Principal, place: shell.Place, point_id: str, chosen: list[str]
) -> dict[str, object]:
    """Topics and pupils to choose from, and what was set before."""
    learners = needs.people.learners(reader, place.class_.id) if place.class_ else []
    points = teacher.points_of(needs, reader, place.course.id) if place.course else {}
    if point_id and point_id not in points:
        raise errors.NotFound(f"no topic {point_id} in this course", fix="choose one of the list")
    return {
        "learners": sorted(learners, key=lambda one: one.number),
        "points": points,
        "point": points.get(point_id),
        "chosen": set(chosen),
        "sets": teacher.assignments_of(needs, reader, place.class_.id) if place.class_ else [],
        "previews": None,
    }


def preview_values(
    needs: web_needs.Needs, reader: Principal, place: shell.Place, point_id: str, chosen: list[str], count: int
) -> dict[str, object]:
    """What each one would get; the first one's questions as a sample."""
    previews = needs.assessment.preview(
        reader,
        class_id=_class_id(place),
        learner_ids=chosen,
        course_id=point_id.partition(".")[0],
        point_id=point_id,
        count=min(max(count, 1), MOST),
    )
    names: dict[str, Learner] = {one.id: one for one in needs.people.learners(reader, _class_id(place))}
    lines = Lines(needs.courses, reader)
    sample = [lines.question(item, 1) for item in previews[0].item_ids] if previews else []
    return {
        "previews": [(names[one.learner_id], one) for one in previews],
        "sample": [question for question in sample if question is not None],
    }


def _sent(needs: web_needs.Needs, reader: Principal, place: shell.Place, sent: str) -> teacher.Set | None:
    if not sent or place.class_ is None:
        return None
    found = teacher.assignments_of(needs, reader, place.class_.id)
    return next((one for one in found if one.assignment.id == sent), None)


def _class_id(place: shell.Place) -> str:
    if place.class_ is None:
        raise errors.NotFound("you have no class", fix="ask your administrator to add you to one")
    return place.class_.id


def _end_of(due: str) -> datetime | None:
    """The end of that day on this machine's clock."""
    if not due:
        return None
    try:
        return datetime.combine(date.fromisoformat(due), time(23, 59)).astimezone()
    except ValueError as wrong:
        raise errors.BadInput(f"due is {due!r}", fix="write it as 2026-11-27") from wrong
