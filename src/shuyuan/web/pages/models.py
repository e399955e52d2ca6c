"""Models: what runs, and why? Memory and its budget, what each model is doing, what a school brought.

A pull is started from the card, with its progress; loading, freeing and pinning stand in the activity log.
"""

import contextlib
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.catalogue import extras
from shuyuan.maas.catalogue.interface import CHAMPION, SHARED, ModelInfo, NotPulled, UnknownModel, runner_kinds
from shuyuan.maas.serving.interface import ModelStatus, require_keeper
from shuyuan.web import capacity, glossary, machine, shelf, uploads
from shuyuan.web.needs import OfficeNeeds
from shuyuan.web.pages import nightly
from shuyuan.web.reading import Reader

SEE_OTHER = 303
NOTICES = (
    "pull_started",
    "pull_stopped",
    "loaded",
    "unloaded",
    "pinned",
    "unpinned",
    "brought",
    "version_chosen",
)
TURNS_SHOWN = 3  # versions of the tracer beside the pulled models; the loop's page has all
UNTIL_ROOM = "room"  # keep-alive: until room is needed
KEPT_S = (0, 300, 3600, 86_400)
MOST_REPLICAS = 16


@dataclass(frozen=True)
class Wish:
    """How the form wants a model loaded. whole: its settings too, not only the button."""

    replicas: int | None
    keep_alive_s: float | None
    pinned: bool
    whole: bool


