"""Privacy: who agreed to what, and how is somebody forgotten? Consent by class, and erasure, twice confirmed."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from shuyuan.identity.interface import Principal
from shuyuan.learning.people.interface import Class, Learner, Purpose
from shuyuan.web.needs import OfficeNeeds
from shuyuan.web.reading import Reader

SEE_OTHER = 303
ASKED: tuple[Purpose, ...] = ("improvement", "research")  # "learning" is what the school is there for
NOTICES = ("consent_set", "erased")


def router(needs: OfficeNeeds) -> APIRouter:
    """`/admin/privacy…`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/admin/privacy")
    def privacy(request: Request, reader: Reader, class_id: str = "", notice: str = "") -> Response:
        classes = needs.people.classes(reader)
        chosen = next((one for one in classes if one.id == class_id), classes[0] if classes else None)
        learners = needs.people.learners(reader, chosen.id) if chosen else []
        return needs.shell.show(
            request,
            "admin/privacy.html",
            principal=reader,
            here="privacy",
            classes=classes,
            chosen=chosen,
            learners=learners,
            asked=ASKED,
            notice=notice if notice in NOTICES else "",
            trouble=None,
            pupils=sum(one.size for one in classes),
            agreed=len(needs.people.consented(reader.school_id, ASKED[0])),
        )

    @api.post("/admin/privacy/erase/{learner_id}")
    def erase(
        request: Request,
        reader: Reader,
        learner_id: str,
        number: Annotated[str, Form()] = "",
    ) -> Response:
        learner = needs.people.learner(reader, learner_id)
        if number.strip() != learner.number:
            return _ask(needs, request, reader, learner, wrong=True)
        needs.people.erase(reader, learner.id)
        return RedirectResponse(f"/admin/privacy?class_id={learner.class_id}&notice=erased", SEE_OTHER)

    @api.get("/admin/privacy/erase/{learner_id}")
    def ask(request: Request, reader: Reader, learner_id: str) -> Response:
        return _ask(needs, request, reader, needs.people.learner(reader, learner_id), wrong=False)

    @api.post("/admin/privacy/{class_id}")
    def consent(
        reader: Reader,
        class_id: str,
        agreed: Annotated[list[str] | None, Form()] = None,
    ) -> Response:
        class_ = needs.people.class_(reader, class_id)
        _set_consent(needs, reader, class_, set(agreed or ()))
        return RedirectResponse(f"/admin/privacy?class_id={class_id}&notice=consent_set", SEE_OTHER)

    return api


def _set_consent(needs: OfficeNeeds, reader: Principal, class_: Class, agreed: set[str]) -> None:
    """agreed: "learner_id~purpose" of every ticked box. Only what changed is written."""
    for learner in needs.people.learners(reader, class_.id):
        kept = learner.consent - set(ASKED)
        ticked = frozenset(purpose for purpose in ASKED if f"{learner.id}~{purpose}" in agreed)
        if kept | ticked != learner.consent:
            needs.people.set_consent(reader, learner.id, kept | ticked)


def _ask(needs: OfficeNeeds, request: Request, reader: Principal, learner: Learner, *, wrong: bool) -> Response:
    return needs.shell.show(
        request,
        "admin/erase.html",
        principal=reader,
        here="privacy",
        learner=learner,
        wrong=wrong,
        status=400 if wrong else 200,
    )
