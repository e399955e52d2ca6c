"""`/v1/ocr` and `/v1/images/…`: a picture in, its text, labels or things out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, Depends, FastAPI, Request, Response

from shuyuan.identity.interface import Principal
from shuyuan.maas.gateway import streaming, wire
from shuyuan.maas.gateway.media import forms, generating, vision
from shuyuan.maas.gateway.routes import common, speaking, uploads
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.gateway.text import screening

MAX_BYTES = 12_000_000


def router(gateway: GatewayService) -> APIRouter:
    """Pictures. The decoder process ends with the application."""
    eyes = vision.Eyes(gateway.desk)

    @asynccontextmanager
    async def span(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await eyes.close()

    whole = APIRouter(lifespan=span)
    whole.include_router(_pictures(gateway, eyes))
    return whole


def _pictures(gateway: GatewayService, eyes: vision.Eyes) -> APIRouter:
    api, known = common.openai_router("Pictures"), common.knower(gateway.desk)
    documented = uploads.takes(forms.PictureForm)

    @api.post("/ocr", openapi_extra=documented)
    async def ocr(request: Request, principal: Principal = Depends(known)) -> Response:
        """A photo of a page → its text, line by line with corners."""
        picture, body = await _picture(request)
        band = speaking.band_of(request, principal, None)
        hear = screening.Listening(gateway.screening, principal, band, source="page").hear
        async with streaming.while_reading(request.receive):
            page = await eyes.read_page(principal, body.model, picture, hear=hear, began=request.state.began)
        told = {"text": page.text, "lines": page.lines, "width": page.width, "height": page.height}
        return common.answer(
            request, told | {"model": page.receipt.model, "usage": common.usage(page.usage)}, page.receipt
        )

    @api.post("/images/classifications", openapi_extra=documented)
    async def classifications(request: Request, principal: Principal = Depends(known)) -> Response:
        """The likeliest labels, by any ONNX version that declares its own."""
        picture, body = await _picture(request)
        async with streaming.while_reading(request.receive):
            seen = await eyes.classify(principal, body.model, picture, top=body.top, began=request.state.began)
        ranked = [{"label": label, "score": round(score, 4)} for label, score, _box in seen.found]
        told = {"label": ranked[0]["label"], "labels": ranked, "width": seen.width, "height": seen.height}
        return common.answer(request, told | {"model": seen.receipt.model}, seen.receipt)

    @api.post("/images/detections", openapi_extra=documented)
    async def detections(request: Request, principal: Principal = Depends(known)) -> Response:
        """Things and where they are: x1, y1, x2, y2 in pixels, best first."""
        picture, body = await _picture(request)
        async with streaming.while_reading(request.receive):
            seen = await eyes.detect(
                principal, body.model, picture, threshold=body.threshold, began=request.state.began
            )
        found = [
            {"label": label, "score": round(score, 4), "box": [round(side, 1) for side in box]}
            for label, score, box in seen.found
        ]
        told = {"detections": found, "width": seen.width, "height": seen.height, "model": seen.receipt.model}
        return common.answer(request, told, seen.receipt)

    @api.post("/images/generations", openapi_extra=common.takes(forms.GenerationBody))
    async def generations(request: Request, principal: Principal = Depends(known)) -> Response:
        """By a `remote` model that claims it; nothing here draws."""
        body = wire.parse(forms.GenerationBody, await request.body())
        band = speaking.band_of(request, principal, None)
        async with streaming.while_reading(request.receive):
            told, receipt = await generating.generate(
                gateway.desk, gateway.screening, principal, body, age_band=band, began=request.state.began
            )
        return common.answer(request, told, receipt)

    return api


async def _picture(request: Request) -> tuple[bytes, forms.PictureForm]:
    """The picture and what was said with it: a form, or the picture itself with the rest in the address.

    An address of a picture elsewhere is refused: nothing is fetched for a caller.
    """
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/json"):
        raise wire.Refused(
            "a picture is sent as a file; addresses (image_url) are not fetched",
            param="image_url",
            fix="send the bytes: a form with `file`, or the picture as the body",
            code="url_refused",
        )
    if not kind.startswith("image/"):
        async with uploads.form(forms.PictureForm, request) as upload:
            return await upload.read(MAX_BYTES), upload.body
    data = await request.body()
    if not 0 < len(data) <= MAX_BYTES:
        raise wire.Refused(
            f"the picture has {len(data)} bytes; 1 to {MAX_BYTES} are read", param="file", code="too_much"
        )
    return data, uploads.parse(forms.PictureForm, dict(request.query_params))
