"""`/v1/audio/…`: speech to text as OpenAI's clients send it, and text to speech where a voice is installed."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from shuyuan.identity.interface import Principal
from shuyuan.maas.gateway import interface, streaming, wire
from shuyuan.maas.gateway.batch import batches
from shuyuan.maas.gateway.media import audio, forms, subtitles
from shuyuan.maas.gateway.routes import common, speaking, uploads
from shuyuan.maas.gateway.service import GatewayService
from shuyuan.maas.gateway.text import screening

MAX_BYTES = 24_000_000
_MEDIA_TYPES = {"text": "text/plain", "srt": "application/x-subrip", "vtt": "text/vtt"}


def router(gateway: GatewayService, jobs: batches.Batches | None = None) -> APIRouter:
    """Sound in, sound out. Without `jobs`, `background` is refused."""
    api, known = common.openai_router("Audio"), common.knower(gateway.desk)

    @api.post("/audio/transcriptions", openapi_extra=uploads.takes(forms.TranscriptionForm))
    async def transcriptions(request: Request, principal: Principal = Depends(known)) -> Response:
        """Write speech down: json, text, verbose_json, srt, vtt; streamed as text events; or as a batch of one."""
        async with uploads.form(forms.TranscriptionForm, request) as upload:
            data = await upload.read(MAX_BYTES)
        body = upload.body
        if body.background:
            job = await _require(jobs).transcribe_later(principal, body, data, upload.name)
            return JSONResponse(job.to_dict(), status_code=202)
        return await _transcript(request, gateway, principal, body.as_speech(data), body.response_format, body.stream)

    @api.post("/audio/translations", openapi_extra=uploads.takes(forms.TranslationForm))
    async def translations(request: Request, principal: Principal = Depends(known)) -> Response:
        """Speech of any language the model hears, as English text."""
        async with uploads.form(forms.TranslationForm, request) as upload:
            data = await upload.read(MAX_BYTES)
        speech = upload.body.as_speech(data)
        return await _transcript(request, gateway, principal, speech, upload.body.response_format, False)

    @api.post("/audio/speech", openapi_extra=common.takes(forms.SpeechBody))
    async def speech(request: Request, principal: Principal = Depends(known)) -> Response:
        """Say a text; 404 `voice_not_installed` without a voice."""
        body = wire.parse(forms.SpeechBody, await request.body())
        band = speaking.band_of(request, principal, None)
        async with streaming.while_reading(request.receive):
            spoken = await audio.speak(
                gateway.desk,
                gateway.screening,
                principal,
                body.input,
                model=body.model,
                voice=body.voice,
                speed=body.speed,
                age_band=band,
                began=request.state.began,
            )
        return Response(spoken.audio, media_type=spoken.media_type, headers=common.headers(spoken.receipt))

    return api


async def _transcript(
    request: Request,
    gateway: GatewayService,
    principal: Principal,
    speech: audio.Speech,
    shape: subtitles.Format,
    stream: bool,
) -> Response:
    band = speaking.band_of(request, principal, None)
    hear = screening.Listening(gateway.screening, principal, band, source="transcript").hear
    async with AsyncExitStack() as held:
        await held.enter_async_context(streaming.while_reading(request.receive))
        said = await held.enter_async_context(
            audio.transcribe(gateway.desk, principal, speech, hear=hear, began=request.state.began)
        )
        if not stream:
            return _whole(await said.whole(), speech, shape)
        pieces = aiter(said)
        first = await anext(pieces, "")  # errors before any text are plain error answers
        return streaming.EventStream(_events(said, first, pieces), held.pop_all(), common.headers(said.receipt))
    raise AssertionError("the body above returns")


async def _events(said: audio.Transcript, first: str, rest: AsyncIterator[str]) -> AsyncIterator[bytes]:
    if first:
        yield wire.event({"type": "transcript.text.delta", "delta": first})
    async for piece in rest:
        yield wire.event({"type": "transcript.text.delta", "delta": piece})
    yield wire.event({"type": "transcript.text.done", "text": said.text.strip(), "usage": audio.usage(said)})
    yield wire.DONE


def _whole(said: audio.Transcript, speech: audio.Speech, shape: subtitles.Format) -> Response:
    headers = common.headers(said.receipt)
    if shape in _MEDIA_TYPES:
        return PlainTextResponse(audio.as_text(said, shape), headers=headers, media_type=_MEDIA_TYPES[shape])
    return JSONResponse(audio.as_json(said, shape, translated=speech.translate), headers=headers)


def _require(jobs: batches.Batches | None) -> batches.Batches:
    if jobs is None:
        raise interface.NotClaimed("background work is off on this server", fix="send up to two minutes at once")
    return jobs
