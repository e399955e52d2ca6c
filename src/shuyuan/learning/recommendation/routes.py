"""HTTP of recommendation: what next, and what to redo."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Principal
from shuyuan.learning.people.interface import People
from shuyuan.learning.recommendation.interface import Recommendation


class Asked(BaseModel, extra="forbid"):
    """How many activities; the learner's own courses are all looked at."""

    limit: int = Field(3, ge=1, le=20)


def router(recommendation: Recommendation, people: People) -> APIRouter:
    """The routes under /api/learners/{learner_id}: next, mistakes."""
    api = APIRouter(tags=["learning"])

    @api.get("/api/learners/{learner_id}/next")
    def following(
        learner_id: str, asked: Annotated[Asked, Query()], principal: Principal = Depends(caller)
    ) -> dict[str, Any]:  # Any: JSON
        """The next activities, best first, each with its reason and items ready to start."""
        found = recommendation.next(principal, learner_id, limit=asked.limit)
        people.record_view(principal, learner_id)
        return {"activities": [asdict(one) for one in found]}

    @api.get("/api/learners/{learner_id}/mistakes")
    def mistakes(learner_id: str, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """The mistakes notebook, newest first."""
        found = recommendation.mistakes(principal, learner_id)
        people.record_view(principal, learner_id)
        return {"mistakes": [asdict(one) for one in found]}

    return api
