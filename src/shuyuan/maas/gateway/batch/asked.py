"""One line of a batch, asked as its owner: at the route it names, or, for sound, of the file it names."""

import asyncio
import json
from typing import Any

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors, ids
from shuyuan.maas.gateway import desk as desks
from shuyuan.maas.gateway import wire
from shuyuan.maas.gateway.batch import direct, files, jsonl
from shuyuan.maas.gateway.media import audio, forms
from shuyuan.maas.gateway.text import screening


class Lines:
    """Asks; knows neither chunks nor pauses."""

    def __init__(
        self, desk: desks.Desk, routes: direct.Direct, screen: screening.Screening, files: files.Files
    ) -> None:
        self._desk, self._routes, self._screen, self._files = desk, routes, screen, files

    async def ask(self, owner: Principal, request: jsonl.Request) -> direct.Answer:
        """What its route says, or the transcript of the sound it names."""
        if request.url != jsonl.TRANSCRIPTIONS:
            return await self._routes.post(owner, request.url, request.body)
        try:
            return direct.Answer(200, {}, await self._transcript(owner, dict(request.body)))
        except errors.ShuyuanError as failure:
            wait_s = getattr(failure, "retry_after_s", 1.0)
            return direct.Answer(failure.status, {"retry-after": str(wait_s)}, wire.error_body(failure, failure.status))

    async def _transcript(self, owner: Principal, body: dict[str, Any]) -> dict[str, Any]:
        file_id = str(body.pop("file_id", ""))
        form = wire.parse(forms.TranscriptionForm, json.dumps(body).encode())
        sound = await asyncio.to_thread(self._files.read, owner, file_id, 0)
        heard = screening.Listening(self._screen, owner, screening.band_of(owner), source="transcript")
        async with audio.transcribe(self._desk, owner, form.as_speech(sound), hear=heard.hear, as_job=True) as said:
            return audio.as_json(await said.whole(), form.response_format, translated=False)


def told(request: jsonl.Request, answer: direct.Answer) -> dict[str, Any]:
    """The line of the output or the error file."""
    request_id = answer.headers.get("x-request-id", "")
    response = {"status_code": answer.status, "request_id": request_id, "body": answer.body}
    return {"id": f"batch_req_{ids.new_id()}", "custom_id": request.custom_id, "response": response, "error": None}
