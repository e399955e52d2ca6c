"""`/v1/tokenize` and `/v1/detokenize`: a text as a model reads it, in vLLM's shape."""

from fastapi import APIRouter, Depends, Request, Response

from shuyuan.identity.interface import Principal
from shuyuan.maas.gateway import streaming, wire
from shuyuan.maas.gateway.routes import common
from shuyuan.maas.gateway.service import GatewayService


def router(gateway: GatewayService) -> APIRouter:
    """Tokens."""
    api, known = common.openai_router("Tokens"), common.knower(gateway.desk)

    @api.post("/tokenize", openapi_extra=common.takes(wire.TokenizeBody))
    async def tokenize(request: Request, principal: Principal = Depends(known)) -> Response:
        """Tokens of a text, without begin and end marks."""
        body = wire.parse(wire.TokenizeBody, await request.body())
        async with streaming.while_reading(request.receive):
            told = await gateway.tokenize(principal, body.model, body.prompt)
        answer = {"count": len(told.tokens), "max_model_len": told.context_tokens, "tokens": list(told.tokens)}
        return common.answer(request, answer, told.receipt)

    @api.post("/detokenize", openapi_extra=common.takes(wire.DetokenizeBody))
    async def detokenize(request: Request, principal: Principal = Depends(known)) -> Response:
        """The text of tokens."""
        body = wire.parse(wire.DetokenizeBody, await request.body())
        async with streaming.while_reading(request.receive):
            told = await gateway.detokenize(principal, body.model, body.tokens)
        return common.answer(request, {"prompt": told.text}, told.receipt)

    return api
