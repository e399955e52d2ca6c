"""`/v1/moderations`: what the education policy says of texts, in OpenAI's shape and in our own words."""

from fastapi import APIRouter, Depends, Request, Response

from shuyuan.identity.interface import Principal
from shuyuan.maas.gateway import wire
from shuyuan.maas.gateway.routes import common, speaking
from shuyuan.maas.gateway.service import GatewayService


def router(gateway: GatewayService) -> APIRouter:
    """Moderation."""
    api, known = common.openai_router("OpenAI-compatible"), common.knower(gateway.desk)

    @api.post("/moderations", openapi_extra=common.takes(wire.ModerationBody))
    async def moderations(request: Request, principal: Principal = Depends(known)) -> Response:
        """Word lists in Chinese and English, by age band; they miss what is said in other words."""
        body = wire.parse(wire.ModerationBody, await request.body())
        band = speaking.band_of(request, principal, body.age_band)
        told = await gateway.moderate(principal, body.input, age_band=band)
        return common.answer(request, wire.moderation(told), told.receipt)

    return api
