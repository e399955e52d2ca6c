"""HTTP of people: classes, learners, class lists, PINs, consent, erasure."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, UploadFile
from pydantic import BaseModel, Field

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Principal
from shuyuan.learning.people.interface import Class, Learner, People, RosterReport

CourseIds = Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=50)]


class ClassBody(BaseModel, extra="forbid"):
    """A class to create."""

    name: str = Field(max_length=200)
    course_ids: CourseIds = []


class CoursesBody(BaseModel, extra="forbid"):
    """The courses of a class, in order."""

    course_ids: CourseIds


class TutorBody(BaseModel, extra="forbid"):
    """A teacher's word on the tutor."""

    on: bool


class TeacherBody(BaseModel, extra="forbid"):
    """Who is to teach the class."""

    account_id: str = Field(max_length=26)


class ConsentBody(BaseModel, extra="forbid"):
    """What the family agreed to. `learning` stays among it: teaching itself is no choice here."""

    purposes: set[Literal["learning", "improvement", "research"]] = Field(max_length=3)


def router(people: People) -> APIRouter:
    """The routes under /api/classes, /api/learners and /api/roster."""
    api = APIRouter()
    _class_routes(api, people)
    _learner_routes(api, people)
    _roster_route(api, people)
    return api


def _class_routes(api: APIRouter, people: People) -> None:
    @api.get("/api/classes")
    def classes(principal: Principal = Depends(caller)) -> dict[str, Any]:
        """The caller's classes."""
        return {"classes": [_class(one) for one in people.classes(principal)]}

    @api.post("/api/classes", status_code=201)
    def create_class(body: ClassBody, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """A new class; its code is what pupils type."""
        return _class(people.create_class(principal, body.name, course_ids=body.course_ids))

    @api.get("/api/classes/{class_id}")
    def class_(class_id: str, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """One class."""
        return _class(people.class_(principal, class_id))

    @api.put("/api/classes/{class_id}/courses", status_code=204)
    def set_courses(class_id: str, body: CoursesBody, principal: Principal = Depends(caller)) -> None:
        """Which courses the class takes."""
        people.set_courses(principal, class_id, body.course_ids)

    @api.put("/api/classes/{class_id}/tutor", status_code=204)
    def set_tutor(class_id: str, body: TutorBody, principal: Principal = Depends(caller)) -> None:
        """Turn the tutor on or off for the class."""
        people.set_tutor(principal, class_id, body.on)

    @api.post("/api/classes/{class_id}/teachers", status_code=204)
    def join_teacher(class_id: str, body: TeacherBody, principal: Principal = Depends(caller)) -> None:
        """Let a teacher teach the class."""
        people.join_teacher(principal, class_id, body.account_id)

    @api.delete("/api/classes/{class_id}/teachers/{account_id}", status_code=204)
    def leave_teacher(class_id: str, account_id: str, principal: Principal = Depends(caller)) -> None:
        """The teacher no longer sees the class."""
        people.leave_teacher(principal, class_id, account_id)

    @api.get("/api/classes/{class_id}/learners")
    def learners(class_id: str, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """The learners of a class; a pupil finds only themselves."""
        return {"learners": [_learner(one) for one in people.learners(principal, class_id)]}


def _learner_routes(api: APIRouter, people: People) -> None:
    @api.get("/api/learners/{learner_id}")
    def learner(learner_id: str, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """One learner; the visit is noted for the learner to see."""
        found = _learner(people.learner(principal, learner_id))
        people.record_view(principal, learner_id)
        return found

    @api.delete("/api/learners/{learner_id}", status_code=204)
    def erase(learner_id: str, principal: Principal = Depends(caller)) -> None:
        """Make the learner's name and texts unreadable for ever."""
        people.erase(principal, learner_id)

    @api.post("/api/learners/{learner_id}/pin")
    def reset_pin(learner_id: str, principal: Principal = Depends(caller)) -> dict[str, str]:
        """A new PIN, shown this once."""
        return {"pin": people.reset_pin(principal, learner_id)}

    @api.put("/api/learners/{learner_id}/consent", status_code=204)
    def set_consent(learner_id: str, body: ConsentBody, principal: Principal = Depends(caller)) -> None:
        """What the family agreed to."""
        people.set_consent(principal, learner_id, frozenset(body.purposes))

    @api.get("/api/learners/{learner_id}/views")
    def views(learner_id: str, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """Who opened this learner's pages."""
        return {"views": [{"at": at, "account_id": who} for at, who in people.seen(principal, learner_id)]}


def _roster_route(api: APIRouter, people: People) -> None:
    @api.post("/api/roster")
    def import_roster(
        file: UploadFile,
        dry_run: bool = True,
        class_id: Annotated[str | None, Query(max_length=26)] = None,
        principal: Principal = Depends(caller),
    ) -> dict[str, Any]:
        """A class list, CSV or xlsx. First a dry run (the default); PINs are shown once, by the real one."""
        content = file.file.read()
        return _report(people.import_roster(principal, class_id, file.filename or "", content, dry_run=dry_run))


# Any below: JSON that FastAPI encodes.
def _class(one: Class) -> dict[str, Any]:
    return asdict(one)


def _learner(one: Learner) -> dict[str, Any]:
    return {**asdict(one), "consent": sorted(one.consent)}


def _report(report: RosterReport) -> dict[str, Any]:
    return {
        "dry_run": report.dry_run,
        "created": report.created,
        "updated": report.updated,
        "refused": report.refused,
        "ignored": list(report.ignored),
        "rows": [asdict(row) for row in report.rows],
        "slips": [asdict(slip) for slip in report.slips],
    }
