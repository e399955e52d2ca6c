"""`/v1/completions`: plain texts to go on from, at once or streamed."""

from fastapi import APIRouter, Depends, Request, Response

from shuyuan.identity.interface import Principal
from shuyuan.maas.gateway import wire
from shuyuan.maas.gateway.routes import common, speaking
from shuyuan.maas.gateway.service import GatewayService


def router(gateway: GatewayService) -> APIRouter:
    """Texts without roles."""
    api, known = common.openai_router("OpenAI-compatible"), common.knower(gateway.desk)

    @api.post("/completions", openapi_extra=common.takes(wire.CompletionBody))
    async def completions(request: Request, principal: Principal = Depends(known)) -> Response:
        """Go on from one to four texts. `echo` and `suffix` are refused; so are prompts given as tokens."""
        body = wire.parse(wire.CompletionBody, await request.body())
        asked = body.as_request(speaking.band_of(request, principal, body.age_band))
        running = gateway.complete(principal, asked, began=request.state.began)
        return await speaking.send(request, running, wire.CompletionChoices, body, stream=body.stream)

    return api
