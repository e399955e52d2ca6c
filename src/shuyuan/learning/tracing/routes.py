"""HTTP of tracing: what a learner knows of a course."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Principal
from shuyuan.learning.courses.interface import Courses
from shuyuan.learning.people.interface import People
from shuyuan.learning.tracing.interface import MINIMUM_EVIDENCE, Tracing


def router(tracing: Tracing, courses: Courses, people: People) -> APIRouter:
    """The route /api/learners/{learner_id}/mastery."""
    api = APIRouter(tags=["learning"])

    @api.get("/api/learners/{learner_id}/mastery")
    def mastery(
        learner_id: str, course_id: Annotated[str, Query(max_length=64)], principal: Principal = Depends(caller)
    ) -> dict[str, Any]:  # Any: JSON
        """Each point of the course, prerequisites first; level is null below the minimum evidence."""
        people.learner(principal, learner_id)
        points = courses.graph(principal.school_id, course_id).points
        known = tracing.of_learner(principal, learner_id, [point.id for point in points])
        people.record_view(principal, learner_id)
        return {
            "learner_id": learner_id,
            "course_id": course_id,
            "minimum_evidence": MINIMUM_EVIDENCE,
            "tracer_version": tracing.version(principal.school_id),
            "points": [{**asdict(known[point.id]), "name": point.name.model_dump()} for point in points],
        }

    return api
