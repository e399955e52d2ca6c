"""Models: what runs, and why? Memory, state, licence and claims; a pull is started from the card, with its progress."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.catalogue.interface import Entry, ModelInfo, UnknownModel
from shuyuan.maas.serving.interface import ModelStatus
from shuyuan.web import capacity, machine
from shuyuan.web.needs import OfficeNeeds
from shuyuan.web.reading import Reader

SEE_OTHER = 303
NOTICES = ("pull_started", "pull_stopped", "loaded", "unloaded")
TURNS_SHOWN = 3  # versions of the tracer beside the pulled models; the loop's page has all


@dataclass(frozen=True)
class Line:
    """One model: its card, what it is doing, and how often it was called today."""

    entry: Entry
    here: bool
    status: ModelStatus
    calls: int

    @property
    def percent(self) -> int:
        """How much of it has arrived."""
        return round(100 * (self.status.progress or 0))


@dataclass(frozen=True)
class Slice:
    """A piece of the memory bar: from and width in percent of the whole."""

    name: str
    size: str
    start: float
    width: float


def router(needs: OfficeNeeds) -> APIRouter:
    """`/admin/models…`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/admin/models")
    def models(request: Request, reader: Reader, notice: str = "") -> Response:
        return _page(needs, request, reader, notice if notice in NOTICES else "", None)

    @api.get("/admin/models/strip")
    def strip(request: Request, reader: Reader) -> Response:
        return needs.shell.part(request, "admin/models_strip.html", principal=reader, lines=_lines(needs, reader))

    @api.get("/admin/models/{name}")
    def card(request: Request, reader: Reader, name: str) -> Response:
        info = _info(needs, name)
        return needs.shell.show(
            request,
            "admin/model.html",
            principal=reader,
            here="models",
            entry=info.entry,
            is_here=info.here,
            size=machine.size(info.entry.size_bytes),
            memory=machine.size(info.entry.memory_bytes),
            free=machine.size(machine.disk_free(needs.settings.home)),
            room=_room(needs, info.entry),
        )

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
    async def load(request: Request, reader: Reader, name: str) -> Response:
        try:
            await needs.engine.warm(name)
        except errors.ShuyuanError as wrong:
            return await run_in_threadpool(_page, needs, request, reader, "", wrong)
        return _back("loaded")

    @api.post("/admin/models/{name}/unload")
    async def unload(request: Request, reader: Reader, name: str) -> Response:
        try:
            await needs.engine.unload(name)
        except errors.ShuyuanError as wrong:
            return await run_in_threadpool(_page, needs, request, reader, "", wrong)
        return _back("unloaded")

    return api


def _page(
    needs: OfficeNeeds, request: Request, reader: Principal, notice: str, trouble: errors.ShuyuanError | None
) -> Response:
    lines, found = _lines(needs, reader), machine.memory()
    workers = {line.status.worker_pid: line for line in lines if line.status.worker_pid and line.status.rss_bytes}
    used = sum(line.status.rss_bytes for line in workers.values())
    absent = next((line for line in lines if line.entry.name == needs.settings.starter and not line.here), None)
    return needs.shell.show(
        request,
        "admin/models.html",
        principal=reader,
        here="models",
        lines=lines,
        notice=notice,
        trouble=trouble,
        status=trouble.status if trouble else 200,
        ready=sum(line.status.state == "ready" for line in lines),
        here_count=sum(line.here for line in lines),
        used=machine.size(used),
        total=machine.size(found.total),
        free=machine.size(found.available),
        slices=_slices(list(workers.values()), found),
        size=machine.size,
        free_width=100 * found.available / found.total if found.total else 0.0,
        absent=absent,
        capacity=capacity.last(needs.identity, reader.school_id),
        turns=needs.improvement.versions(reader)[:TURNS_SHOWN],
    )


def _lines(needs: OfficeNeeds, reader: Principal) -> list[Line]:
    states = {status.model: status for status in needs.engine.status()}
    midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    totals = needs.gateway.totals(reader, since=midnight)
    return [
        Line(
            info.entry,
            info.here,
            states.get(info.entry.name, ModelStatus(info.entry.name, "absent")),
            sum(total.requests for total in totals if total.model == info.entry.name),
        )
        for info in needs.catalogue.models()
    ]


def _slices(lines: list[Line], found: machine.Memory) -> list[Slice]:
    slices: list[Slice] = []
    for line in lines:
        width = 100 * line.status.rss_bytes / found.total if found.total else 0.0
        start = slices[-1].start + slices[-1].width if slices else 0.0
        slices.append(Slice(line.entry.name, machine.size(line.status.rss_bytes), start, width))
    return slices


def _info(needs: OfficeNeeds, name: str) -> ModelInfo:
    for info in needs.catalogue.models():
        if info.entry.name == name:
            return info
    raise UnknownModel(f"there is no model named {name[:40]!r}", fix="choose one of the list of models")


def _room(needs: OfficeNeeds, entry: Entry) -> bool:
    return machine.disk_free(needs.settings.home) > entry.size_bytes


def _note(needs: OfficeNeeds, reader: Principal, action: str, name: str) -> None:
    needs.db.write(
        lambda uow: needs.audit.record(
            uow, school_id=reader.school_id, actor_id=reader.account_id, action=action, object_id=name
        )
    )


def _back(notice: str) -> Response:
    return RedirectResponse(f"/admin/models?notice={notice}", SEE_OTHER)
