"""Pipelines over HTTP: start from a JSON spec, list, show, draw, cancel; schedules."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Response

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.deployment.interface import picture
from shuyuan.maas.pipelines import interface
from shuyuan.maas.pipelines.service import PipelinesService

Id = Annotated[str, Path(max_length=64, pattern=r"^[^\x00]*$")]


def router(pipelines: PipelinesService) -> APIRouter:
    """Routes under /api/pipelines and /api/pipeline-schedules."""
    routes = APIRouter(tags=["pipelines"])

    @routes.post("/api/pipelines", status_code=202)
    def start(spec: interface.Spec, principal: Principal = Depends(caller)) -> interface.Pipeline:
        """Start one. It goes on after a crash, and ends once."""
        _may_serve(principal, pipelines.settled(spec))
        return pipelines.start(principal.school_id, principal.account_id, spec)

    @routes.get("/api/pipelines")
    def listed(
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
        principal: Principal = Depends(caller),
    ) -> list[interface.Pipeline]:
        """Newest first."""
        return pipelines.pipelines(principal.school_id, limit=limit, before=before)

    @routes.get("/api/pipeline-tasks")
    def able(principal: Principal = Depends(caller)) -> list[interface.Abilities]:
        """What a pipeline of each task can do, and what it does unless it is told otherwise."""
        return pipelines.abilities()

    @routes.get("/api/pipelines/{pipeline_id}")
    def one(pipeline_id: Id, principal: Principal = Depends(caller)) -> interface.Pipeline:
        """By id or number, with each step's state."""
        return pipelines.pipeline(principal.school_id, pipeline_id)

    @routes.get("/api/pipelines/{pipeline_id}/picture")
    def drawn(
        pipeline_id: Id, language: Literal["zh", "en"] | None = None, principal: Principal = Depends(caller)
    ) -> Response:
        """Its steps as SVG, left to right."""
        found = pipelines.pipeline(principal.school_id, pipeline_id)
        drawing = picture(pipelines.graph(found), language or principal.language)
        return Response(drawing, media_type="image/svg+xml")

    @routes.post("/api/pipelines/{pipeline_id}/cancel")
    def cancel(pipeline_id: Id, principal: Principal = Depends(caller)) -> interface.Pipeline:
        """Stop it and the work under way."""
        return pipelines.cancel(principal.school_id, principal.account_id, pipeline_id)

    @routes.post("/api/pipeline-schedules", status_code=201)
    def schedule(new: interface.NewSchedule, principal: Principal = Depends(caller)) -> interface.Schedule:
        """Start a spec daily, weekly, or when its data set has a new version."""
        _may_serve(principal, pipelines.settled(new.spec))
        return pipelines.schedule(principal.school_id, principal.account_id, new)

    @routes.get("/api/pipeline-schedules")
    def schedules(principal: Principal = Depends(caller)) -> list[interface.Schedule]:
        """Every schedule of the school."""
        return pipelines.schedules(principal.school_id)

    @routes.post("/api/pipeline-schedules/{schedule_id}/pause")
    def pause(schedule_id: Id, principal: Principal = Depends(caller)) -> interface.Schedule:
        """Start nothing until it is resumed."""
        return pipelines.pause(principal.school_id, principal.account_id, schedule_id, True)

    @routes.post("/api/pipeline-schedules/{schedule_id}/resume")
    def resume(schedule_id: Id, principal: Principal = Depends(caller)) -> interface.Schedule:
        """From its next time on; what the pause missed is not made up for."""
        return pipelines.pause(principal.school_id, principal.account_id, schedule_id, False)

    @routes.delete("/api/pipeline-schedules/{schedule_id}", status_code=204)
    def unschedule(schedule_id: Id, principal: Principal = Depends(caller)) -> None:
        """Start it no more."""
        pipelines.unschedule(principal.school_id, principal.account_id, schedule_id)

    return routes


def _may_serve(principal: Principal, spec: interface.Spec) -> None:
    """Raise Forbidden for a key that may register versions and not choose what people are served."""
    if (spec.promote or spec.canary is not None) and "admin" not in principal.scopes:
        raise errors.Forbidden(
            "this key may not choose what is served",
            fix='send "promote": false and no canary, or use a key with the scope admin',
        )
