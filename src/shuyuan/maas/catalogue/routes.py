"""Models over HTTP: administrators list, pull and choose; developers look and bring versions of their own.

A version is brought as the raw body, streamed to disk, everything else in the query:
`curl -T model.onnx -X POST -H "authorization: Bearer $KEY" ".../api/models/digits/versions?runner=onnx&labels=0,1,2"`
"""

import json
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.catalogue import importing, interface, service

Name = Annotated[str, Path(max_length=120, pattern=r"^[^\x00]*$")]  # PostgreSQL takes no NUL


class AliasMove(BaseModel):
    """Where an alias shall point, and why."""

    version: int = Field(ge=1, le=2**31 - 1)
    reason: str = Field(min_length=1, max_length=400)


class About(BaseModel):
    """What a brought file says about itself, in the query. Lists are separated by commas.

    labels: the names of a classifier's outputs, in order; they join `x-shuyuan-spec`.
    champion: serve it from now on; an administrator says so, with a reason.
    """

    runner: str = Field("onnx", max_length=32)
    tasks: str = Field("", max_length=400)
    labels: str = Field("", max_length=60_000)
    card_zh: str = ""
    card_en: str = ""
    context_tokens: int = Field(0, ge=0, le=1 << 24)
    champion: bool = False
    reason: str = Field("", max_length=400)


def router(catalogue: service.CatalogueService) -> APIRouter:
    """Routes under /api/models."""
    routes = APIRouter(tags=["models"])

    @routes.get("/api/models")
    def list_models() -> list[interface.ModelInfo]:
        return catalogue.models()

    @routes.post("/api/models/{name}/pull", status_code=202)
    def start_pull(name: Name) -> interface.PullProgress:
        return catalogue.pull_in_background(name)

    @routes.delete("/api/models/{name}/pull", status_code=204)
    def cancel_pull(name: Name) -> None:
        catalogue.cancel_pull(name)

    @routes.get("/api/models/{name}/versions")
    def list_versions(name: Name, principal: Principal = Depends(caller)) -> list[interface.Version]:
        return catalogue.versions(principal.school_id, name)

    @routes.post("/api/models/{name}/versions", status_code=201)
    async def add_version(
        request: Request,
        name: Name,
        about: Annotated[About, Query()],
        x_shuyuan_spec: Annotated[str, Header(description="JSON object: image, detector … (UTF-8)")] = "{}",
        principal: Principal = Depends(caller),
    ) -> interface.Version:
        """The body is the model file itself. Stored under the caller's school, as the next version of `name`."""
        if about.champion or about.runner == "remote":
            _require_chooser(principal)
        spec, tasks, school_id = _spec(x_shuyuan_spec, about.labels), _split(about.tasks), principal.school_id
        await run_in_threadpool(  # before the file is sent
            catalogue.check_claims,
            school_id,
            model=name,
            runner=about.runner,
            tasks=tasks,
            spec=spec,
            champion=about.champion,
            reason=about.reason,
        )
        async with importing.received(request.stream(), catalogue.incoming_dir, catalogue.max_model_bytes) as path:
            return await run_in_threadpool(
                catalogue.add_file,
                school_id,
                principal.account_id,
                model=name,
                source=path,
                runner=about.runner,
                tasks=tasks,
                spec=spec,
                card=interface.LocalText(zh=about.card_zh or about.card_en or name, en=about.card_en or name),
                context_tokens=about.context_tokens,
                champion=about.champion,
                reason=about.reason,
            )

    @routes.post("/api/models/{name}/aliases/{alias}")
    def move_alias(
        name: Name,
        alias: Annotated[str, Path(max_length=64)],
        move: AliasMove,
        principal: Principal = Depends(caller),
    ) -> interface.Alias:
        return catalogue.move_alias(
            principal.school_id,
            principal.account_id,
            model=name,
            alias=alias,
            version=move.version,
            reason=move.reason,
        )

    _removals(routes, catalogue)
    return routes


class Removing(BaseModel):
    """Why something goes."""

    reason: str = Field(min_length=1, max_length=400, pattern=r"^[^\x00]*$")


def _removals(routes: APIRouter, catalogue: service.CatalogueService) -> None:
    """Administrators take away, for a reason."""

    @routes.delete("/api/models/{name}/versions/{number}")
    def delete_version(
        name: Name,
        number: Annotated[int, Path(ge=1, le=2**31 - 1)],
        body: Removing,
        principal: Principal = Depends(caller),
    ) -> list[interface.Version]:
        """Refused while an alias, a canary, a shadow or a version made from it stands on it."""
        return catalogue.delete(principal.school_id, principal.account_id, name, number, body.reason)

    @routes.delete("/api/models/{name}")
    def delete_model(name: Name, body: Removing, principal: Principal = Depends(caller)) -> list[interface.Version]:
        """Every version of the school's own."""
        return catalogue.delete(principal.school_id, principal.account_id, name, None, body.reason)

    @routes.delete("/api/models/{name}/aliases/{alias}", status_code=204)
    def remove_alias(
        name: Name,
        alias: Annotated[str, Path(max_length=64, pattern=r"^[^\x00]*$")],
        body: Removing,
        principal: Principal = Depends(caller),
    ) -> None:
        """The alias points nowhere from now on."""
        catalogue.remove_alias(principal.school_id, principal.account_id, model=name, alias=alias, reason=body.reason)


def _require_chooser(principal: Principal) -> None:
    """What pupils are served, and whom this server calls, is an administrator's choice, as on the alias route."""
    principal.require("admin")
    if "admin" not in principal.scopes:
        raise errors.Forbidden("this key may not choose what is served or called", fix="use a key with the scope admin")


def _spec(header: str, labels: str) -> dict[str, object]:
    try:
        spec = json.loads(header.encode("latin-1"))  # headers arrive as latin-1, whatever was sent
    except (ValueError, RecursionError) as wrong:
        raise errors.BadInput(
            f"x-shuyuan-spec is not JSON: {wrong}", fix="send a JSON object", code="bad_spec"
        ) from wrong
    if not isinstance(spec, dict):
        raise errors.BadInput("x-shuyuan-spec is not a JSON object", fix='send {"image": …}', code="bad_spec")
    return spec | ({"labels": _split(labels)} if labels else {})


def _split(listed: str) -> list[str]:
    return [word.strip() for word in listed.split(",") if word.strip()]
