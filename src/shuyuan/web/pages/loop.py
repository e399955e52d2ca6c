"""The loop: where does the tracer come from? Data set → run → report → release check → version → served → learners."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.learning.improvement.interface import (
    MINIMUM_ANSWERS,
    MINIMUM_LEARNERS,
    WATCH_ANSWERS,
    WATCH_LEARNERS,
    LoopStatus,
    NotEnoughAnswers,
    NothingNew,
    TracerVersion,
)
from shuyuan.learning.tracing.interface import BUILT_IN
from shuyuan.web.needs import OfficeNeeds
from shuyuan.web.reading import Reader

SEE_OTHER = 303
NOTICES = ("promoted", "refused", "tried", "chosen", "not_enough", "nothing_new", "alarm_seen")
OUTCOMES = {"refused": "refused", "canary": "tried"}  # what became of a turn, as the notice calls it
STOPPED = ("refused", "withdrawn")


@dataclass(frozen=True)
class Lineage:
    """What the picture shows. main: the version one looks at, or the one in use; branch: a refused one beside it."""

    main: TracerVersion | None
    branch: TracerVersion | None

    @property
    def subject(self) -> TracerVersion | None:
        """What the headline speaks of."""
        return self.main or self.branch


def router(needs: OfficeNeeds) -> APIRouter:
    """`/loop…`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/loop")
    def page(request: Request, reader: Reader, version: str = "", notice: str = "") -> Response:
        return _page(needs, request, reader, version, notice if notice in NOTICES else "", None)

    @api.post("/loop/turn")
    def turn(reader: Reader) -> Response:
        try:
            turned = needs.improvement.turn(reader.school_id, by=reader.account_id)
        except NotEnoughAnswers:
            return RedirectResponse("/loop?notice=not_enough", SEE_OTHER)
        except NothingNew:
            return RedirectResponse("/loop?notice=nothing_new", SEE_OTHER)
        outcome = OUTCOMES.get(turned.state, "promoted")
        return RedirectResponse(f"/loop?version={turned.id}&notice={outcome}", SEE_OTHER)

    @api.post("/loop/versions/{version_id}/use")
    def use(request: Request, reader: Reader, version_id: str, reason: Annotated[str, Form()] = "") -> Response:
        try:
            chosen = needs.improvement.roll_back(reader, version_id, reason)
        except (errors.BadInput, errors.Conflict) as wrong:
            return _page(needs, request, reader, version_id, "", wrong)
        return RedirectResponse(f"/loop?version={chosen.id}&notice=chosen", SEE_OTHER)

    @api.post("/loop/alarms/{alarm_id}/seen")
    def seen(reader: Reader, alarm_id: str) -> Response:
        needs.improvement.watching.see(reader, alarm_id)
        return RedirectResponse("/loop?notice=alarm_seen", SEE_OTHER)

    return api


def lineage(versions: list[TracerVersion], wanted: str) -> Lineage:
    """versions: newest first.  wanted: the id one asked for, or "".

    A version that never served stands on the branch, beside the one in use; one that did stands on the main line,
    with the canary beside it, or else the last refusal. Where the built-in tracer serves again it is the last retired.
    """
    asked = next((one for one in versions if one.id == wanted), None)
    champion = next((one for one in versions if one.state == "champion"), None)
    beside = [one for one in versions if one.state == "canary"] + [one for one in versions if one.state in STOPPED]
    if asked is not None and asked in beside:
        return Lineage(champion, asked)
    last = next((one for one in versions if one.state == "retired"), None)
    return Lineage(asked or champion or last, beside[0] if beside else None)


def _page(
    needs: OfficeNeeds,
    request: Request,
    reader: Principal,
    wanted: str,
    notice: str,
    trouble: errors.ShuyuanError | None,
) -> Response:
    versions, status = needs.improvement.versions(reader), needs.improvement.status(reader)
    shown = lineage(versions, wanted)
    numbers = {one.version: one.number for one in versions}
    return needs.shell.show(
        request,
        "loop/loop.html",
        principal=reader,
        here="loop",
        versions=versions,
        loop_status=status,
        main=shown.main,
        branch=shown.branch,
        subject=shown.subject,
        trial=next((one for one in versions if one.state == "canary"), None),
        watch=needs.improvement.watching.last(reader),
        alarms=needs.improvement.watching.alarms(reader),
        watch_answers=WATCH_ANSWERS,
        watch_learners=WATCH_LEARNERS,
        notice=notice,
        trouble=trouble,
        may_turn=reader.role == "admin",
        minimum_answers=MINIMUM_ANSWERS,
        minimum_learners=MINIMUM_LEARNERS,
        status=trouble.status if trouble else 200,
        numbers=numbers,
        before=needs.improvement.served_before(reader),
        built_in=BUILT_IN,
        share=_share(status),
        pupils=_pupils(needs, reader),
    )


def _share(status: LoopStatus) -> float:
    return min(1.0, status.answers_since / status.turns_at) if status.turns_at else 0.0


def _pupils(needs: OfficeNeeds, reader: Principal) -> int | None:
    """How many learners the tracer serves; only who may see classes is told."""
    return sum(one.size for one in needs.people.classes(reader)) if reader.role == "admin" else None
