"""Compressions over HTTP: methods with their forms, start, look, cancel."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Principal
from shuyuan.maas.compression import interface

Id = Annotated[str, Path(max_length=40, pattern=r"^[0-9a-z]+$")]


def router(compression: interface.Compressing) -> APIRouter:
    """`/api/compressions`."""
    api = APIRouter(tags=["compressions"])

    @api.get("/api/compressions/methods")
    def list_methods() -> list[interface.MethodInfo]:
        """Every method, what it is for, and the JSON schema of its options."""
        return compression.methods()

    @api.get("/api/compressions")
    def list_compressions(
        parent: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        principal: Principal = Depends(caller),
    ) -> list[interface.Compression]:
        """Newest first; of one version (`models:/x/3`) or of all."""
        return compression.compressions(principal.school_id, parent=parent, limit=limit)

    @api.post("/api/compressions", status_code=202)
    def start(new: interface.NewCompression, principal: Principal = Depends(caller)) -> interface.Compression:
        """Queue one; the child version is named in `child` once the state is finished."""
        return compression.start(principal, new)

    @api.get("/api/compressions/{compression_id}")
    def show(compression_id: Id, principal: Principal = Depends(caller)) -> interface.Compression:
        """How far it is, and the table against the parent once it is finished."""
        return compression.compression(principal.school_id, compression_id)

    @api.post("/api/compressions/{compression_id}/cancel")
    def cancel(compression_id: Id, principal: Principal = Depends(caller)) -> interface.Compression:
        """Stop it; nothing of it stays."""
        return compression.cancel(principal.school_id, principal.account_id, compression_id)

    return api
