"""`/v1/services/…`: what teachers ask of texts, without writing a prompt."""

from fastapi import APIRouter, Depends, Request, Response

from shuyuan.identity.interface import Principal
from shuyuan.maas.gateway import streaming, wire
from shuyuan.maas.gateway.routes import common
from shuyuan.maas.gateway.service import GatewayService


def router(gateway: GatewayService) -> APIRouter:
    """The text services."""
    api, known = common.openai_router("Text services"), common.knower(gateway.desk)

    @api.post("/services/summarize", openapi_extra=common.takes(wire.SummarizeBody))
    async def summarize(request: Request, principal: Principal = Depends(known)) -> Response:
        """The most central sentences; with `model`, its words."""
        body = wire.parse(wire.SummarizeBody, await request.body())
        async with streaming.while_reading(request.receive):
            told = await gateway.summarize(
                principal, body.text, sentences=body.sentences, language=body.language, model=body.model
            )
        return common.answer(
            request,
            {
                "summary": told.text,
                "method": told.method,
                "sentences": list(told.sentences),
                "model": told.receipt.model,
                "truncated": told.truncated,
                "usage": common.usage(told.usage),
            },
            told.receipt,
        )

    @api.post("/services/translate", openapi_extra=common.takes(wire.TranslateBody))
    async def translate(request: Request, principal: Principal = Depends(known)) -> Response:
        """By a model whose card claims translation; otherwise 400 `not_claimed`."""
        body = wire.parse(wire.TranslateBody, await request.body())
        async with streaming.while_reading(request.receive):
            told = await gateway.translate(
                principal, body.text, target=body.target, source=body.source, model=body.model
            )
        return common.answer(
            request,
            {
                "translation": told.text,
                "target": body.target,
                "model": told.receipt.model,
                "usage": common.usage(told.usage),
            },
            told.receipt,
        )

    @api.post("/services/classify", openapi_extra=common.takes(wire.ClassifyBody))
    async def classify(request: Request, principal: Principal = Depends(known)) -> Response:
        """Your labels, nearest in meaning first. Scores are relative, not calibrated."""
        body = wire.parse(wire.ClassifyBody, await request.body())
        async with streaming.while_reading(request.receive):
            told = await gateway.classify(principal, body.text, body.labels, model=body.model)
        ranked = [{"label": label, "score": round(score, 4)} for label, score in told.labels]
        return common.answer(
            request,
            {
                "label": ranked[0]["label"],
                "labels": ranked,
                "model": told.receipt.model,
                "usage": common.usage(told.usage),
            },
            told.receipt,
        )

    return api
