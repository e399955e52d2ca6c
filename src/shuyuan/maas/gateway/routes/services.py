"""`/v1/services/…`: what teachers ask of texts, without writing a prompt."""

from fastapi import APIRouter, Depends, Request, Response

from shuyuan.identity.interface import Principal
from shuyuan.maas.gateway import streaming, wire
from shuyuan.maas.gateway.routes import common, speaking
from shuyuan.maas.gateway.service import GatewayService


def router(gateway: GatewayService) -> APIRouter:
    """The text services."""
    api, known = common.openai_router("Text services"), common.knower(gateway.desk)

    @api.post("/services/summarize", openapi_extra=common.takes(wire.SummarizeBody))
    async def summarize(request: Request, principal: Principal = Depends(known)) -> Response:
        """The most central sentences, or a title; with `model`, its words."""
        body = wire.parse(wire.SummarizeBody, await request.body())
        band = speaking.band_of(request, principal, None)
        async with streaming.while_reading(request.receive):
            told = await gateway.summarize(
                principal,
                body.text,
                sentences=body.sentences,
                language=body.language,
                model=body.model,
                style=body.style,
                age_band=band,
            )
        return common.answer(
            request,
            {
                "summary": told.text,
                "method": told.method,
                "sentences": list(told.sentences),
                "model": told.receipt.model,
                "truncated": told.truncated,
                "warnings": list(told.warnings),
                "usage": common.usage(told.usage),
            },
            told.receipt,
        )

    @api.post("/services/translate", openapi_extra=common.takes(wire.TranslateBody))
    async def translate(request: Request, principal: Principal = Depends(known)) -> Response:
        """By a model whose card claims it. A number or name that was lost even when asked again is a warning."""
        body = wire.parse(wire.TranslateBody, await request.body())
        band = speaking.band_of(request, principal, None)
        async with streaming.while_reading(request.receive):
            told = await gateway.translate(
                principal, body.text, target=body.target, source=body.source, model=body.model, age_band=band
            )
        return common.answer(
            request,
            {
                "translation": told.text,
                "target": body.target,
                "warnings": list(told.warnings),
                "model": told.receipt.model,
                "usage": common.usage(told.usage),
            },
            told.receipt,
        )

    @api.post("/services/classify", openapi_extra=common.takes(wire.ClassifyBody))
    async def classify(request: Request, principal: Principal = Depends(known)) -> Response:
        """Your labels, nearest in meaning first; without labels, those of the version `model`.

        Scores are relative, not calibrated. A description (words between commas) tells what a label covers.
        """
        body = wire.parse(wire.ClassifyBody, await request.body())
        async with streaming.while_reading(request.receive):
            told = await gateway.classify(
                principal, body.text, body.names, model=body.model, descriptions=body.descriptions
            )
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

    @api.post("/services/keywords", openapi_extra=common.takes(wire.KeywordsBody))
    async def keywords(request: Request, principal: Principal = Depends(known)) -> Response:
        """Words that a text is about, in its own spelling; weights are relative to the first."""
        body = wire.parse(wire.KeywordsBody, await request.body())
        told = await gateway.keywords(principal, body.text, limit=body.limit)
        ranked = [{"word": word, "weight": weight} for word, weight in told.words]
        return common.answer(request, {"keywords": ranked, "model": told.receipt.model}, told.receipt)

    @api.post("/services/sentiment", openapi_extra=common.takes(wire.SentimentBody))
    async def sentiment(request: Request, principal: Principal = Depends(known)) -> Response:
        """Open praise and complaint, by word lists in Chinese and English. Misses irony; never judges a person."""
        body = wire.parse(wire.SentimentBody, await request.body())
        told = await gateway.sentiment(principal, body.text)
        answer = {"label": told.label, "score": told.score, "model": told.receipt.model}
        return common.answer(request, answer, told.receipt)

    return api
