"""HTTP of the loop: look, turn, go back; and answers as a data set."""

from dataclasses import asdict
from typing import Any, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Principal
from shuyuan.kernel.errands import Errands
from shuyuan.learning.improvement.interface import TURNING, Gathering, Improvement, TracerVersion, TurnUnderWay
from shuyuan.maas.datasets.interface import Work


class Reason(BaseModel):
    """Why a version shall be used again, in a sentence; it goes into the activity log with your name's id."""

    reason: str = Field(min_length=1, max_length=500)


class NewGathering(BaseModel):
    """A data set of the school's own answers: its name, what the learners agreed to, and what it is for."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,79}$")
    purpose: Literal["improvement", "research"]
    said: str = Field("", max_length=400)


def router(improvement: Improvement, gathering: Gathering, errands: Errands) -> APIRouter:
    """`/api/loop`, `/api/records/datasets`."""
    api = APIRouter(tags=["loop"])

    @api.get("/api/loop")
    def look(principal: Principal = Depends(caller)) -> dict[str, Any]:
        """Versions of the tracer, newest first, with figures beside limits; where the loop stands, and since when it is
        at work (null: it is not); the last look at the version in use, and its alarms."""
        watch, since = improvement.watching.last(principal), errands.since(TURNING, principal.school_id)
        return {
            "working_since": since and since.isoformat(),
            "watch": None if watch is None else asdict(watch),
            "alarms": [asdict(alarm) for alarm in improvement.watching.alarms(principal)],
            "status": asdict(improvement.status(principal)),
            "served_before": dict(improvement.served_before(principal)),
            "versions": [_told(version) for version in improvement.versions(principal)],
        }

    @api.post("/api/loop/turn")
    def turn(principal: Principal = Depends(caller)) -> dict[str, Any]:
        """Refit now, judge, and promote only past the gate. 409 not_enough_answers while there is too little,
        nothing_new where it would be a version there is already, turn_under_way while the loop is at work for this
        school (`working_since` of `GET /api/loop`)."""
        with errands.take(TURNING, principal.school_id) as free:
            if not free:
                raise TurnUnderWay("the loop is at work for this school", fix="ask again when it is done")
            return _told(improvement.turn(principal.school_id, by=principal.account_id))

    @api.post("/api/loop/versions/{version_id}/use")
    def use(version_id: str, body: Reason, principal: Principal = Depends(caller)) -> dict[str, Any]:
        """Serve this version again, with a named person's reason. `prior-1` is the built-in tracer."""
        return _told(improvement.roll_back(principal, version_id, body.reason))

    @api.get("/api/records/datasets")
    def gatherable(principal: Principal = Depends(caller)) -> list[dict[str, Any]]:
        """How many learners and answers there are, by what the learners agreed to. A teacher's are their classes'."""
        return [asdict(one) for one in gathering.gatherable(principal)]

    @api.post("/api/records/datasets", status_code=202)
    def gather(body: NewGathering, principal: Principal = Depends(caller)) -> Work:
        """A data set of these answers, with pseudonyms. Follow it at /api/datasets/works/{work_id}."""
        return gathering.gather(principal, body.name, body.purpose, said=body.said)

    return api


def _told(version: TracerVersion) -> dict[str, Any]:
    conditions = [{**asdict(one), "passed": one.passed} for one in version.conditions]
    return {**asdict(version), "at": version.at.isoformat(), "conditions": conditions}
