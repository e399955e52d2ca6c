"""HTTP of adaptive tests and of item analysis."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.learning.assessment.interface import Assessment, ItemBank
from shuyuan.learning.people.interface import People

Id = Annotated[str, Field(min_length=1, max_length=160)]
Asked = Annotated[str, Query(max_length=160)]


class TestBody(BaseModel, extra="forbid"):
    """An adaptive test on points of a course for some learners of a class. error: null asks `most` of everybody."""

    class_id: Id
    learner_ids: Annotated[list[Id], Field(max_length=200)]
    course_id: Id
    point_ids: Annotated[list[Id], Field(max_length=200)]
    least: int = 5
    most: int = 16
    each: int = 1
    error: float | None = 0.4
    due_at: datetime | None = None


# Any below: JSON that FastAPI encodes.
def router(assessment: Assessment, itembank: ItemBank, people: People) -> APIRouter:
    """The routes under /api/adaptive-tests, and what their sittings and questions say."""
    api = APIRouter(tags=["learning"])
    _tests(api, assessment, people)
    _sittings(api, assessment, people)

    @api.get("/api/courses/{course_id}/item-analysis")
    def analysis(
        course_id: str, point_id: Asked | None = None, principal: Principal = Depends(caller)
    ) -> dict[str, Any]:
        """What the answers of the caller's learners say of each question, flagged ones first."""
        return asdict(itembank.analysis(principal, course_id, point_id=point_id))

    return api


def _tests(api: APIRouter, assessment: Assessment, people: People) -> None:
    @api.post("/api/adaptive-tests", status_code=201)
    def set_test(body: TestBody, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """Set a test that chooses each next question by the answers before it."""
        return asdict(assessment.set_test(principal, **body.model_dump()))

    @api.get("/api/adaptive-tests")
    def tests(class_id: Asked | None = None, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """A learner: their own. A teacher: those of a class."""
        if principal.role == "student":
            return {"tests": [asdict(one) for one in assessment.tests_for(principal, principal.account_id)]}
        if class_id is None:
            raise errors.BadInput("class_id is missing", fix="name a class of yours: GET /api/classes")
        return {"tests": [asdict(one) for one in assessment.tests(principal, class_id)]}

    @api.get("/api/adaptive-tests/{test_id}/results")
    def results(test_id: str, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """Everybody as they stand now, also while they sit it."""
        found = assessment.results(principal, test_id)
        people.record_views(principal, [one.learner_id for one in found if one.asked])
        return {"results": [asdict(one) for one in found]}

    @api.post("/api/adaptive-tests/{test_id}/undo")
    def undo(test_id: str, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """Take a test back: nobody can begin it any more."""
        return asdict(assessment.undo_test(principal, test_id))


def _sittings(api: APIRouter, assessment: Assessment, people: People) -> None:
    @api.post("/api/adaptive-tests/{test_id}/start")
    def start(test_id: str, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """The caller's sitting, its next question chosen; answers go to the attempt."""
        return asdict(assessment.start_test(principal, test_id))

    @api.get("/api/attempts/{attempt_id}/next")
    def following(attempt_id: str, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """The question of an adaptive test that waits for an answer; null when it is over."""
        return {"item_id": assessment.next_of_test(principal, attempt_id)}

    @api.get("/api/attempts/{attempt_id}/result")
    def result(attempt_id: str, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """What an adaptive test says: for the learner once it is over."""
        found = assessment.result(principal, attempt_id)
        people.record_view(principal, found.learner_id)
        return asdict(found)
