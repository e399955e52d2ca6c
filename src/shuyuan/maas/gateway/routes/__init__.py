"""`/v1`, the OpenAI-compatible API, the services beside it, `/v2` for tensors, and usage for pages under `/api`."""

from fastapi import APIRouter

from shuyuan.maas.gateway.batch.batches import Batches
from shuyuan.maas.gateway.routes import (
    audio,
    chat,
    completions,
    files,
    inference,
    models,
    moderations,
    predicting,
    rerank,
    services,
    tokens,
    usage,
    vectors,
    vision,
)
from shuyuan.maas.gateway.service import GatewayService

_PARTS = (
    models,
    chat,
    completions,
    vectors,
    rerank,
    tokens,
    moderations,
    services,
    predicting,
    usage,
    vision,
    inference,
)


def router(gateway: GatewayService, batches: Batches | None = None) -> APIRouter:
    """Every route of the gateway; without `batches` neither files nor background work."""
    api = APIRouter()
    for part in _PARTS:
        api.include_router(part.router(gateway))
    api.include_router(audio.router(gateway, batches))
    if batches is not None:
        api.include_router(files.router(gateway, batches, called=_called(gateway)))
    return api


def _called(gateway: GatewayService) -> APIRouter:
    """What the lines of a batch may be sent to."""
    api = APIRouter()
    for part in (chat, completions, vectors, moderations, services):
        api.include_router(part.router(gateway))
    return api
