"""`/v1/models`: what there is, what it claims, what it is doing. A school sees the shared models and its own."""

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from shuyuan.identity.interface import Principal
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.routes import common
from shuyuan.maas.gateway.service import GatewayService


def router(gateway: GatewayService) -> APIRouter:
    """The list of models."""
    api, known = common.openai_router("OpenAI-compatible"), common.knower(gateway.desk)

    @api.get("/models")
    async def list_models(request: Request, principal: Principal = Depends(known)) -> Response:
        """Models this school may use, those still being pulled included; `state` says which can answer."""
        found = await run_in_threadpool(_listed, gateway, principal.school_id)
        return common.answer(request, {"object": "list", "data": found})

    @api.get("/models/{model:path}")
    async def one_model(request: Request, model: common.ModelName, principal: Principal = Depends(known)) -> Response:
        """One model and what its card claims."""
        return common.answer(request, await run_in_threadpool(_one, gateway, model, principal.school_id))

    return api


def _listed(gateway: GatewayService, school_id: str) -> list[common.Json]:
    found = []
    for status in gateway.models(school_id):
        if status.state == "absent":
            continue
        try:
            card = gateway.desk.card(status.model, school_id)
        except (catalogue_api.UnknownModel, catalogue_api.HashMismatch):  # no version in use, or its file is broken
            continue
        found.append(_model(status, card))
    return found


def _one(gateway: GatewayService, model: str, school_id: str) -> common.Json:
    card = gateway.desk.card(model, school_id)  # raises UnknownModel
    status = next((s for s in gateway.models(school_id) if s.model == model), interface.ModelStatus(model, "pulled"))
    return _model(status, card)


def _model(status: interface.ModelStatus, card: catalogue_api.Loadable | None) -> common.Json:
    return {
        "id": status.model,
        "object": "model",
        "created": int(card.path.stat().st_mtime) if card else 0,
        "owned_by": "shuyuan",
        "state": status.state,
        "progress": status.progress,
        "version": card.version if card else "",
        "tasks": list(card.tasks) if card else [],
        "context_tokens": card.context_tokens if card else None,
    }
