"""Models from elsewhere over HTTP. The file is the raw body, streamed to disk, everything else in the query:

`curl -T model.keras -X POST -H "authorization: Bearer $KEY" ".../api/conversions?model=digits&filename=model.keras"`
"""

import asyncio
import tempfile
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.concurrency import run_in_threadpool

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Principal
from shuyuan.maas.conversion import interface

ImportId = Annotated[str, Path(max_length=40, pattern=r"^[0-9a-z]+$")]
_IN_MEMORY_BYTES = 1 << 20


def router(conversion: interface.Converting) -> APIRouter:
    """`/api/conversions`."""
    api = APIRouter(tags=["conversions"])

    @api.get("/api/conversions")
    def list_imports(principal: Principal = Depends(caller)) -> list[interface.Import]:
        """Of the last days, newest first."""
        return conversion.imports(principal.school_id)

    @api.post("/api/conversions", status_code=202)
    async def start(
        request: Request,
        model: Annotated[str, Query(pattern=r"^[a-z0-9][a-z0-9_.-]{0,119}$")],
        filename: Annotated[str, Query(min_length=1, max_length=255, pattern=r"^[^\x00]*$")],
        labels: Annotated[str, Query(max_length=60_000, description="Names of outputs: a,b,c")] = "",
        principal: Principal = Depends(caller),
    ) -> interface.Import:
        """The answer comes once the file is here, the version once it is converted."""
        named = tuple(one.strip() for one in labels.split(",") if one.strip())
        new = interface.NewImport(model=model, filename=filename, labels=named)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as file:
            async for block in request.stream():
                await asyncio.to_thread(file.write, block)
            file.seek(0)
            return await run_in_threadpool(conversion.start, principal.school_id, principal.account_id, file, new)

    @api.get("/api/conversions/{import_id}")
    def show(import_id: ImportId, principal: Principal = Depends(caller)) -> interface.Import:
        """How far it is, and what came of it."""
        return conversion.one(principal.school_id, import_id)

    @api.post("/api/conversions/{import_id}/cancel")
    def cancel(import_id: ImportId, principal: Principal = Depends(caller)) -> interface.Import:
        """Stop it; nothing of it stays."""
        return conversion.cancel(principal.school_id, import_id)

    return api