def router(needs: OfficeNeeds) -> APIRouter:
    """`/admin/models…`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/admin/models")
    def models(request: Request, reader: Reader, notice: str = "") -> Response:
        return _page(needs, request, reader, notice=notice if notice in NOTICES else "")

    @api.get("/admin/models/strip")
    def strip(request: Request, reader: Reader) -> Response:
        lines = shelf.lines(needs, reader)
        return needs.shell.part(request, "admin/models_strip.html", principal=reader, lines=lines)

    @api.post("/admin/models/bring")
    async def bring(request: Request, reader: Reader) -> Response:
        given = uploads.Given()
        try:
            async with request.form(max_files=1, max_fields=20) as form:
                given = uploads.read(form)
                await run_in_threadpool(uploads.register, needs.catalogue, reader, given)
        except errors.ShuyuanError as wrong:
            return await run_in_threadpool(_page, needs, request, reader, trouble=wrong, given=given)
        return RedirectResponse(f"/admin/models/{given.name}?notice=brought", SEE_OTHER)

    @api.get("/admin/models/{name}")
    def card(request: Request, reader: Reader, name: str, notice: str = "") -> Response:
        return _card(needs, request, reader, name, notice=notice if notice in NOTICES else "")

    @api.post("/admin/models/{name}/pull")
    def pull(reader: Reader, name: str) -> Response:
        needs.catalogue.pull_in_background(_info(needs, name).entry.name)
        _note(needs, reader, "model.pull_started", name)
        return _back("pull_started")

    @api.post("/admin/models/{name}/cancel")
    def cancel(reader: Reader, name: str) -> Response:
        needs.catalogue.cancel_pull(_info(needs, name).entry.name)
        _note(needs, reader, "model.pull_stopped", name)
        return _back("pull_stopped")

    @api.post("/admin/models/{name}/load")
    async def load(
        request: Request,
        reader: Reader,
        name: str,
        version: Annotated[int | None, Form(ge=1)] = None,
        replicas: Annotated[int | None, Form(ge=1, le=MOST_REPLICAS)] = None,
        keep_alive: Annotated[str, Form(max_length=12)] = UNTIL_ROOM,
        pinned: Annotated[str, Form()] = "",
        whole: Annotated[str, Form()] = "",
    ) -> Response:
        wish = Wish(replicas, _seconds(keep_alive), bool(pinned), bool(whole))
        try:
            await _load(needs, reader, _reference(name, version), wish)
        except errors.ShuyuanError as wrong:
            return await run_in_threadpool(_again, needs, request, reader, name, version, wrong)
        return _back("loaded", name if version or whole else "")

    @api.post("/admin/models/{name}/unload")
    async def unload(
        request: Request, reader: Reader, name: str, version: Annotated[int | None, Form(ge=1)] = None
    ) -> Response:
        reference = _reference(name, version)
        try:
            await run_in_threadpool(_require_keeper, needs, reader, reference)
            await needs.engine.unload(reference, school_id=reader.school_id)
        except errors.ShuyuanError as wrong:
            return await run_in_threadpool(_again, needs, request, reader, name, version, wrong)
        await run_in_threadpool(_note, needs, reader, "model.unloaded", reference)
        return _back("unloaded", name if version else "")

    @api.post("/admin/models/{name}/pin")
    async def pin(
        request: Request,
        reader: Reader,
        name: str,
        version: Annotated[int | None, Form(ge=1)] = None,
        pinned: Annotated[str, Form()] = "",
    ) -> Response:
        reference, kept = _reference(name, version), bool(pinned)
        try:
            await run_in_threadpool(_require_keeper, needs, reader, reference)
            if kept:
                await needs.engine.warm(reference, school_id=reader.school_id)  # what is pinned is in memory
            await needs.engine.pin(reference, kept, school_id=reader.school_id)
        except errors.ShuyuanError as wrong:
            return await run_in_threadpool(_again, needs, request, reader, name, version, wrong)
        await run_in_threadpool(_note, needs, reader, "model.pinned" if kept else "model.unpinned", reference)
        return _back("pinned" if kept else "unpinned", name if version else "")

    @api.post("/admin/models/{name}/use")
    def use(
        request: Request,
        reader: Reader,
        name: str,
        version: Annotated[int, Form(ge=1, le=2**31 - 1)],
        reason: Annotated[str, Form(max_length=400)] = "",
    ) -> Response:
        try:
            needs.catalogue.move_alias(
                reader.school_id, reader.account_id, model=name, alias=CHAMPION, version=version, reason=reason
            )
        except errors.ShuyuanError as wrong:
            return _card(needs, request, reader, name, trouble=wrong)
        return _back("version_chosen", name)

    return api


async def _load(needs: OfficeNeeds, reader: Principal, reference: str, wish: Wish) -> None:
    engine, school_id = needs.engine, reader.school_id
    if wish.whole or wish.replicas is not None:
        await run_in_threadpool(_require_keeper, needs, reader, reference)
    await engine.warm(reference, school_id=school_id, replicas=wish.replicas)
    if wish.whole:
        await engine.pin(reference, wish.pinned, school_id=school_id)
        await engine.keep_alive(reference, wish.keep_alive_s, school_id=school_id)
    await run_in_threadpool(_note, needs, reader, "model.loaded", reference)


def _require_keeper(needs: OfficeNeeds, reader: Principal, reference: str) -> None:
    """Raises Forbidden where other schools use this model too, and what `locate` raises."""
    with contextlib.suppress(NotPulled):
        found = needs.catalogue.locate(reference, reader.school_id)
        require_keeper(reader, found.school_id, len(needs.identity.schools()))


def _again(
    needs: OfficeNeeds,
    request: Request,
    reader: Principal,
    name: str,
    version: int | None,
    trouble: errors.ShuyuanError,
) -> Response:
    """The page one came from, with what went wrong."""
    return (
        _card(needs, request, reader, name, trouble=trouble)
        if version
        else _page(needs, request, reader, trouble=trouble)
    )


def _page(
    needs: OfficeNeeds,
    request: Request,
    reader: Principal,
    *,
    notice: str = "",
    trouble: errors.ShuyuanError | None = None,
    given: uploads.Given | None = None,
) -> Response:
    lines, found = shelf.lines(needs, reader), needs.engine.residency()
    absent = next((one for one in lines if one.info.entry.name == needs.settings.starter and not one.info.here), None)
    free = max(0, found.budget_bytes - found.used_bytes)
    return needs.shell.show(
        request,
        "admin/models.html",
        nightly.shown(needs, reader),
        principal=reader,
        here="models",
        lines=lines,
        keeps_shared=shelf.keeps(needs, reader, SHARED),
        brought=shelf.brought(needs, reader),
        notice=notice,
        trouble=trouble,
        trouble_code=_code(trouble),
        status=trouble.status if trouble else 200,
        in_memory=len(found.models),
        here_count=sum(one.info.here for one in lines),
        used=machine.size(found.used_bytes),
        budget=machine.size(found.budget_bytes),
        free=machine.size(free),
        total=machine.size(machine.memory().total),
        slices=shelf.slices(found, reader),
        size=machine.size,
        absent=absent,
        capacity=capacity.last(needs.identity, reader.school_id),
        turns=needs.improvement.versions(reader)[:TURNS_SHOWN],
        given=given or uploads.Given(),
        kinds=runner_kinds(),
        most=machine.size(needs.settings.max_model_bytes),
    )


def _card(
    needs: OfficeNeeds,
    request: Request,
    reader: Principal,
    name: str,
    *,
    notice: str = "",
    trouble: errors.ShuyuanError | None = None,
) -> Response:
    own = next((one for one in shelf.brought(needs, reader) if one.name == name), None)
    info = None if own else _info(needs, name)
    whose = reader.school_id if own else SHARED
    states = (one for one in needs.engine.status() if one.model == name and one.school_id == whose)
    free = machine.disk_free(needs.settings.home)
    return needs.shell.show(
        request,
        "admin/models_own.html" if own else "admin/model.html",
        principal=reader,
        here="models",
        own=own,
        keeps_shared=shelf.keeps(needs, reader, SHARED),
        info=info,
        entry=info.entry if info else None,
        state=next(states, ModelStatus(name, "absent")),
        install=extras.how_to(info.missing_extra) if info and info.missing_extra else None,
        free=machine.size(free),
        room=not info or info.here or free > info.entry.total_bytes,
        kept_s=KEPT_S,
        cores=machine.cores(),
        size=machine.size,
        notice=notice,
        trouble=trouble,
        trouble_code=_code(trouble),
        status=trouble.status if trouble else 200,
    )


def _code(trouble: errors.ShuyuanError | None) -> str:
    """The error's code, where the page has words for it."""
    return trouble.error_code if trouble and f"models.why.{trouble.error_code}" in glossary.words() else ""


def _info(needs: OfficeNeeds, name: str) -> ModelInfo:
    for info in needs.catalogue.models():
        if info.entry.name == name:
            return info
    raise UnknownModel(f"there is no model named {name[:40]!r}", fix="choose one of the list of models")


def _reference(name: str, version: int | None) -> str:
    return f"models:/{name}/{version}" if version else name


def _seconds(kept: str) -> float | None:
    return None if kept == UNTIL_ROOM or not kept.isascii() or not kept.isdigit() else float(kept)


def _note(needs: OfficeNeeds, reader: Principal, action: str, name: str) -> None:
    needs.db.write(
        lambda uow: needs.audit.record(
            uow, school_id=reader.school_id, actor_id=reader.account_id, action=action, object_id=name
        )
    )


def _back(notice: str, name: str = "") -> Response:
    return RedirectResponse(f"/admin/models{f'/{name}' if name else ''}?notice={notice}", SEE_OTHER)
