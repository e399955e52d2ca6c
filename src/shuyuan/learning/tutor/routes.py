"""HTTP of the tutor: ask (events, or the whole answer as JSON), how it stands, the transcript, signs of harm."""

import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Principal
from shuyuan.learning.tutor import interface

Json = dict[str, Any]  # Any: JSON


class Ask(BaseModel):
    """What a learner writes. `language`: that of the page, used when the message itself shows none."""

    message: str = Field(min_length=1, max_length=interface.MAX_MESSAGE_CHARS)
    language: Literal["zh", "en"] | None = None


def router(tutor: interface.Tutor) -> APIRouter:
    """Every route of the tutor."""
    api = APIRouter(prefix="/api", tags=["Tutor"])

    @api.post("/attempts/{attempt_id}/items/{item_id}/tutor")
    async def ask(
        request: Request, attempt_id: str, item_id: str, asked: Ask, principal: Principal = Depends(caller)
    ) -> Response:
        """Server-sent events `hint`, `source`, `queue`, `note`, `sentence`, `replaced`, `done`; with
        `Accept: application/json` the whole answer at once."""
        events = await tutor.ask(principal, attempt_id, item_id, asked.message, language=asked.language)
        if "application/json" in request.headers.get("accept", ""):
            return JSONResponse(whole([event async for event in events]))
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(_stream(events), media_type="text/event-stream", headers=headers)

    @api.get("/tutor")
    def standing(principal: Principal = Depends(caller)) -> Json:
        """Whether a model may and can answer now, and who reads along."""
        return dataclasses.asdict(tutor.standing(principal))

    @api.get("/learners/{learner_id}/tutor-transcript")
    def transcript(
        learner_id: str,
        limit: int = Query(50, ge=1, le=500),
        before: str | None = Query(None, max_length=26),
        principal: Principal = Depends(caller),
    ) -> Json:
        """What was asked and answered, newest first; the learner and their teachers only."""
        turns = tutor.transcript(principal, learner_id, limit=limit, before=before)
        return {"turns": [dataclasses.asdict(turn) for turn in turns]}

    @api.get("/care")
    def concerns(principal: Principal = Depends(caller)) -> Json:
        """Signs of harm that the caller answers for, without the words; unseen ones first."""
        return {"concerns": [dataclasses.asdict(one) for one in tutor.concerns(principal)]}

    @api.post("/care/{concern_id}/seen", status_code=204)
    def seen(concern_id: str, principal: Principal = Depends(caller)) -> None:
        """Mark one as seen; audited."""
        tutor.see_concern(principal, concern_id)

    return api


def whole(events: list[interface.Event]) -> Json:
    """A finished answer as one object: its text, its sources, and the events it came from."""
    last = events[-1].data if events and events[-1].kind == "done" else {}
    return {
        **last,
        "text": "".join(event.text for event in events).strip(),
        "sources": [event.data["passage"] for event in events if event.kind == "source"],
        "events": [_fields(event) for event in events],
    }


async def _stream(events: AsyncIterator[interface.Event]) -> AsyncIterator[bytes]:
    async for event in events:
        data = json.dumps(_fields(event), ensure_ascii=False, separators=(",", ":"))
        yield f"event: {event.kind}\ndata: {data}\n\n".encode()


def _fields(event: interface.Event) -> Json:
    told = {"text": event.text, "html": event.html} if event.text else {}
    return {"kind": event.kind, **told, **event.data}
