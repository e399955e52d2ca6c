"""What is fitted at night by itself, and done at once where an administrator asks: question numbers, early warning,
estimates for teachers."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter
from fastapi.responses import RedirectResponse

from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock, errors
from shuyuan.maas.catalogue.interface import CHAMPION
from shuyuan.web.needs import OfficeNeeds
from shuyuan.web.reading import Reader

SEE_OTHER = 303
OUTLOOK = "outlook"  # the model's name in the catalogue, and its runner's
OUTLOOKS_SHOWN = 3


@dataclass(frozen=True)
class Job:
    """One of them. at: when it was last done; None: never here."""

    name: str
    at: datetime | None


@dataclass(frozen=True)
class OutlookTurn:
    """A version of the outlook model. passed, judged: conditions of its release check."""

    number: int
    uri: str
    state: str
    passed: int
    judged: int
    at: datetime


def router(needs: OfficeNeeds) -> APIRouter:
    """`/admin/nightly/…`."""
    api = APIRouter(include_in_schema=False)
    work: dict[str, Callable[[str], object]] = {
        "questions": needs.itembank.calibrate,
        "warning": needs.warnings.renew,
        "outlook": needs.outlooks.renew,
    }

    @api.post("/admin/nightly/{name}")
    def now(reader: Reader, name: str) -> RedirectResponse:
        if name not in work:
            raise errors.NotFound(f"nothing called {name[:40]!r} is fitted at night", fix=f"one of {', '.join(work)}")
        until = needs.identity.exam_until(reader.school_id)
        if until is not None and until > clock.now():
            raise errors.Conflict(
                f"an exam runs until {until:%Y-%m-%d %H:%M} UTC", fix="wait for its end, or end the exam mode"
            )
        work[name](reader.school_id)
        return RedirectResponse("/admin/models?notice=fitted", SEE_OTHER)

    return api


def jobs(needs: OfficeNeeds, reader: Principal) -> tuple[Job, ...]:
    """Each with the last time it was done."""
    outlook = next(iter(outlooks(needs, reader)), None)
    return (
        Job("questions", needs.itembank.last(reader)),
        Job("warning", needs.warnings.trust(reader)[2]),
        Job("outlook", outlook.at if outlook else None),
    )


def outlooks(needs: OfficeNeeds, reader: Principal) -> list[OutlookTurn]:
    """The school's newest versions of the outlook model, refused ones too."""
    champion = needs.catalogue.aliases(reader.school_id, OUTLOOK).get(CHAMPION)
    every = needs.catalogue.versions(reader.school_id, OUTLOOK)
    own = [one for one in every if one.school_id == reader.school_id and one.runner == OUTLOOK]
    found = []
    for one in own[:OUTLOOKS_SHOWN]:
        judged = one.spec.get("conditions", [])
        assert isinstance(judged, list)  # as `outlookgate.spec` writes it
        state = "champion" if one.number == champion else "retired" if one.spec.get("heads") else "refused"
        passed = sum(bool(condition["passed"]) for condition in judged)
        found.append(OutlookTurn(one.number, one.uri, state, passed, len(judged), one.created_at))
    return found
