"""`/v1/models`: what there is, what it claims, what it is doing. A school sees the shared models and its own."""

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from shuyuan.identity.interface import Principal
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.gateway import interface, models
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
    for one in gateway.desk.listed(school_id):
        if one.status.state == "absent":
            continue
        try:
            card = gateway.desk.card(one.status.model, school_id) if one.version is None else None
        except (catalogue_api.UnknownModel, catalogue_api.HashMismatch):  # its file is broken
            continue
        found.append(_model(one, card))
    return found


def _one(gateway: GatewayService, model: str, school_id: str) -> common.Json:
    """Under the name it was asked by, whichever spelling that is."""
    card = gateway.desk.card(model, school_id)  # raises UnknownModel
    listed = gateway.desk.listed(school_id)
    found = next((one for one in listed if (one.is_one(card) if card else one.status.model == model)), None)
    if found is None:
        found = models.Listed(interface.ModelStatus(model, "pulled" if card else "absent"), None)
    return _model(found, card) | {"id": model}


def _model(one: models.Listed, card: catalogue_api.Loadable | None) -> common.Json:
    """card: the file of an entry, which has no version; None while it is being pulled."""
    about = one.version or card
    return {
        "id": one.status.model,
        "object": "model",
        "created": _created(one.version, card),
        "owned_by": "shuyuan",
        "state": one.status.state,
        "progress": one.status.progress,
        "version": one.version.uri if one.version else card.version if card else "",
        "tasks": list(about.tasks) if about else [],
        "context_tokens": about.context_tokens if about else None,
    }


def _created(version: catalogue_api.Version | None, card: catalogue_api.Loadable | None) -> int:
    if version is not None:
        return int(version.created_at.timestamp())
    return int(card.path.stat().st_mtime) if card else 0
