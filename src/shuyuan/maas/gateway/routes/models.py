"""`/v1/models`: what there is, what it claims, what it is doing."""

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from shuyuan.identity.interface import Principal
from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.routes import common
from shuyuan.maas.gateway.service import GatewayService


def router(gateway: GatewayService) -> APIRouter:
    """The list of models."""
    api, known = common.openai_router("OpenAI-compatible"), common.knower(gateway.desk)

    @api.get("/models")
    async def list_models(request: Request, principal: Principal = Depends(known)) -> Response:
        """Models of this machine, those still being pulled included; `state` says which can answer."""
        found = [_model(gateway, status) for status in gateway.models() if status.state != "absent"]
        return common.answer(request, {"object": "list", "data": found})

    @api.get("/models/{model:path}")
    async def one_model(request: Request, model: common.ModelName, principal: Principal = Depends(known)) -> Response:
        """One model and what its card claims."""
        await run_in_threadpool(gateway.desk.card, model)  # raises UnknownModel
        status = next((s for s in gateway.models() if s.model == model), interface.ModelStatus(model, "pulled"))
        return common.answer(request, _model(gateway, status))

    return api


def _model(gateway: GatewayService, status: interface.ModelStatus) -> common.Json:
    card = gateway.desk.card(status.model)
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
