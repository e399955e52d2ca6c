"""The loop: where does the tracer come from? Data set → run → report → release check → version → served → learners."""

import functools
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
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
    """What the picture shows. main: the version one looks at, or the one in use; branch: a refused one beside it.

    asked: the one somebody came for, on either line."""

    main: TracerVersion | None
    branch: TracerVersion | None
    asked: TracerVersion | None = None

    @property
    def subject(self) -> TracerVersion | None:
        """What the headline speaks of, and the figures below the picture."""
        return self.asked or self.main or self.branch

    @property
    def headline(self) -> str:
        """As the words call it."""
        if self.subject is None:
            return "none"
        return "back" if self.asked is None and self.subject.state == "retired" else fate(self.subject)


@dataclass(frozen=True)
class Work:
    """What is under way: "turn" or "choice", and since when."""

    name: str
    since: datetime


@dataclass(frozen=True)
class Turned:
    """What a turn came to. ended: the version whose trial ended, because this one took its place."""

    made: TracerVersion
    ended: TracerVersion | None


@dataclass(frozen=True)
class NewQuestions:
    """Questions of the school's courses that the version in use met no answers of. guessed: of these, by wording."""

    there: int
    guessed: int

    @property
    def average(self) -> int:
        """Each counts as an average one of its point."""
        return self.there - self.guessed


@dataclass(frozen=True)
class Shown:
    """What one came for. version: the id of the one to look at.  notice: what happened.  trouble: what went wrong.

    ended: the version whose trial ended by it."""

    version: str = ""
    notice: str = ""
    trouble: errors.ShuyuanError | None = None
    ended: TracerVersion | None = None


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
        if last is not None:
            return _page(needs, request, reader, _came_to(last, after), under_way)
        if version and all(one.id != version for one in needs.improvement.versions(reader)):
            raise errors.NotFound(f"no tracer version {version[:40]!r}", fix="choose one from the page of the loop")
        return _page(needs, request, reader, Shown(version, notice if notice in NOTICES else ""), under_way)

    @api.post("/loop/turn")
    def turn(reader: Reader) -> Response:
        began = needs.errands.begin(TURNING, reader.school_id, functools.partial(_turned, needs, reader))
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


def lineage(versions: list[TracerVersion], wanted: str, was: str = "") -> Lineage:
    """versions: newest first.  wanted: the id one asked for, or "".  was: what served before the built-in tracer did.

    A version that never served stands on the branch, beside the one in use; one that did stands on the main line,
    with the canary beside it, or else the last refusal. Where the built-in one serves again it is what served before.
    """
    asked = next((one for one in versions if one.id == wanted), None)
    champion = next((one for one in versions if one.state == "champion"), None)
    beside = [one for one in versions if one.state == "canary"] + [one for one in versions if one.state in STOPPED]
    if asked is not None and asked in beside:
        return Lineage(champion, asked, asked)
    retired = sorted((one for one in versions if one.state == "retired"), key=lambda one: one.version != was)
    last = retired[0] if retired else None
    return Lineage(asked or champion or last, beside[0] if beside else None, asked)


def fate(version: TracerVersion) -> str:
    """Its state; "changed" where its trial ended because another version took its place, not by its figures."""
    return "changed" if version.state == "withdrawn" and version.reason == "changed" else version.state


def _turned(needs: OfficeNeeds, reader: Principal) -> Turned:
    tried = next((one for one in needs.improvement.versions(reader) if one.state == "canary"), None)
    made = needs.improvement.turn(reader.school_id, by=reader.account_id)
    ended = None if tried is None else needs.improvement.version(reader, tried.id)
    return Turned(made, ended if ended is not None and fate(ended) == "changed" else None)


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
    came_to = asked.came_to
    if isinstance(came_to, Turned):
        return Shown(came_to.made.id, OUTCOMES.get(came_to.made.state, "promoted"), ended=came_to.ended)
    assert isinstance(came_to, TracerVersion)  # of `roll_back`
    return Shown(came_to.id, "chosen")


def _page(
    needs: OfficeNeeds,
    request: Request,
    reader: Principal,
    show: Shown,
    under_way: tuple[Work, ...] = (),
    status: int = 200,
) -> Response:
    versions, stands = needs.improvement.versions(reader), needs.improvement.status(reader)
    before = needs.improvement.served_before(reader)
    shown = lineage(versions, show.version, before.get(BUILT_IN, ""))
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
        headline=shown.headline,
        fate=fate,
        trial=next((one for one in versions if one.state == "canary"), None),
        watch=needs.improvement.watching.last(reader),
        alarms=needs.improvement.watching.alarms(reader),
        watch_answers=WATCH_ANSWERS,
        watch_learners=WATCH_LEARNERS,
        notice=show.notice,
        trouble=show.trouble,
        ended=show.ended,
        may_turn=reader.role == "admin",
        minimum_answers=MINIMUM_ANSWERS,
        minimum_learners=MINIMUM_LEARNERS,
        status=status,
        numbers=numbers,
        before=before,
        built_in=BUILT_IN,
        back_because=_back_because(needs, reader) if BUILT_IN in before else "",
        new_questions=_new_questions(needs, reader.school_id),
        share=_share(stands),
        pupils=_pupils(needs, reader),
    )


def _share(status: LoopStatus) -> float:
    return min(1.0, status.answers_since / status.turns_at) if status.turns_at else 0.0


def _pupils(needs: OfficeNeeds, reader: Principal) -> int | None:
    """How many learners the tracer serves; only who may see classes is told."""
    return sum(one.size for one in needs.people.classes(reader)) if reader.role == "admin" else None


def _back_because(needs: OfficeNeeds, reader: Principal) -> str:
    """Why the built-in tracer serves again: it is no version, so the log alone holds the reason."""
    with needs.db.read() as conn:
        last = next(kernel_audit.entries(conn, reader.school_id, limit=1, action="tracer.chosen"), None)
    return str(last.detail.get("reason", "")) if last is not None and last.object_id == BUILT_IN else ""


def _new_questions(needs: OfficeNeeds, school_id: str) -> NewQuestions:
    met = needs.tracing.tracer(school_id).params.items  # a guessed one is told, but not `in` it
    courses = [needs.courses.graph(school_id, one.id) for one in needs.courses.courses(school_id)]
    asked = (needs.courses.items_of_point(school_id, point.id) for one in courses for point in one.points)
    new = {item for items in asked for item in items if item not in met}
    return NewQuestions(len(new), len(new & set(met)))
