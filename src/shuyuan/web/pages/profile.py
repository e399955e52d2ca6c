"""Profile: what I state, what is derived, and what it may be used for. For teachers: the same, and what is foretold.
For the office: the uses alone, where a family below the age line signed a paper."""

from dataclasses import replace
from datetime import date
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.learning.people import interface as people
from shuyuan.web import needs as web_needs
from shuyuan.web.reading import Reader

SEE_OTHER = 303
CHOICES = {
    "interests": get_args(people.Interest),
    "education": get_args(people.Education),
    "pace": get_args(people.Pace),
    "style": get_args(people.Style),
    "goals": get_args(people.Goal),
}
Several = Annotated[list[str], Form()]
One = Annotated[str, Form()]


def router(needs: web_needs.Needs) -> APIRouter:
    """`/learn/profile`, `/teach/learners/{learner_id}/profile`, `/admin/privacy/uses/{learner_id}`."""
    api = APIRouter(include_in_schema=False)
    _pupil_page(api, needs)
    _pupil_forms(api, needs)
    _teacher_pages(api, needs)
    _office_pages(api, needs)
    return api


def _pupil_page(api: APIRouter, needs: web_needs.Needs) -> None:
    @api.get("/learn/profile")
    def mine(request: Request, reader: Reader) -> Response:
        return _show(needs, request, reader)

    @api.post("/learn/profile")
    def state(
        request: Request,
        reader: Reader,
        interests: Several = [],  # noqa: B006  # FastAPI copies it
        goals: Several = [],  # noqa: B006
        education: One = "",
        pace: One = "",
        style: One = "",
        own_words: One = "",
    ) -> Response:
        known = needs.profiles.of(reader, reader.account_id).stated
        said: dict[str, Any] = {  # Any: checked by the service, word by word
            "interests": tuple(dict.fromkeys(interests)),
            "goals": tuple(dict.fromkeys(goals)),
            "education": education or None,
            "pace": pace or None,
            "style": style or None,
            "own_words": " ".join(own_words.split()),
        }
        try:
            needs.profiles.state(reader, replace(known, **said))
        except errors.BadInput as trouble:
            return _show(needs, request, reader, trouble)
        return _back("saved")


def _pupil_forms(api: APIRouter, needs: web_needs.Needs) -> None:
    @api.post("/learn/profile/uses")
    def uses(request: Request, reader: Reader, purposes: Several = []) -> Response:  # noqa: B006  # FastAPI copies it
        try:
            needs.profiles.agree(reader, reader.account_id, _purposes(purposes))
        except (errors.BadInput, errors.Forbidden) as trouble:
            return _show(needs, request, reader, trouble)
        return _back("uses")

    @api.post("/learn/profile/dispute")
    def dispute(reader: Reader, fact: One = "", wrong: One = "") -> Response:
        stated = needs.profiles.of(reader, reader.account_id).stated
        others = tuple(one for one in stated.disputed if one != fact)
        needs.profiles.state(reader, replace(stated, disputed=(*others, fact) if wrong and fact else others))
        return _back("saved")

    @api.post("/learn/profile/forget")
    def forget(reader: Reader) -> Response:
        needs.profiles.forget(reader)
        return _back("forgotten")


def _teacher_pages(api: APIRouter, needs: web_needs.Needs) -> None:
    @api.get("/teach/learners/{learner_id}/profile")
    def theirs(request: Request, reader: Reader, learner_id: str, done: str = "") -> Response:
        learner = needs.people.learner(reader, learner_id)
        values = {
            "learner": learner,
            "profile": needs.profiles.of(reader, learner_id),
            "facts": needs.recommendation.facts(reader, learner_id),
            "expected": needs.outlooks.of(reader, learner_id),
            "why_not": needs.outlooks.why_not(reader, learner_id),
            "purposes": people.PROFILE_PURPOSES,
            "done": done if done in ("uses", "dismissed") else "",
        } | _decided(needs, reader, learner_id)
        needs.people.record_view(reader, learner_id)
        return needs.shell.show(request, "teach/profile.html", values, principal=reader, here="class")

    @api.post("/teach/learners/{learner_id}/profile/uses")
    def uses(reader: Reader, learner_id: str, purposes: Several = []) -> Response:  # noqa: B006  # FastAPI copies it
        needs.profiles.agree(reader, learner_id, _purposes(purposes))
        return RedirectResponse(f"/teach/learners/{learner_id}/profile?done=uses", SEE_OTHER)

    @api.post("/teach/learners/{learner_id}/outlook/dismiss")
    def dismiss(reader: Reader, learner_id: str) -> Response:
        needs.outlooks.dismiss(reader, learner_id)
        return RedirectResponse(f"/teach/learners/{learner_id}/profile?done=dismissed", SEE_OTHER)


