"""Data sets over HTTP. A file is sent as the raw body, streamed to disk, everything else in the query:

`curl -T marks.csv -X POST -H "authorization: Bearer $KEY" ".../api/datasets/marks/versions?filename=marks.csv"`
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field, ValidationError
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.datasets import intake, interface, reading, service, steps, supervision

Name = Annotated[str, Path(max_length=80, pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
WorkId = Annotated[str, Path(max_length=40, pattern=r"^[0-9a-z]+$")]


class About(BaseModel):
    """What a sent file says about itself, in the query. columns: JSON, {"age": {"kind": "number"}}."""

    format: interface.Format | None = None
    filename: str = Field("", max_length=255)
    purpose: str = Field("", max_length=400)
    personal: bool = False
    consent: bool = False
    delimiter: str | None = Field(None, max_length=1)
    encoding: Literal["utf-8", "gb18030"] | None = None
    columns: str = Field("{}", max_length=60_000)


class Preparing(BaseModel):
    """A plan, and under which name its outcome is kept (None: the same)."""

    plan: interface.Plan
    name: str | None = Field(None, max_length=80)
    purpose: str = Field("", max_length=400)


class Consent(BaseModel):
    """Whether the persons in it agree to training. reason: how they agreed, or why they no longer do."""

    consent: bool
    reason: str = Field("", max_length=400)


class Purging(BaseModel):
    """Why the rows are removed for good; it stays with what is left."""

    reason: str = Field(min_length=1, max_length=400)


class Erasing(BaseModel):
    """Whose rows are removed: as the column of persons has them, or what they were before they became pseudonyms."""

    persons: list[Annotated[str, Field(min_length=1, max_length=400)]] = Field(min_length=1, max_length=10_000)
    reason: str = Field(min_length=1, max_length=400)


class Listed(BaseModel):
    """The newest version of each data set, by name, and what is under way. next: `after` of the next page."""

    datasets: list[interface.DataSetVersion]
    works: list[interface.Work]
    next: str | None = None


class Used(BaseModel):
    """What was made with a version: runs, reports, models."""

    by: list[str]


class Shown(BaseModel):
    """A version with its first rows."""

    version: interface.DataSetVersion
    uri: str
    preview: list[dict[str, Any]]  # Any: JSON of the table's values


def router(datasets: service.DataSetsService) -> APIRouter:
    """Routes under /api/datasets."""
    routes = APIRouter(tags=["datasets"])

    @routes.get("/api/datasets")
    def list_datasets(
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        after: Annotated[str, Query(max_length=80, pattern=r"^[^\x00]*$")] = "",
        principal: Principal = Depends(caller),
    ) -> Listed:
        """By name. after: the name that the page before ended with."""
        found = datasets.newest(principal.school_id, limit=limit + 1, after=after)
        shown = [interface.for_reader(one, principal) for one in found[:limit]]
        more = shown[-1].name if len(found) > limit else None
        return Listed(datasets=shown, works=datasets.works(principal.school_id), next=more)

    @routes.get("/api/datasets/steps")
    def list_steps() -> dict[str, list[dict[str, Any]]]:
        return steps.described()

    @routes.get("/api/datasets/works/{work_id}")
    def show_work(work_id: WorkId, principal: Principal = Depends(caller)) -> interface.Work:
        return datasets.work(principal.school_id, work_id)

    @routes.post("/api/datasets/works/{work_id}/cancel")
    def cancel_work(work_id: WorkId, principal: Principal = Depends(caller)) -> interface.Work:
        return datasets.cancel(principal.school_id, principal.account_id, work_id)

    @routes.get("/api/datasets/{name}/versions")
    def list_versions(name: Name, principal: Principal = Depends(caller)) -> list[interface.DataSetVersion]:
        datasets.version(principal.school_id, f"data:/{name}")  # raises UnknownDataSet
        return [interface.for_reader(one, principal) for one in datasets.versions(principal.school_id, name)]

    @routes.post("/api/datasets/{name}/versions", status_code=202)
    async def add_version(
        request: Request, name: Name, about: Annotated[About, Query()], principal: Principal = Depends(caller)
    ) -> interface.Work:
        """The body is the file itself; the answer comes once it is here, the version once it is read."""
        new = _new(name, about)
        interface.require_may_consent(new, principal)
        kind = reading.format_of(new)
        work_id, path = datasets.incoming()
        try:
            await intake.receive(request.stream(), path, kind, datasets.bounds)
        except BaseException:
            supervision.remove(path.parent)
            raise
        return await run_in_threadpool(datasets.taken, principal.school_id, principal.account_id, work_id, new)

    @routes.get("/api/datasets/{name}/{number:int}")
    def show_version(name: Name, number: Number, principal: Principal = Depends(caller)) -> Shown:
        version = datasets.version(principal.school_id, f"{name}/{number}")
        first = datasets.preview(version) if interface.sees_rows(version, principal) else []
        told = interface.for_reader(version, principal)
        return Shown(version=told, uri=version.uri, preview=[dict(row) for row in first])

    @routes.put("/api/datasets/{name}/{number:int}/consent")
    def set_consent(
        name: Name, number: Number, body: Consent, principal: Principal = Depends(caller)
    ) -> interface.DataSetVersion:
        told = (principal.school_id, principal.account_id, f"{name}/{number}")
        return datasets.set_consent(*told, body.consent, body.reason)

    @routes.post("/api/datasets/{name}/{number:int}/purge")
    def purge(name: Name, number: Number, body: Purging, principal: Principal = Depends(caller)) -> interface.Purged:
        """Of a withdrawn version and all made from it. What it was used for, and who shares its rows, is answered."""
        return datasets.purge(principal.school_id, principal.account_id, f"{name}/{number}", body.reason)

    @routes.post("/api/datasets/{name}/{number:int}/erase", status_code=202)
    def erase(name: Name, number: Number, body: Erasing, principal: Principal = Depends(caller)) -> interface.Work:
        """New versions without these persons take the place of this one, what it was made from and all made from it."""
        told = (principal.school_id, principal.account_id, f"{name}/{number}")
        return datasets.erase_persons(*told, body.persons, body.reason)

    @routes.get("/api/datasets/{name}/{number:int}/users")
    def list_users(name: Name, number: Number, principal: Principal = Depends(caller)) -> Used:
        return Used(by=datasets.users(datasets.version(principal.school_id, f"{name}/{number}")))

    @routes.delete("/api/datasets/{name}/{number:int}", status_code=204)
    def delete_version(name: Name, number: Number, principal: Principal = Depends(caller)) -> None:
        datasets.delete(principal.school_id, principal.account_id, f"{name}/{number}")

    @routes.post("/api/datasets/{name}/{number:int}/prepare", status_code=202)
    def prepare(name: Name, number: Number, body: Preparing, principal: Principal = Depends(caller)) -> interface.Work:
        return datasets.prepare(
            principal.school_id,
            principal.account_id,
            f"{name}/{number}",
            body.plan,
            name=body.name,
            purpose=body.purpose,
        )

    @routes.get("/api/datasets/{name}/{number:int}/parts/{part}")
    def download(
        name: Name,
        number: Number,
        part: interface.Part,
        form: Annotated[Literal["parquet", "csv"], Query(alias="format")] = "parquet",
        principal: Principal = Depends(caller),
    ) -> FileResponse:
        version = datasets.version(principal.school_id, f"{name}/{number}")
        filename = f"{version.name}-{version.number}-{part}.{form}"
        quiet = {"cache-control": "no-store"}
        if form == "parquet":
            path = datasets.open_part(version, part)
            datasets.note_download(version, principal.account_id, part, form)
            return FileResponse(path, filename=filename, media_type="application/vnd.apache.parquet", headers=quiet)
        home = datasets.incoming()[1].parent  # what stays there after a crash is swept
        target = home / filename
        try:
            home.mkdir(parents=True, mode=0o700)
            datasets.export_csv(version, part, target)
            datasets.note_download(version, principal.account_id, part, form)
        except BaseException:
            supervision.remove(home)
            raise
        gone = BackgroundTask(supervision.remove, home)
        return FileResponse(target, filename=filename, media_type="text/csv", headers=quiet, background=gone)

    return routes


def _new(name: str, about: About) -> interface.NewDataSet:
    try:
        columns = json.loads(about.columns)
        if not isinstance(columns, Mapping):
            raise ValueError("it is no JSON object")
        return interface.NewDataSet.model_validate({**about.model_dump(), "name": name, "columns": columns})
    except (ValueError, RecursionError) as wrong:
        said = wrong.errors()[0]["msg"] if isinstance(wrong, ValidationError) else str(wrong)
        raise errors.BadInput(f"columns cannot be read: {said}", fix='write {"age": {"kind": "number"}}') from wrong
