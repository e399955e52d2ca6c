"""HTTP of assessment: attempts, answers, hints, assignments, papers."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.learning.assessment.interface import Answered, Assessment, AttemptKind, Paper
from shuyuan.learning.courses.interface import Question, html, inline
from shuyuan.learning.people.interface import People
from shuyuan.learning.tracing.interface import Mastery

Id = Annotated[str, Field(min_length=1, max_length=160)]
Choices = Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=26)]
KEPT = {
    "zh": "已经开始的作答会保留，其他学生不会再看到这份练习。",
    "en": "Work already started is kept; nobody else will see this practice any more.",
}


class StartBody(BaseModel, extra="forbid"):
    """What to sit. Without item_ids the platform chooses `count` items of point_id that fit the learner."""

    kind: AttemptKind = "practice"
    course_id: Id
    item_ids: Annotated[list[Id], Field(max_length=200)] = []
    point_id: Id | None = None
    count: Annotated[int, Field(ge=1, le=30)] = 5


class AnswerBody(BaseModel, extra="forbid"):
    """client_key: new for each answer, the same when it is sent again because no reply came."""

    item_id: Id
    answer: Annotated[str, Field(max_length=4000)] | Choices
    client_key: str
    seconds: float | None = None


class HintBody(BaseModel, extra="forbid"):
    item_id: Id


class AskBody(BaseModel, extra="forbid"):
    """Practice or a paper on one point for some learners of a class."""

    class_id: Id
    learner_ids: Annotated[list[Id], Field(max_length=200)]
    course_id: Id
    point_id: Id
    count: int = 6


class AssignBody(AskBody):
    due_at: datetime | None = None


def router(assessment: Assessment, people: People) -> APIRouter:
    """The routes under /api/attempts, /api/assignments and /api/papers."""
    api = APIRouter(tags=["learning"])
    _attempt_routes(api, assessment, people)
    _answer_routes(api, assessment)
    _assignment_routes(api, assessment)
    return api


def _attempt_routes(api: APIRouter, assessment: Assessment, people: People) -> None:
    @api.post("/api/attempts", status_code=201)
    def start(body: StartBody, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """A new attempt of the caller."""
        item_ids = body.item_ids or _chosen(assessment, principal, body)
        return asdict(
            assessment.start(
                principal, kind=body.kind, course_id=body.course_id, item_ids=item_ids, point_id=body.point_id
            )
        )

    @api.get("/api/attempts/{attempt_id}")
    def attempt(attempt_id: str, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """How an attempt stands."""
        found = assessment.attempt(principal, attempt_id)
        people.record_view(principal, found.learner_id)
        return asdict(found)

    @api.get("/api/attempts/{attempt_id}/questions/{item_id}")
    def question(attempt_id: str, item_id: str, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """A question of an attempt in the caller's language, without its key."""
        return _question(assessment.question(principal, attempt_id, item_id))

    @api.get("/api/attempts/{attempt_id}/key")
    def key(attempt_id: str, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """The mark scheme of an attempt, for a teacher of the class: item id to the answer that grades right."""
        principal.require("teacher", "admin")
        found = assessment.attempt(principal, attempt_id)
        people.record_view(principal, found.learner_id)
        asked = [assessment.question(principal, attempt_id, slot.item_id) for slot in found.slots]
        return {"key": {question.item_id: question.key.answer for question in asked}}

    @api.post("/api/attempts/{attempt_id}/close")
    def close(attempt_id: str, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """Hand in. A test is marked now."""
        return asdict(assessment.close_attempt(principal, attempt_id))


def _answer_routes(api: APIRouter, assessment: Assessment) -> None:
    @api.post("/api/attempts/{attempt_id}/answers")
    def answer(attempt_id: str, body: AnswerBody, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """Grade and store an answer. `saved` is true once it is durable."""
        return _answered(
            assessment.answer(
                principal, attempt_id, body.item_id, body.answer, client_key=body.client_key, seconds=body.seconds
            )
        )

    @api.post("/api/attempts/{attempt_id}/hints")
    def hint(attempt_id: str, body: HintBody, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """Open the next hint."""
        number, texts = assessment.hint(principal, attempt_id, body.item_id)
        return {"number": number, "html": {language: html(text) for language, text in texts.items()}}


def _assignment_routes(api: APIRouter, assessment: Assessment) -> None:
    @api.get("/api/assignments")
    def assignments(
        class_id: Annotated[str | None, Query(max_length=26)] = None, principal: Principal = Depends(caller)
    ) -> dict[str, Any]:
        """A teacher: those of a class or of all their classes. A learner: their own."""
        if principal.role == "student":
            found = assessment.assigned_to(principal, principal.account_id)
        else:
            found = assessment.assignments(principal, class_id=class_id)
        return {"assignments": [asdict(one) for one in found]}

    @api.post("/api/assignments/preview")
    def preview(body: AskBody, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """What each learner would get and why; nothing is sent."""
        return {"preview": [asdict(one) for one in assessment.preview(principal, **body.model_dump())]}

    @api.post("/api/assignments", status_code=201)
    def assign(body: AssignBody, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """Set practice."""
        return asdict(assessment.assign(principal, **body.model_dump()))

    @api.post("/api/assignments/{assignment_id}/undo")
    def undo(assignment_id: str, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """Take an assignment back."""
        return {**asdict(assessment.undo(principal, assignment_id)), "message": KEPT}

    @api.post("/api/assignments/{assignment_id}/start")
    def start_assignment(assignment_id: str, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """The caller's attempt at an assignment."""
        return asdict(assessment.start_assignment(principal, assignment_id))

    @api.post("/api/papers", status_code=201)
    def papers(body: AskBody, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """A personal paper for each learner, with key."""
        return {"papers": [_paper(one) for one in assessment.papers(principal, **body.model_dump())]}


# Any below: JSON that FastAPI encodes.
def _chosen(assessment: Assessment, principal: Principal, body: StartBody) -> tuple[str, ...]:
    if body.point_id is None:
        raise errors.BadInput("neither item_ids nor point_id is given", fix="name the items or a point")
    return assessment.choose(
        principal, principal.account_id, course_id=body.course_id, point_id=body.point_id, count=body.count
    )


def _answered(told: Answered) -> dict[str, Any]:
    return {
        "attempt_id": told.attempt_id,
        "item_id": told.item_id,
        "saved": told.saved,
        "duplicate": told.duplicate,
        "verdict": told.verdict.model_dump() if told.verdict else None,
        "explanation_html": told.explanation_html,
        "before": _mastery(told.before),
        "after": _mastery(told.after),
        "next_item_id": told.next_item_id,
    }


def _mastery(known: Mapping[str, Mastery]) -> dict[str, Any]:
    return {point: vars(one) for point, one in known.items()}


def _question(asked: Question) -> dict[str, Any]:
    return {
        **asked.model_dump(mode="json", exclude={"prompt", "choices"}),
        "prompt_html": html(asked.prompt),
        "choices": [{"id": choice.id, "html": inline(choice.text)} for choice in asked.choices],
    }


def _paper(made: Paper) -> dict[str, Any]:
    return {
        "learner_id": made.learner_id,
        "code": made.code,
        "title": dict(made.title),
        "questions": [{**_question(one), "key": one.key.answer} for one in made.questions],
    }
