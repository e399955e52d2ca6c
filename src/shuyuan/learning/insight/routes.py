"""HTTP of insight: a class today, its map, the answers behind a claim."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Principal
from shuyuan.learning.insight.interface import (
    ClassMap,
    ClassMistake,
    ClassRisks,
    ClassToday,
    EarlyWarning,
    Help,
    Insight,
)
from shuyuan.learning.people.interface import Learner, People
from shuyuan.learning.records.interface import Response

CourseId = Annotated[str, Query(max_length=64)]
Id = Annotated[str, Query(max_length=160)]


def router(insight: Insight, people: People, warnings: EarlyWarning) -> APIRouter:
    """The routes under /api/classes/{class_id} and /api/learners/{learner_id}/responses."""
    api = APIRouter(tags=["learning"])

    @api.get("/api/classes/{class_id}/today")
    def today(class_id: str, course_id: CourseId, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """Who is stuck on what, with the very answers that say so; who has too little evidence."""
        seen = insight.today(principal, class_id, course_id)
        people.record_views(principal, [one.learner.id for one in seen.stuck if one.evidence])
        return _today(seen)

    @api.get("/api/classes/{class_id}/map")
    def class_map(class_id: str, course_id: CourseId, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """Learners by points, most in need first."""
        return _map(insight.class_map(principal, class_id, course_id))

    @api.get("/api/classes/{class_id}/help")
    def help_(class_id: str, course_id: CourseId, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """Who needs help and why, with the answers that say so. early_warning: of the week to come, for teachers of the
        class only; null for everybody else."""
        found = insight.help(principal, class_id, course_id)
        risks = warnings.of_class(principal, class_id, course_id) if principal.role == "teacher" else None
        shown = [one.learner.id for one in found if any(why.evidence for why in one.reasons)]
        people.record_views(principal, shown + [one.learner.id for one in (risks.warned if risks else ())])
        return {
            "learners": [{"learner": _learner(one.learner), "reasons": _reasons(one)} for one in found],
            "early_warning": None if risks is None else _risks(risks),
        }

    @api.get("/api/classes/{class_id}/mistakes")
    def mistakes(class_id: str, course_id: CourseId, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """The known mistakes of a class, with examples."""
        found = insight.mistakes(principal, class_id, course_id)
        people.record_views(principal, [row.learner_id for one in found for row in one.examples])
        return {"mistakes": [_mistake(one) for one in found]}

    @api.get("/api/classes/{class_id}/answers")
    def answers(
        class_id: str,
        point_id: Id,
        learner_id: Annotated[list[str] | None, Query(max_length=200)] = None,
        principal: Principal = Depends(caller),
    ) -> dict[str, Any]:
        """The answers of a class, or of some of it, on one point."""
        found = insight.answers(principal, class_id, point_id, learner_id)
        people.record_views(principal, [one.learner_id for one in found])
        return {"responses": _responses(found)}

    @api.get("/api/learners/{learner_id}/responses")
    def responses(
        learner_id: str, limit: Annotated[int, Query(ge=1, le=1000)] = 200, principal: Principal = Depends(caller)
    ) -> dict[str, Any]:
        """One learner's answers, newest first."""
        found = insight.responses(principal, learner_id, limit=limit)
        people.record_view(principal, learner_id)
        return {"responses": _responses(found)}

    return api


# Any below: JSON that FastAPI encodes.
def _today(seen: ClassToday) -> dict[str, Any]:
    return {
        "class_id": seen.class_id,
        "course_id": seen.course_id,
        "point_id": seen.point_id,
        "size": seen.size,
        "stuck": [
            {
                "learner": _learner(one.learner),
                "right": one.right,
                "answers": one.answers,
                "evidence": _responses(one.evidence),
                "misconception": one.misconception,
            }
            for one in seen.stuck
        ],
        "too_little_evidence": [
            {"learner": _learner(learner), "answers": n} for learner, n in seen.too_little_evidence
        ],
        "ready": seen.ready,
        "shared_misconception": seen.shared_misconception,
        "shared_by": seen.shared_by,
    }


def _map(seen: ClassMap) -> dict[str, Any]:
    rows = [
        {"learner": _learner(learner), "mastery": {point: asdict(known) for point, known in row.items()}}
        for learner, row in seen.rows
    ]
    return {"points": seen.points, "rows": rows, "percent_correct": dict(seen.percent_correct)}


def _reasons(one: Help) -> list[dict[str, Any]]:
    return [{**vars(why), "evidence": _responses(why.evidence)} for why in one.reasons]


def _risks(seen: ClassRisks) -> dict[str, Any]:
    warned = [
        {"learner": _learner(one.learner), "chance": one.chance, "because": [asdict(why) for why in one.because]}
        for one in seen.warned
    ]
    return {
        "until": seen.until,
        "warned": warned,
        "evidence": None if seen.evidence is None else asdict(seen.evidence),
        "trust": None if seen.trust is None else asdict(seen.trust),
    }


def _mistake(one: ClassMistake) -> dict[str, Any]:
    learners = [_learner(learner) for learner in one.learners]
    return {**vars(one), "learners": learners, "examples": _responses(one.examples)}


def _learner(one: Learner) -> dict[str, Any]:
    return {"id": one.id, "number": one.number, "name": one.name, "simulated": one.simulated}


def _responses(found: Sequence[Response]) -> list[dict[str, Any]]:
    hidden = ("school_id", "client_key", "withheld")
    return [{name: value for name, value in vars(one).items() if name not in hidden} for one in found]
