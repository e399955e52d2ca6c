"""`/v1/files` and `/v1/batches`, as OpenAI's clients know them."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from shuyuan.identity.interface import Principal
from shuyuan.maas.gateway import wire
from shuyuan.maas.gateway.batch import batches, direct
from shuyuan.maas.gateway.batch import files as shelf
from shuyuan.maas.gateway.routes import common, uploads
from shuyuan.maas.gateway.service import GatewayService

Limit = Annotated[int, Query(ge=1, le=1000)]
Label = Annotated[str, Field(max_length=512)]


class FileForm(BaseModel):
    """What comes beside an uploaded file."""

    model_config = ConfigDict(extra="forbid")
    purpose: Literal["batch", "user_data"]


class BatchBody(BaseModel):
    """`POST /v1/batches`."""

    model_config = ConfigDict(extra="forbid")
    input_file_id: Annotated[str, Field(max_length=64)]
    endpoint: Annotated[str, Field(max_length=64)]
    completion_window: Annotated[str, Field(max_length=16)] = batches.WINDOW
    metadata: (
        Annotated[dict[Annotated[str, Field(max_length=64)], Label], Field(max_length=batches.MAX_LABELS)] | None
    ) = None


def router(gateway: GatewayService, jobs: batches.Batches, called: APIRouter) -> APIRouter:
    """Files and batches; the lines of batches go to the routes of `called`. Work runs while the application does."""

    @asynccontextmanager
    async def span(_app: FastAPI) -> AsyncIterator[None]:
        await jobs.work.open(gateway.desk, direct.Direct(called), gateway.screening)
        try:
            yield
        finally:
            await jobs.work.close()

    whole = APIRouter(lifespan=span)
    whole.include_router(_files(gateway, jobs.files))
    whole.include_router(_batches(gateway, jobs))
    return whole


def _files(gateway: GatewayService, files: shelf.Files) -> APIRouter:
    api, known = common.openai_router("Files"), common.knower(gateway.desk)

    @api.post("/files", openapi_extra=uploads.takes(FileForm))
    async def upload(request: Request, principal: Principal = Depends(known)) -> Response:
        """Keep a file for thirty days: requests for a batch (purpose=batch), or sound (user_data)."""
        async with uploads.form(FileForm, request) as sent:
            kept = await run_in_threadpool(files.create, principal, sent.name, sent.body.purpose, sent.file.file)
        return common.answer(request, kept.to_dict())

    @api.get("/files")
    def list_files(
        request: Request,
        purpose: Annotated[str | None, Query(max_length=32)] = None,
        limit: Limit = 100,
        after: Annotated[str | None, Query(max_length=64)] = None,
        order: Literal["asc", "desc"] = "desc",
        principal: Principal = Depends(known),
    ) -> Response:
        """My files."""
        last = after and after.removeprefix(shelf.PREFIX)
        found = files.mine(principal, purpose=purpose, limit=limit + 1, after=last, newest_first=order == "desc")
        return common.answer(request, _page([file.to_dict() for file in found], limit))

    @api.get("/files/{file_id}")
    def one_file(request: Request, file_id: str, principal: Principal = Depends(known)) -> Response:
        """One of my files."""
        return common.answer(request, files.get(principal, file_id).to_dict())

    @api.get("/files/{file_id}/content")
    def content(file_id: str, principal: Principal = Depends(known)) -> Response:
        """Its bytes, under the name it was given."""
        kept, pieces = files.get(principal, file_id), files.content(principal, file_id)
        headers = {"cache-control": "no-store", "content-disposition": _attached(kept.filename)}
        return StreamingResponse(pieces, media_type=kept.media_type, headers=headers)

    @api.delete("/files/{file_id}")
    def delete(request: Request, file_id: str, principal: Principal = Depends(known)) -> Response:
        """Forget it."""
        files.delete(principal, file_id)
        return common.answer(request, {"id": file_id, "object": "file", "deleted": True})

    return api


def _batches(gateway: GatewayService, jobs: batches.Batches) -> APIRouter:
    api, known = common.openai_router("Batches"), common.knower(gateway.desk)

    @api.post("/batches", openapi_extra=common.takes(BatchBody))
    async def create(request: Request, principal: Principal = Depends(known)) -> Response:
        """Answer every line of a file when there is time, within a day."""
        gateway.desk.admit(principal)
        body = wire.parse(BatchBody, await request.body())
        begun = await run_in_threadpool(
            lambda: jobs.create(
                principal, body.input_file_id, body.endpoint, window=body.completion_window, labels=body.metadata
            )
        )
        return common.answer(request, begun.to_dict())

    @api.get("/batches")
    def list_batches(
        request: Request,
        limit: Limit = 20,
        after: Annotated[str | None, Query(max_length=64)] = None,
        principal: Principal = Depends(known),
    ) -> Response:
        """My batches, newest first."""
        found = jobs.mine(principal, limit=limit + 1, after=after)
        return common.answer(request, _page([batch.to_dict() for batch in found], limit))

    @api.get("/batches/{batch_id}")
    def one_batch(request: Request, batch_id: str, principal: Principal = Depends(known)) -> Response:
        """How far it is."""
        return common.answer(request, jobs.get(principal, batch_id).to_dict())

    @api.post("/batches/{batch_id}/cancel")
    def cancel(request: Request, batch_id: str, principal: Principal = Depends(known)) -> Response:
        """Stop it; what is answered is kept."""
        return common.answer(request, jobs.cancel(principal, batch_id).to_dict())

    return api


def _attached(name: str) -> str:
    """`Content-Disposition` of RFC 6266: the name in plain letters for old clients, and as it is (RFC 5987).

    >>> print(_attached('../答 "1".jsonl'))
    attachment; filename="_ _1_.jsonl"; filename*=UTF-8''%E7%AD%94%20%221%22.jsonl
    """
    name = "".join(letter for letter in re.split(r"[/\\]", name)[-1] if letter.isprintable()) or "file"
    plain = re.sub(r"[^ !#$&+.^`|~\w-]", "_", name, flags=re.ASCII)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _page(found: list[dict[str, Any]], limit: int) -> common.Json:  # Any: JSON
    """OpenAI's list: one more than asked was looked up, to know whether there is more."""
    page = found[:limit]
    ends = {"first_id": page[0]["id"] if page else None, "last_id": page[-1]["id"] if page else None}
    return {"object": "list", "data": page, "has_more": len(found) > limit, **ends}
