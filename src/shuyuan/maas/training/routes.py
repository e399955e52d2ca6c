"""Training over HTTP: tasks, runs with live curves, searches. Teachers start and look; developers register."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, Field

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Principal
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.training import folders, following, interface, service

Id = Annotated[str, Path(max_length=40, pattern=r"^[0-9a-z]+$", description="The id, or the number in the school.")]
_STREAM = {"cache-control": "no-store", "x-accel-buffering": "no"}


class Registration(BaseModel):
    """The model whose next version the run becomes."""

    model: str = Field(min_length=1, max_length=120, pattern=r"^[^\x00]*$")


def router(training: service.TrainingService) -> APIRouter:
    """Routes under /api/training, /api/runs and /api/searches."""
    api = APIRouter(prefix="/api", tags=["training"])

    @api.get("/training/tasks")
    def tasks() -> list[interface.TaskInfo]:
        """Every task with the JSON schema of its config."""
        return training.tasks()

    @api.post("/runs", status_code=201)
    def start(new: interface.NewRun, principal: Principal = Depends(caller)) -> interface.Run:
        """Check everything and put it into the queue. 400 bad_config names field, value and bounds."""
        return training.start(principal, new)

    @api.get("/runs")
    def runs(
        state: interface.RunState | None = None,
        limit: int = Query(50, ge=1, le=200),
        before: int | None = Query(None, ge=1, le=2**31 - 1),
        principal: Principal = Depends(caller),
    ) -> list[interface.Run]:
        """Newest first, without the trials of searches; `before` is a number."""
        return training.runs(principal, state=state, limit=limit, before=before)

    @api.get("/runs/{run_id}")
    def run(run_id: Id, principal: Principal = Depends(caller)) -> interface.Run:
        """One run, with what it says just now."""
        return training.run(principal, run_id)

    @api.get("/runs/{run_id}/metrics")
    def metrics(
        run_id: Id, after: int = Query(0, ge=0), principal: Principal = Depends(caller)
    ) -> list[Mapping[str, Any]]:
        """Lines of the curves after line `after`; each says its number, `line`."""
        return training.metrics(principal, run_id, after=after)

    @api.get("/runs/{run_id}/events", response_class=StreamingResponse)
    def events(
        run_id: Id,
        after: int = Query(0, ge=0),
        last_event_id: Annotated[str, Header(max_length=20)] = "",
        principal: Principal = Depends(caller),
    ) -> StreamingResponse:
        """Server-sent events `run`, `metric`, `alive`, `end`; the id of a metric is its line, to go on from."""
        found = training.run(principal, run_id)
        line = int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() else after
        curve = folders.Curve(training.curve_file(found), line=line)
        look = following.looker(lambda: training.run(principal, found.id), curve)
        events = following.follow(look, every_s=following.LOOK_EVERY_S)
        return StreamingResponse(_stream(events), media_type="text/event-stream", headers=_STREAM)

    @api.post("/runs/{run_id}/pause")
    def pause(run_id: Id, principal: Principal = Depends(caller)) -> interface.Run:
        """Checkpoint and stop. 409 run_ended."""
        return training.pause(principal, run_id)

    @api.post("/runs/{run_id}/resume")
    def resume(run_id: Id, principal: Principal = Depends(caller)) -> interface.Run:
        """Back into the queue. 409 run_not_paused."""
        return training.resume(principal, run_id)

    @api.post("/runs/{run_id}/cancel")
    def cancel(run_id: Id, principal: Principal = Depends(caller)) -> interface.Run:
        """Stop for good. 409 run_ended."""
        return training.cancel(principal, run_id)

    @api.get("/runs/{run_id}/out/{name:path}", response_class=FileResponse)
    def artefact(
        run_id: Id,
        name: Annotated[str, Path(max_length=200, pattern=r"^[^\x00]*$")],
        principal: Principal = Depends(caller),
    ) -> FileResponse:
        """A file the run made. 404 no_artefact names those there are."""
        path = training.download(principal, run_id, name)
        return FileResponse(path, filename=path.name, media_type="application/octet-stream")

    @api.post("/runs/{run_id}/register", status_code=201)
    def register(run_id: Id, wanted: Registration, principal: Principal = Depends(caller)) -> catalogue_api.Version:
        """The next version of a model from a finished run; again gives the same version."""
        return training.register(principal, run_id, wanted.model)

    @api.post("/searches", status_code=201)
    def start_search(new: interface.NewSearch, principal: Principal = Depends(caller)) -> interface.Search:
        """Begin a search. 400 bad_search_space says which field and why."""
        return training.start_search(principal, new)

    @api.get("/searches")
    def searches(
        limit: int = Query(50, ge=1, le=200), principal: Principal = Depends(caller)
    ) -> list[interface.Search]:
        """Newest first."""
        return training.searches(principal, limit=limit)

    @api.get("/searches/{search_id}")
    def search(search_id: Id, principal: Principal = Depends(caller)) -> interface.Search:
        """One search with its best trial so far."""
        return training.search(principal, search_id)

    @api.get("/searches/{search_id}/trials")
    def trials(search_id: Id, principal: Principal = Depends(caller)) -> list[interface.Run]:
        """Its runs, in the order they were tried."""
        return training.trials(principal, search_id)

    @api.post("/searches/{search_id}/cancel")
    def cancel_search(search_id: Id, principal: Principal = Depends(caller)) -> interface.Search:
        """Stop it and the trial under way."""
        return training.cancel_search(principal, search_id)

    return api


async def _stream(events: AsyncIterator[following.Event]) -> AsyncIterator[bytes]:
    async for event in events:
        number = f"id: {event.data['line']}\n" if event.kind == "metric" else ""
        data = json.dumps(event.data, ensure_ascii=False, separators=(",", ":"))
        yield f"{number}event: {event.kind}\ndata: {data}\n\n".encode()
