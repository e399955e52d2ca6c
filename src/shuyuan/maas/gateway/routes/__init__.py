"""`/v1`, the OpenAI-compatible API, the text services beside it, and usage for pages under `/api`."""

from fastapi import APIRouter

from shuyuan.maas.gateway.routes import chat, models, services, usage, vectors
from shuyuan.maas.gateway.service import GatewayService

_PARTS = (models, chat, vectors, services, usage)


def router(gateway: GatewayService) -> APIRouter:
    """Every route of the gateway."""
    api = APIRouter()
    for part in _PARTS:
        api.include_router(part.router(gateway))
    return api
