"""Residency over HTTP: which models are in memory; load one now, free one, keep one in.

A name means the caller's own version before a shared one, and nobody sees another school's. A shared one is loaded for
whoever asks; where there are several schools, how it is kept is for who runs the server. What was done stands in the
activity log; a load that is refused (too large, not pulled, busy) leaves the model as it was and is not noted.
"""

import contextlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from shuyuan.identity.http import caller
from shuyuan.identity.interface import Identity, Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import db as kernel_db
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.serving import interface

MOST_REPLICAS, LONGEST_KEEP_ALIVE_S = 16, 7 * 86_400
Name = Annotated[str, Path(max_length=120)]
Detail = str | int | float | bool | None
Note = tuple[str, Mapping[str, Detail]]  # action, detail


class Load(BaseModel):
    """How a model shall be loaded; what is left out stays as it is. keep_alive_s null: until room is needed."""

    model_config = ConfigDict(extra="forbid")
    replicas: int | None = Field(None, ge=1, le=MOST_REPLICAS, description="Worker processes, sharing the cores.")
    keep_alive_s: float | None = Field(None, ge=0, le=LONGEST_KEEP_ALIVE_S, description="After its last answer.")
    pinned: bool | None = Field(None, description="Never freed to make room.")


class Pin(BaseModel):
    """Whether a model stays in memory whatever else wants room."""

    pinned: bool


class Resident(BaseModel):
    """One model and its part of the memory."""

    model: str
    version: str
    shared: bool = Field(description="False: a version of the caller's own school.")
    state: interface.State
    reason: str
    memory_bytes: int = Field(description="Measured once loaded, before that as the catalogue says.")
    pinned: bool
    keep_alive_s: float | None
    last_used: datetime | None
    in_flight: int
    queued: int
    replicas: int
    load_s: float


class Residency(BaseModel):
    """What is in memory, least recently used first. others_bytes: models of other schools, unnamed."""

    budget_bytes: int
    used_bytes: int
    others_bytes: int
    models: list[Resident]


def router(
    engine: interface.Engine,
    db: kernel_db.Database,
    audit: kernel_audit.Audit,
    catalogue: catalogue_api.Locator,
    identity: Identity,
) -> APIRouter:
    """Routes under /api/models."""
    routes = APIRouter(tags=["models"])

    def check(principal: Principal, name: str) -> None:
        """Raises Forbidden, and what `locate` raises except NotPulled: of that the engine knows more."""
        with contextlib.suppress(catalogue_api.NotPulled):
            found = catalogue.locate(name, principal.school_id)
            interface.require_keeper(principal, found.school_id, len(identity.schools()))

    async def note(principal: Principal, name: str, *entries: Note) -> None:
        """One unit for all that one request did."""

        def write(uow: kernel_db.UnitOfWork) -> None:
            for action, detail in entries:
                audit.record(
                    uow,
                    school_id=principal.school_id,
                    actor_id=principal.account_id,
                    action=action,
                    object_id=name,
                    **detail,
                )

        await db.write_async(write)

    @routes.get("/api/models/residency")
    async def residency(principal: Principal = Depends(caller)) -> Residency:
        """What is in memory, and how much may be."""
        return _residency(engine.residency(), principal.school_id)

    @routes.post("/api/models/{name:path}/load")
    async def load(name: Name, wanted: Load | None = None, principal: Principal = Depends(caller)) -> Resident:
        """Load now; answers once it is in memory. 409 model_too_large when it can never fit."""
        wanted = wanted or Load.model_validate({})
        if wanted.model_fields_set:
            await run_in_threadpool(check, principal, name)
        school_id = principal.school_id
        await engine.warm(name, school_id=school_id, replicas=wanted.replicas)
        if wanted.pinned is not None:
            await engine.pin(name, wanted.pinned, school_id=school_id)
        if "keep_alive_s" in wanted.model_fields_set:
            await engine.keep_alive(name, wanted.keep_alive_s, school_id=school_id)
        await note(principal, name, *_loaded(wanted))
        return _one(engine, name, school_id)

    @routes.post("/api/models/{name:path}/unload")
    async def unload(name: Name, principal: Principal = Depends(caller)) -> Resident:
        """Free its memory; the next call loads it again. 409 while it is answering."""
        await run_in_threadpool(check, principal, name)
        await engine.unload(name, school_id=principal.school_id)
        await note(principal, name, _note("model.unloaded"))
        return _one(engine, name, principal.school_id)

    @routes.put("/api/models/{name:path}/pin")
    async def pin(name: Name, wanted: Pin, principal: Principal = Depends(caller)) -> Resident:
        """Keep it in memory, or let it go again when room is needed. Does not load it."""
        await run_in_threadpool(check, principal, name)
        await engine.pin(name, wanted.pinned, school_id=principal.school_id)
        await note(principal, name, _pinned(wanted.pinned))
        return _one(engine, name, principal.school_id)

    return routes


def _loaded(wanted: Load) -> Iterator[Note]:
    given = wanted.model_dump(exclude_unset=True)
    pinned = given.pop("pinned", None)
    yield _note("model.loaded", **given)
    if pinned is not None:
        yield _pinned(pinned)


def _pinned(pinned: bool) -> Note:
    return _note("model.pinned" if pinned else "model.unpinned")


def _note(action: str, **detail: Detail) -> Note:
    return action, detail


def _residency(found: interface.Residency, school_id: str) -> Residency:
    mine = [_resident(one) for one in found.models if one.school_id in (catalogue_api.SHARED, school_id)]
    others_bytes = max(0, found.used_bytes - sum(one.memory_bytes for one in mine))
    return Residency(
        budget_bytes=found.budget_bytes, used_bytes=found.used_bytes, others_bytes=others_bytes, models=mine
    )


def _one(engine: interface.Engine, name: str, school_id: str) -> Resident:
    """What the model that was asked for is doing now; the caller's own before a shared one of that name."""
    found = [one for one in engine.status() if one.model == name]
    for whose in (school_id, catalogue_api.SHARED):
        for one in found:
            if one.school_id == whose:
                return _resident(one)
    return _resident(interface.ModelStatus(name, "pulled"))


def _resident(status: interface.ModelStatus) -> Resident:
    return Resident(
        model=status.model,
        version=status.version,
        shared=status.school_id == catalogue_api.SHARED,
        state=status.state,
        reason=status.reason,
        memory_bytes=status.memory_bytes,
        pinned=status.pinned,
        keep_alive_s=status.keep_alive_s,
        last_used=status.last_used,
        in_flight=status.in_flight,
        queued=status.queued,
        replicas=status.replicas,
        load_s=status.load_s,
    )
