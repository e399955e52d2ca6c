"""Deployments over HTTP: try, promote, go back, look, lineage, edge bundles and what they report."""

import tempfile
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.deployment import bundles, interface
from shuyuan.maas.deployment.service import DeploymentService

Name = Annotated[str, Path(max_length=120, pattern=r"^[^\x00]*$")]
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
Reason = Annotated[str, Field(max_length=400, pattern=r"^[^\x00]*$")]
_CHUNK_BYTES = 1 << 20


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Deploy(_Body):
    """A version to try: a share of the people, or as a shadow, or both. Past no gate a share needs a reason."""

    version: int = Field(ge=1, le=2**31 - 1)
    canary: float | None = Field(None, gt=0, le=interface.MAX_SHARE, description="Share of the people, 0.1 for 10 %.")
    shadow: bool = False
    rules: interface.Rules | None = None
    reason: Reason = ""


class Promotion(_Body):
    """A version to serve. verdict: the id of what a gate said; without a passed one a reason is needed."""

    version: int = Field(ge=1, le=2**31 - 1)
    verdict: str | None = Field(None, max_length=64, pattern=r"^[^\x00]*$")
    reason: Reason = ""


class Back(_Body):
    """Why."""

    reason: Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00]*$")]


class Seen(BaseModel):
    """A deployment with what was counted and its history."""

    deployment: interface.Deployment
    standing: list[interface.Standing]
    history: list[interface.Change]


class Counted(BaseModel):
    """Reports that were new."""

    counted: int


def router(deployment: DeploymentService) -> APIRouter:
    """Routes under /api/deployments, /api/models/…/lineage and /api/edge-reports."""
    routes = APIRouter(tags=["deployments"])
    _changing(routes, deployment)
    _looking(routes, deployment)
    _bundles(routes, deployment)
    return routes


def _changing(routes: APIRouter, deployments: DeploymentService) -> None:
    @routes.post("/api/deployments/{name}")
    def deploy(name: Name, body: Deploy, principal: Principal = Depends(caller)) -> interface.Deployment:
        """Try a version on a share of the people, or beside. A share past no gate: administrators, with a reason."""
        return deployments.deploy(
            principal.school_id,
            principal.account_id,
            name,
            body.version,
            share=body.canary,
            shadow=body.shadow,
            rules=body.rules,
            reason=body.reason,
        )

    @routes.post("/api/deployments/{name}/stop")
    def stop(name: Name, body: Back, principal: Principal = Depends(caller)) -> interface.Deployment:
        """End canary and shadow."""
        return deployments.stop(principal.school_id, principal.account_id, name, body.reason)

    @routes.post("/api/deployments/{name}/promote")
    def promote(name: Name, body: Promotion, principal: Principal = Depends(caller)) -> interface.Deployment:
        """Serve a version from now on. Past a failed gate, or past none: administrators, with a reason.

        With neither a verdict nor a reason the verdict on record is taken.
        """
        school_id = principal.school_id
        verdict = deployments.verdict(school_id, body.verdict)
        if verdict is None and not body.reason.strip():
            verdict = deployments.spoken(school_id, name, body.version)
        if verdict is None or not verdict.passed:
            principal.require("admin")
        return deployments.promote(
            principal.school_id, principal.account_id, name, body.version, verdict, reason=body.reason
        )

    @routes.post("/api/deployments/{name}/rollback")
    def rollback(name: Name, body: Back, principal: Principal = Depends(caller)) -> interface.Deployment:
        """The way back, at any hour."""
        return deployments.rollback(principal.school_id, principal.account_id, name, body.reason)


def _looking(routes: APIRouter, deployments: DeploymentService) -> None:
    @routes.get("/api/deployments")
    def listed(principal: Principal = Depends(caller)) -> list[interface.Deployment]:
        """Every model that was ever deployed."""
        return deployments.deployments(principal.school_id)

    @routes.get("/api/deployments/{name}")
    def one(name: Name, principal: Principal = Depends(caller)) -> Seen:
        """One model: what is served, what was counted, how it came to be so."""
        school_id = principal.school_id
        return Seen(
            deployment=deployments.deployment(school_id, name),
            standing=deployments.standing(school_id, name),
            history=deployments.history(school_id, name),
        )

    @routes.get("/api/models/{name}/versions/{number}/lineage", response_model=interface.Graph)
    def lineage(
        name: Name,
        number: Number,
        form: Annotated[Literal["json", "svg"], Query(alias="format")] = "json",
        language: Literal["zh", "en"] | None = None,
        principal: Principal = Depends(caller),
    ) -> interface.Graph | Response:
        """Where a version came from and where it went; `format=svg` draws it."""
        graph = deployments.lineage(principal.school_id, name, number)
        if form == "json":
            return graph
        drawn = interface.picture(graph, language or principal.language)
        return Response(drawn, media_type="image/svg+xml")


def _bundles(routes: APIRouter, deployments: DeploymentService) -> None:
    @routes.get("/api/models/{name}/versions/{number}/bundle", response_class=StreamingResponse)
    def bundle(name: Name, number: Number, principal: Principal = Depends(caller)) -> StreamingResponse:
        """A zip that runs this version without a network."""
        target = FilePath(tempfile.mkstemp(suffix=".zip")[1])
        try:
            deployments.bundle(principal.school_id, principal.account_id, name, number, target)
        except BaseException:
            target.unlink()
            raise
        named = "".join(
            letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "_" for letter in name
        )
        headers = {
            "content-disposition": f'attachment; filename="{named}-{number}.zip"',
            "content-length": str(target.stat().st_size),
        }
        return StreamingResponse(_read_and_drop(target), media_type="application/zip", headers=headers)

    @routes.post("/api/edge-reports")
    async def report(request: Request, principal: Principal = Depends(caller)) -> Counted:
        """The lines of a bundle's report.jsonl, as they are; sent twice, they are counted once."""
        sent = bytearray()
        async for chunk in request.stream():
            sent += chunk
            if len(sent) > bundles.MAX_REPORT_BYTES:
                raise errors.TooLarge(
                    f"more than {bundles.MAX_REPORT_BYTES} bytes", fix="send the lines in several parts"
                )
        new = await run_in_threadpool(deployments.take_report, principal.school_id, bytes(sent))
        return Counted(counted=len(new))


def _read_and_drop(path: FilePath) -> Iterator[bytes]:
    try:
        with path.open("rb") as source:
            while chunk := source.read(_CHUNK_BYTES):
                yield chunk
    finally:
        path.unlink(missing_ok=True)
