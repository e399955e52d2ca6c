"""`/v1/embeddings`: texts as vectors."""

from fastapi import APIRouter, Depends, Request, Response

from shuyuan.identity.interface import Principal
from shuyuan.maas.gateway import streaming, wire
from shuyuan.maas.gateway.routes import common
from shuyuan.maas.gateway.service import GatewayService


def router(gateway: GatewayService) -> APIRouter:
    """Routes that give vectors."""
    api, known = common.openai_router("OpenAI-compatible"), common.knower(gateway.desk)

    @api.post("/embeddings", openapi_extra=common.takes(wire.EmbedBody))
    async def embeddings(request: Request, principal: Principal = Depends(known)) -> Response:
        """Unit vectors of texts."""
        body = wire.parse(wire.EmbedBody, await request.body())
        async with streaming.while_reading(request.receive):
            answer = await gateway.embed(
                principal,
                body.model,
                body.input,
                kind=body.input_type,
                truncate=body.truncate,
                began=request.state.began,
            )
        made = answer.vectors.shape[1]
        if body.dimensions not in (None, made):
            raise wire.Refused(
                f"{body.model} gives {made} dimensions, not {body.dimensions}",
                param="dimensions",
                fix=f"leave dimensions out or ask for {made}",
            )
        return common.answer(request, wire.embeddings(answer, body.encoding_format), answer.receipt)

    return api
