"""Models over HTTP, for administrators: list, pull, cancel; versions for developers too."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Principal
from shuyuan.maas.catalogue import interface

Name = Annotated[str, Path(max_length=120)]


def router(catalogue: interface.Catalogue) -> APIRouter:
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

    return routes
