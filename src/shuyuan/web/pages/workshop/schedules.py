"""Pipelines that start by themselves: when, next, paused or not. The form is the one that starts a pipeline."""

from typing import Literal

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool

from shuyuan.identity.interface import Principal
from shuyuan.maas.pipelines.interface import NewSchedule, Schedule, Spec
from shuyuan.web.needs import WorkshopNeeds
from shuyuan.web.pages.workshop import common
from shuyuan.web.reading import Reader

NOW = "now"
WHEN = (NOW, "daily", "weekly", "new_data")
HOURS = (*range(18, 24), *range(7))  # outside school hours on every day
DAYS = range(7)
_HERE = "/workshop/pipelines"


def router(needs: WorkshopNeeds) -> APIRouter:
    """`/workshop/pipelines/schedules/…`."""
    api = APIRouter(include_in_schema=False)

    @api.post("/workshop/pipelines/schedules/{schedule_id}/{verb}")
    async def act(reader: Reader, schedule_id: str, verb: Literal["pause", "resume", "delete"]) -> Response:
        await run_in_threadpool(_act, needs, reader, schedule_id, verb)
        return common.lead(_HERE, f"schedule_{verb}")

    return api


def is_asked(form: common.Form) -> bool:
    """Whether the form says when, and not now."""
    return common.first(form, "every", NOW) != NOW


def added(needs: WorkshopNeeds, reader: Principal, form: common.Form, spec: Spec) -> Schedule:
    """A schedule of this spec, with the newest version of its data each time. Raises ValidationError, BadInput."""
    data, _, number = spec.data.removeprefix("data:/").rpartition("/")
    newest = f"data:/{data}" if data and number.isdigit() else spec.data
    said = {"spec": spec.model_copy(update={"data": newest}), "every": common.first(form, "every")}
    times = {name: text for name in ("hour", "weekday") if (text := common.first(form, name))}
    new = NewSchedule.model_validate(said | times)
    return needs.pipelines.schedule(reader.school_id, reader.account_id, new)


def _act(needs: WorkshopNeeds, reader: Principal, schedule_id: str, verb: str) -> None:
    if verb == "delete":
        needs.pipelines.unschedule(reader.school_id, reader.account_id, schedule_id)
    else:
        needs.pipelines.pause(reader.school_id, reader.account_id, schedule_id, verb == "pause")
