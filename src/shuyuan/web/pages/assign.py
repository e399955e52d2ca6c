"""Set practice: who does what by when? Preview first, then send, then undo if it was a mistake."""

from dataclasses import replace
from datetime import date, datetime, time, tzinfo
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.web import handout
from shuyuan.web import needs as web_needs
from shuyuan.web.pages import teacher
from shuyuan.web.reading import Reader

COUNT = 6
DUE = ("due_past", "due_unread")  # codes of what may be wrong with the date
SEE_OTHER = 303


def router(needs: web_needs.Needs) -> APIRouter:
    """`/teach/assign…`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/teach/assign")
    def assign(request: Request, reader: Reader, wish: handout.Looked, due: str = "", sent: str = "") -> Response:
        return _page(needs, request, reader, wish, due=due, sent=sent)

    @api.post("/teach/assign")
    def send(request: Request, reader: Reader, wish: handout.Sent, due: Annotated[str, Form()] = "") -> Response:
        if not wish.learner_ids:
            return _page(needs, request, reader, wish, due=due, status=400)
        try:
            made = needs.assessment.assign(
                reader,
                class_id=handout.class_id(needs.shell.place(request, reader)),
                learner_ids=wish.learner_ids,
                course_id=wish.course_id,
                point_id=wish.point_id,
                count=wish.questions(COUNT),
                due_at=_end_of(due, needs.shell.zone),
            )
        except errors.BadInput as trouble:
            if trouble.error_code not in DUE:
                raise
            asked = replace(wish, pressed=False)  # back to the form, as it was filled in
            return _page(needs, request, reader, asked, due=due, trouble=trouble.error_code, status=400)
        return RedirectResponse(f"/teach/assign?sent={made.id}", SEE_OTHER)

    @api.post("/teach/assign/{assignment_id}/undo")
    def undo(reader: Reader, assignment_id: str) -> Response:
        needs.assessment.undo(reader, assignment_id)
        return RedirectResponse(f"/teach/assign?sent={assignment_id}", SEE_OTHER)

    return api


def _page(
    needs: web_needs.Needs,
    request: Request,
    reader: Principal,
    wish: handout.Wish,
    *,
    due: str,
    sent: str = "",
    trouble: str = "",
    status: int = 200,
) -> Response:
    place = needs.shell.place(request, reader)
    sets = teacher.assignments_of(needs, reader, place.class_.id) if place.class_ else []
    values = handout.values(needs, reader, place, wish, COUNT) | {
        "sets": sets,
        "due": due,
        "trouble": trouble,
        "sent": next((one for one in sets if one.assignment.id == sent), None),
    }
    return needs.shell.show(
        request, "teach/assign.html", values, principal=reader, here="assign", place=place, status=status
    )


def _end_of(due: str, zone: tzinfo) -> datetime | None:
    """The end of that day where the school is."""
    if not due:
        return None
    try:
        return datetime.combine(date.fromisoformat(due), time(23, 59), zone)
    except ValueError as wrong:
        raise errors.BadInput(f"due is {due[:40]!r}", fix="write it as 2026-11-27", code="due_unread") from wrong
