"""Signs of harm: the chat one stands in, and the mark that it was seen. The lists are on Setup and Today."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from shuyuan.web import nav
from shuyuan.web import needs as web_needs
from shuyuan.web.reading import Reader

SEE_OTHER = 303


def router(needs: web_needs.Needs) -> APIRouter:
    """`/care/{concern_id}`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/care/{concern_id}")
    def chat(request: Request, reader: Reader, concern_id: str) -> Response:
        concern, turns = needs.tutor.concern_chat(reader, concern_id)
        here = nav.NAV[reader.role][0].name
        values = {"concern": concern, "turns": list(reversed(turns))}
        return needs.shell.show(request, "care/chat.html", values, principal=reader, here=here)

    @api.post("/care/{concern_id}/seen")
    def seen(reader: Reader, concern_id: str) -> Response:
        needs.tutor.see_concern(reader, concern_id)
        return RedirectResponse(nav.home(reader.role), SEE_OTHER)

    return api