def _office_pages(api: APIRouter, needs: web_needs.Needs) -> None:
    @api.get("/admin/privacy/uses/{learner_id}")
    def uses(request: Request, reader: Reader, learner_id: str) -> Response:
        return _office(needs, request, reader, learner_id)

    @api.post("/admin/privacy/uses/{learner_id}")
    def note(
        request: Request,
        reader: Reader,
        learner_id: str,
        purposes: Several = [],  # noqa: B006  # FastAPI copies it
        paper: One = "",
    ) -> Response:
        try:
            needs.profiles.agree(reader, learner_id, _purposes(purposes), paper_dated=_day(paper))
        except (errors.BadInput, errors.Forbidden) as trouble:
            return _office(needs, request, reader, learner_id, trouble)
        return RedirectResponse(f"/admin/privacy/uses/{learner_id}?done=uses", SEE_OTHER)


def _office(
    needs: web_needs.Needs,
    request: Request,
    reader: Principal,
    learner_id: str,
    trouble: errors.ShuyuanError | None = None,
) -> Response:
    values = {
        "learner": needs.people.learner(reader, learner_id),
        "profile": needs.profiles.of(reader, learner_id),
        "purposes": people.PROFILE_PURPOSES,
        "trouble": trouble,
        "done": "uses" if request.query_params.get("done") == "uses" else "",
    } | _decided(needs, reader, learner_id)
    status = trouble.status if trouble is not None else 200
    return needs.shell.show(request, "admin/uses.html", values, principal=reader, here="privacy", status=status)


def _decided(needs: web_needs.Needs, reader: Principal, learner_id: str) -> dict[str, object]:
    """Who said yes to each use, who changed them last, and the names of both; nameless: the platform itself."""
    found = needs.profiles.decided(reader, learner_id)
    who = {one.by for one in (*found.given.values(), *([found.last] if found.last else []))}
    return {"decided": found, "names": {one: _name(needs, reader, one) for one in who}}


def _name(needs: web_needs.Needs, reader: Principal, account_id: str) -> str:
    try:
        return needs.identity.account(reader, account_id).name
    except (errors.NotFound, errors.Forbidden):
        return ""


def _day(written: str) -> date | None:
    try:
        return date.fromisoformat(written) if written else None
    except ValueError as wrong:
        raise errors.BadInput(f"paper is {written[:40]!r}", fix="write it as 2026-11-27") from wrong


def _show(
    needs: web_needs.Needs,
    request: Request,
    reader: Principal,
    trouble: errors.ShuyuanError | None = None,
) -> Response:
    done = request.query_params.get("done", "")
    values = {
        "learner": needs.people.learner(reader, reader.account_id),
        "profile": needs.profiles.of(reader, reader.account_id),
        "facts": needs.recommendation.facts(reader, reader.account_id),
        "choices": CHOICES,
        "purposes": people.PROFILE_PURPOSES,
        "trouble": trouble,
        "done": done if done in ("saved", "uses", "forgotten") else "",
    } | _decided(needs, reader, reader.account_id)
    status = trouble.status if trouble is not None else 200
    return needs.shell.show(request, "learn/profile.html", values, principal=reader, here="me", status=status)


def _purposes(given: list[str]) -> frozenset[people.ProfilePurpose]:
    """The known ones; a page that was changed by hand agrees to nothing else."""
    return frozenset(one for one in people.PROFILE_PURPOSES if one in given)


def _back(done: str) -> Response:
    return RedirectResponse(f"/learn/profile?done={done}", SEE_OTHER)
