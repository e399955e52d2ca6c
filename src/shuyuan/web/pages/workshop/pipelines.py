"""Pipelines: the whole way at once, from data to a version in use, started by a short form or as JSON."""

import json
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from markupsafe import Markup
from pydantic import ValidationError

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.deployment.interface import picture
from shuyuan.maas.pipelines.interface import ENDED, Pipeline, Spec
from shuyuan.web.needs import WorkshopNeeds
from shuyuan.web.pages.workshop import common, schedules
from shuyuan.web.pages.workshop.data import newest_of
from shuyuan.web.reading import Reader

SHARES = ("0", "5", "10", "25")  # percent of the people
PROMOTE = {"1": True, "0": False}  # what else is said leaves it to the task


def router(needs: WorkshopNeeds) -> APIRouter:
    """`/workshop/pipelines…`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/workshop/pipelines")
    def listed(request: Request, reader: Reader, notice: str = "") -> Response:
        return _list(needs, request, reader, {}, notice=notice)

    @api.post("/workshop/pipelines")
    async def start(request: Request, reader: Reader) -> Response:
        form = await common.said(request)
        try:
            spec = spec_of(form)
            if schedules.is_asked(form):
                await run_in_threadpool(schedules.added, needs, reader, form, spec)
                return common.lead("/workshop/pipelines", "scheduled")
            found = await run_in_threadpool(needs.pipelines.start, reader.school_id, reader.account_id, spec)
        except (errors.ShuyuanError, ValidationError) as wrong:
            trouble = common.bad(wrong) if isinstance(wrong, ValidationError) else wrong
            return await run_in_threadpool(_list, needs, request, reader, form, trouble=trouble)
        return common.lead(f"/workshop/pipelines/{found.id}")

    @api.get("/workshop/pipelines/{pipeline_id}")
    def one(request: Request, reader: Reader, pipeline_id: str, notice: str = "", seen: str = "") -> Response:
        found = needs.pipelines.pipeline(reader.school_id, pipeline_id)
        return common.has_changed(request, seen, found.state) or _one(needs, request, reader, found, notice=notice)

    @api.post("/workshop/pipelines/{pipeline_id}/cancel")
    def cancel(request: Request, reader: Reader, pipeline_id: str) -> Response:
        try:
            needs.pipelines.cancel(reader.school_id, reader.account_id, pipeline_id)
        except errors.Conflict as wrong:
            found = needs.pipelines.pipeline(reader.school_id, pipeline_id)
            return _one(needs, request, reader, found, trouble=wrong)
        return common.lead(f"/workshop/pipelines/{pipeline_id}", "cancelling")

    return api


def spec_of(form: common.Form) -> Spec:
    """The JSON where some was written, else the short form. Raises BadInput, ValidationError."""
    said = form
    written = common.first(said, "json")
    if written:
        try:
            return Spec.model_validate(json.loads(written))
        except (ValueError, RecursionError) as wrong:
            if isinstance(wrong, ValidationError):
                raise
            raise errors.BadInput(
                f"the JSON cannot be read: {wrong}", fix="correct it, or use the short form"
            ) from wrong
    model = common.first(said, "model")
    train: dict[str, Any] = {"task": common.first(said, "task"), "config": {}}  # Any: JSON
    if epochs := common.first(said, "epochs"):
        train["config"]["epochs"] = common.number(epochs, 0) or epochs
    told: dict[str, Any] = {
        "name": common.first(said, "name") or model,
        "model": model,
        "data": common.first(said, "data"),
        "train": train,
        "promote": PROMOTE.get(common.first(said, "promote")),
    }
    if method := common.first(said, "method"):
        told["compress"] = {"method": method}
    if share := common.number(common.first(said, "share"), 0):
        told["canary"] = {"share": share / 100}
    return Spec.model_validate(told)


def _list(
    needs: WorkshopNeeds,
    request: Request,
    reader: Principal,
    form: common.Form,
    *,
    notice: str = "",
    trouble: errors.ShuyuanError | None = None,
) -> Response:
    return common.show(
        needs,
        request,
        "pipelines.html",
        reader,
        "pipelines",
        notice=notice,
        trouble=trouble,
        pipelines=needs.pipelines.pipelines(reader.school_id),
        sets=[one for one in newest_of(needs.datasets.versions(reader.school_id)) if len(one.parts) > 1],
        tasks=needs.training.tasks(),
        methods=needs.compression.methods(),
        shares=SHARES,
        schedules=needs.pipelines.schedules(reader.school_id),
        able={one.task: one for one in needs.pipelines.abilities()},
        when=schedules.WHEN,
        hours=schedules.HOURS,
        days=schedules.DAYS,
        said=lambda name, otherwise="": common.first(form, name, otherwise),
        asked=bool(form),
    )


def _left(needs: WorkshopNeeds, reader: Principal, found: Pipeline) -> list[str]:
    """Versions it left behind that are still there and that nobody has taken into use since."""
    there = (
        {one.uri: one.number for one in needs.catalogue.versions(reader.school_id, found.model)} if found.left else {}
    )
    used = set(needs.catalogue.aliases(reader.school_id, found.model).values()) if there else set()
    return [uri for uri in found.left if uri in there and there[uri] not in used]


def _one(
    needs: WorkshopNeeds,
    request: Request,
    reader: Principal,
    found: Pipeline,
    *,
    notice: str = "",
    trouble: errors.ShuyuanError | None = None,
) -> Response:
    drawn = picture(needs.pipelines.graph(found), reader.language)
    thaws_at = needs.deployment.thaws_at(reader.school_id)
    done = sum(step.state == "done" for step in found.steps)
    return common.show(
        needs,
        request,
        "pipeline.html",
        reader,
        "pipelines",
        notice=notice,
        trouble=trouble,
        pipeline=found,
        drawn=Markup(drawn),  # escaped there
        ended=found.state in ENDED,
        frozen=needs.deployment.frozen(reader.school_id) if thaws_at is not None else "",
        thaws_at=thaws_at,
        left=_left(needs, reader, found),
        done=done,
        spec=json.dumps(found.spec.model_dump(mode="json", exclude_none=True), ensure_ascii=False, indent=1),
    )
