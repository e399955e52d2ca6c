"""What is fitted at night by itself, and at once where an administrator asks: question numbers, early warning,
estimates for teachers. What was asked for goes on aside; the page shows that it is under way, and what it came to."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock, errors
from shuyuan.kernel.errands import Errand
from shuyuan.learning.assessment.interface import CALIBRATING
from shuyuan.learning.insight.interface import RENEWING
from shuyuan.learning.recommendation.interface import FORETELLING
from shuyuan.maas.catalogue.interface import CHAMPION
from shuyuan.web.needs import OfficeNeeds
from shuyuan.web.reading import Reader

SEE_OTHER = 303
OUTLOOK = "outlook"  # the model's name in the catalogue, and its runner's
OUTLOOKS_SHOWN = 3
CALLED = {"questions": CALIBRATING, "warning": RENEWING, "outlook": FORETELLING}  # while somebody is at it


@dataclass(frozen=True)
class Job:
    """One of them. at: when it was last fitted; None: never here.  since: when it began, if somebody is at it.

    done: it was asked for here and ended.  failure: why that came to nothing.  in_use: whether what was fitted last is
    served, None where that is no question.  more: the page that tells what it stands on, or ""."""

    name: str
    at: datetime | None
    since: datetime | None = None
    done: bool = False
    failure: errors.ShuyuanError | None = None
    in_use: bool | None = None
    more: str = ""


class Asked(NamedTuple):
    """What was asked for here: since when it is under way, and what the last one came to."""

    since: datetime | None
    last: Errand | None


@dataclass(frozen=True)
class OutlookTurn:
    """A version of the outlook model. passed, judged: conditions of its release check; failed: those it does not meet,
    as `spec` has them."""

    number: int
    uri: str
    state: str
    passed: int
    judged: int
    at: datetime
    failed: tuple[Mapping[str, Any], ...]  # Any: JSON

    @property
    def page(self) -> str:
        """Where its figures are."""
        return f"/workshop/models/{OUTLOOK}?version={self.number}"


def router(needs: OfficeNeeds) -> APIRouter:
    """`/admin/nightly/…`."""
    api = APIRouter(include_in_schema=False)
    work: dict[str, Callable[[str], object]] = {
        "questions": needs.itembank.calibrate,
        "warning": needs.warnings.renew,
        "outlook": functools.partial(needs.outlooks.renew, strict=True),
    }

    @api.get("/admin/nightly")
    def lines(request: Request, reader: Reader) -> Response:
        return needs.shell.part(request, "admin/nightly.html", shown(needs, reader), principal=reader)

    @api.post("/admin/nightly/{name}")
    def now(reader: Reader, name: str) -> RedirectResponse:
        if name not in work:
            raise errors.NotFound(f"nothing called {name[:40]!r} is fitted at night", fix=f"one of {', '.join(work)}")
        until = needs.identity.exam_until(reader.school_id)
        if until is not None and until > clock.now():
            raise errors.Conflict(
                f"an exam runs until {until:%Y-%m-%d %H:%M} UTC", fix="wait for its end, or end the exam mode"
            )
        needs.errands.begin(CALLED[name], reader.school_id, functools.partial(work[name], reader.school_id))
        return RedirectResponse("/admin/models#nightly", SEE_OTHER)  # its line tells that it is under way

    return api


def shown(needs: OfficeNeeds, reader: Principal) -> dict[str, object]:
    """What `admin/nightly.html` shows."""
    asked = {name: _asked(needs, reader, name) for name in CALLED}  # first: one that has ended has left what it made
    versions = _outlooks(needs, reader)
    jobs = (_job("questions", needs.itembank.last(reader), asked), _warning(needs, reader, asked))
    outlook = _job("outlook", versions[0].at if versions else None, asked)
    if versions:
        outlook = replace(outlook, in_use=versions[0].state == "champion", more=versions[0].page)
    return {"nightly": (*jobs, outlook), "outlooks": versions}


def _asked(needs: OfficeNeeds, reader: Principal, name: str) -> Asked:
    who = CALLED[name], reader.school_id
    return Asked(needs.errands.since(*who), needs.errands.last(*who))


def _warning(needs: OfficeNeeds, reader: Principal, asked: Mapping[str, Asked]) -> Job:
    """A look that found too little to learn from fitted nothing: it may be asked for again."""
    evidence, trust, at = needs.warnings.trust(reader)
    job = _job("warning", None if trust is None else at, asked)
    return replace(job, in_use=None if trust is None else trust.used, more="" if evidence is None else "/warning")


def _job(name: str, at: datetime | None, asked: Mapping[str, Asked]) -> Job:
    since, last = asked[name]
    if last is None or (at is not None and at > last.ended_at):  # done anew since, by itself
        return Job(name, at, since)
    return Job(name, at, since, last.failure is None, last.failure)


def _outlooks(needs: OfficeNeeds, reader: Principal) -> list[OutlookTurn]:
    """The school's newest versions of the outlook model, refused ones too."""
    champion = needs.catalogue.aliases(reader.school_id, OUTLOOK).get(CHAMPION)
    every = needs.catalogue.versions(reader.school_id, OUTLOOK)
    own = [one for one in every if one.school_id == reader.school_id and one.runner == OUTLOOK]
    found = []
    for one in own[:OUTLOOKS_SHOWN]:
        judged = one.spec.get("conditions", [])
        assert isinstance(judged, list)  # as `outlookgate.spec` writes it
        state = "champion" if one.number == champion else "retired" if one.spec.get("heads") else "refused"
        failed = tuple(condition for condition in judged if not condition["passed"])
        passed = len(judged) - len(failed)
        found.append(OutlookTurn(one.number, one.uri, state, passed, len(judged), one.created_at, failed))
    return found
