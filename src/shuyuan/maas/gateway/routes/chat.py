"""`/v1/chat/completions`, at once or streamed."""

from fastapi import APIRouter, Depends, Request, Response

from shuyuan.identity.interface import Principal
from shuyuan.maas.gateway import wire
from shuyuan.maas.gateway.routes import common, speaking
from shuyuan.maas.gateway.service import GatewayService


def router(gateway: GatewayService) -> APIRouter:
    """Conversations."""
    api, known = common.openai_router("OpenAI-compatible"), common.knower(gateway.desk)

    @api.post("/chat/completions", openapi_extra=common.takes(wire.ChatBody))
    async def chat(request: Request, principal: Principal = Depends(known)) -> Response:
        """Continue a conversation, at once or streamed."""
        body = wire.parse(wire.ChatBody, await request.body())
        asked = body.as_request(speaking.band_of(request, principal, body.age_band))
        running = gateway.chat(principal, asked, began=request.state.began)
        return await speaking.send(request, running, wire.ChatChoices, body, stream=body.stream)

    return api
