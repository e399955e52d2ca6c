"""The loop: where does the tracer come from? Data set → run → report → release check → version → served → learners."""

import functools
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.kernel.errands import Errand
from shuyuan.learning.improvement.interface import (
    MINIMUM_ANSWERS,
    MINIMUM_LEARNERS,
    TURNING,
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
from shuyuan.web.shell import is_part

NO_CONTENT, SEE_OTHER = 204, 303
NOTICES = ("promoted", "refused", "tried", "chosen", "not_enough", "nothing_new", "alarm_seen", "under_way")
CHOOSING = "tracer chosen"  # what going back to a version is called while somebody is at it
CALLED = {"turn": TURNING, "choice": CHOOSING}
TURNED, CHOSEN = "/loop?after=turn", "/loop?after=choice"  # what it came to, or that it is under way
PATIENCE_S = 2.0  # the states of a small school are made anew within it
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


@dataclass(frozen=True)
class Work:
    """What is under way: "turn" or "choice", and since when."""

    name: str
    since: datetime


@dataclass(frozen=True)
class Shown:
    """What one came for. version: the id of the one to look at.  notice: what happened.  trouble: what went wrong."""

    version: str = ""
    notice: str = ""
    trouble: errors.ShuyuanError | None = None


def router(needs: OfficeNeeds) -> APIRouter:
    """`/loop…`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/loop")
    def page(
        request: Request, reader: Reader, version: str = "", notice: str = "", after: str = "", asks: str = ""
    ) -> Response:
        under_way = _under_way(needs, reader)
        if asks in CALLED and is_part(request):  # a page that shows it under way
            on = any(one.name == asks for one in under_way)
            return Response(status_code=NO_CONTENT) if on else Response(headers={"hx-redirect": f"/loop?after={asks}"})
        last = needs.errands.last(CALLED[after], reader.school_id) if after in CALLED else None
        shown = Shown(version, notice if notice in NOTICES else "") if last is None else _came_to(last, after)
        return _page(needs, request, reader, shown, under_way)

    @api.post("/loop/turn")
    def turn(reader: Reader) -> Response:
        turned = functools.partial(needs.improvement.turn, reader.school_id, by=reader.account_id)
        began = needs.errands.begin(TURNING, reader.school_id, turned)
        return RedirectResponse(TURNED if began else "/loop?notice=under_way", SEE_OTHER)

    @api.post("/loop/versions/{version_id}/use")
    def use(request: Request, reader: Reader, version_id: str, reason: Annotated[str, Form()] = "") -> Response:
        chosen = functools.partial(needs.improvement.roll_back, reader, version_id, reason)
        if not needs.errands.begin(CHOOSING, reader.school_id, chosen):
            return RedirectResponse("/loop?notice=under_way", SEE_OTHER)
        ended = needs.errands.ended(CHOOSING, reader.school_id, PATIENCE_S)
        wrong = None if ended is None else ended.failure
        if isinstance(wrong, errors.BadInput | errors.Conflict):
            return _page(needs, request, reader, Shown(version_id, trouble=wrong), status=wrong.status)
        if wrong is not None:
            raise wrong
        return RedirectResponse(CHOSEN, SEE_OTHER)

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


def _under_way(needs: OfficeNeeds, reader: Principal) -> tuple[Work, ...]:
    found = ((name, needs.errands.since(called, reader.school_id)) for name, called in CALLED.items())
    return tuple(Work(name, since) for name, since in found if since is not None)


def _came_to(asked: Errand, after: str) -> Shown:
    if isinstance(asked.failure, NotEnoughAnswers):
        return Shown(notice="not_enough")
    if isinstance(asked.failure, NothingNew):
        return Shown(notice="nothing_new")
    if asked.failure is not None:
        return Shown(trouble=asked.failure)
    made = asked.came_to
    assert isinstance(made, TracerVersion)  # of `turn` and of `roll_back`
    return Shown(made.id, "chosen" if after == "choice" else OUTCOMES.get(made.state, "promoted"))


def _page(
    needs: OfficeNeeds,
    request: Request,
    reader: Principal,
    show: Shown,
    under_way: tuple[Work, ...] = (),
    status: int = 200,
) -> Response:
    versions, stands = needs.improvement.versions(reader), needs.improvement.status(reader)
    shown = lineage(versions, show.version)
    numbers = {one.version: one.number for one in versions}
    return needs.shell.show(
        request,
        "loop/loop.html",
        principal=reader,
        here="loop",
        versions=versions,
        loop_status=stands,
        under_way=under_way,
        turning=any(one.name == "turn" for one in under_way),
        main=shown.main,
        branch=shown.branch,
        subject=shown.subject,
        trial=next((one for one in versions if one.state == "canary"), None),
        watch=needs.improvement.watching.last(reader),
        alarms=needs.improvement.watching.alarms(reader),
        watch_answers=WATCH_ANSWERS,
        watch_learners=WATCH_LEARNERS,
        notice=show.notice,
        trouble=show.trouble,
        may_turn=reader.role == "admin",
        minimum_answers=MINIMUM_ANSWERS,
        minimum_learners=MINIMUM_LEARNERS,
        status=status,
        numbers=numbers,
        before=needs.improvement.served_before(reader),
        built_in=BUILT_IN,
        share=_share(stands),
        pupils=_pupils(needs, reader),
    )


def _share(status: LoopStatus) -> float:
    return min(1.0, status.answers_since / status.turns_at) if status.turns_at else 0.0


def _pupils(needs: OfficeNeeds, reader: Principal) -> int | None:
    """How many learners the tracer serves; only who may see classes is told."""
    return sum(one.size for one in needs.people.classes(reader)) if reader.role == "admin" else None
