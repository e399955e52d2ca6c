"""Speech to text and text to speech: the verbs. Files are judged by their headers before a worker opens them."""

import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.catalogue import interface as catalogue_api
from shuyuan.maas.gateway import desk as desks
from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.books import booking, quota
from shuyuan.maas.gateway.media import sounds, subtitles
from shuyuan.maas.gateway.media.subtitles import Segment
from shuyuan.maas.gateway.text import screening
from shuyuan.maas.serving import interface as serving

AT_ONCE_S, LONGEST_S = 120.0, 1800.0  # of sound: in one request, and as a job; at most `sounds.MAX_S` of the runners
DEADLINE_S, JOB_DEADLINE_S = 300.0, 19 * 60.0  # the books release what takes twenty minutes
MAX_SPOKEN_CHARS = 4096  # as OpenAI's
_TOKENS_PER_S = 10  # of sound, reserved; settled with what the runner counts
_BYTES_PER_S = 4_000  # of a well-compressed file that does not state its length
Hear = Callable[[str], Awaitable[None]]


class TooLong(interface.TooMuch):
    """More sound than is read in this way."""

    code = "audio_too_long"


class NoVoice(errors.NotFound):
    """No voice of this name is installed."""

    code = "voice_not_installed"


@dataclass(frozen=True)
class Speech:
    """A sound file to write down. language: ISO 639-1; None: the model finds it out. translate: into English."""

    model: str
    audio: bytes
    language: str | None = None
    translate: bool = False


class Transcript:
    """A running transcript: iterate it for the pieces of text, then read what the whole is.

    hear: told every piece before it is given.
    """

    def __init__(
        self, chunks: AsyncIterator[serving.Chunk], call: booking.Booking, receipt: interface.Receipt, hear: Hear | None
    ) -> None:
        self._chunks, self._call, self.receipt, self._hear = chunks, call, receipt, hear
        self.text, self.language, self.duration_s = "", "", 0.0
        self.segments: tuple[Segment, ...] = ()
        self.usage = interface.Usage(0)

    async def __aiter__(self) -> AsyncIterator[str]:
        async for chunk in self._chunks:
            call = self._call
            call.begun, call.finished = True, chunk.finish_reason is not None
            call.pieces += bool(chunk.text)
            call.usage = chunk.usage or call.usage
            self.usage = chunk.usage or self.usage
            if chunk.data:
                self._read(chunk.data)
            if chunk.text:
                self.text += chunk.text
                if self._hear is not None:
                    await self._hear(chunk.text)
                yield chunk.text

    async def whole(self) -> "Transcript":
        """Read to the end."""
        async for _piece in self:
            pass
        self.text = self.text.strip()
        return self

    def _read(self, data: Mapping[str, object]) -> None:
        told = cast(list[Mapping[str, object]], data.get("segments") or [])
        self.segments = tuple(Segment(_float(s["start_s"]), _float(s["end_s"]), str(s["text"])) for s in told)
        self.language = str(data.get("language") or self.language)
        self.duration_s = _float(data.get("duration_s") or self.duration_s)


@asynccontextmanager
async def transcribe(
    desk: desks.Desk,
    principal: Principal,
    speech: Speech,
    *,
    hear: Hear | None = None,
    as_job: bool = False,
    purpose: interface.Purpose = "api",
    began: float | None = None,
) -> AsyncIterator[Transcript]:
    """Write speech down. hear: see Transcript. as_job: up to half an hour.

    Raises BadSound, TooLong, NotClaimed and what the desk raises.
    """
    began = began or time.perf_counter()
    desk.admit(principal)
    expected = expected_tokens(speech.audio, as_job=as_job)
    model = await desk.locate(principal, speech.model, "transcribe")
    if speech.translate:
        require_translation(model)
    payload = {
        "audio": speech.audio,
        "language": speech.language,
        "translate": speech.translate,
        "longest_s": _allowed_s(as_job),  # what the file states may be less than what it unpacks to
    }
    endpoint = "translations" if speech.translate else "transcriptions"
    async with desk.booked(principal, model, endpoint, tokens=expected, purpose=purpose, began=began) as call:
        deadline_s = JOB_DEADLINE_S if as_job else DEADLINE_S
        chunks = desk.engine.submit(
            speech.model, "transcribe", payload, asker=desk.asker(principal), deadline_s=deadline_s
        )
        async with aclosing(chunks):
            yield Transcript(chunks, call, desks.receipt(call, model), hear)


def expected_tokens(audio: bytes, *, as_job: bool) -> int:
    """What a sound file will cost at most. Raises BadSound, TooLong."""
    sound = sounds.look(audio)
    length_s = len(audio) / _BYTES_PER_S if sound.duration_s is None else sound.duration_s
    allowed_s = _allowed_s(as_job)
    if sound.duration_s is not None and sound.duration_s > allowed_s:
        fix = (
            "send it in pieces"
            if as_job
            else "send background=true and read the batch it becomes, or send it in pieces"
        )
        raise TooLong(
            f"the {sound.format} file lasts {sound.duration_s:.0f} s; at most {allowed_s:.0f} s are read", fix=fix
        )
    return math.ceil(min(length_s, allowed_s) * _TOKENS_PER_S) + 1


def _allowed_s(as_job: bool) -> float:
    return LONGEST_S if as_job else AT_ONCE_S


def require_translation(model: catalogue_api.Loadable) -> None:
    """Raise NotClaimed unless the card claims to translate what it hears."""
    if "translate" not in model.tasks:
        raise interface.NotClaimed(
            f"the card of {model.name!r} does not claim 'translate'; it claims {', '.join(model.tasks)}",
            fix="use /v1/audio/transcriptions and translate the text",
        )


def as_text(said: Transcript, shape: subtitles.Format) -> str:
    """A transcript as text or subtitles."""
    render = {"srt": subtitles.srt, "vtt": subtitles.vtt}.get(shape)
    return render(said.segments) if render else said.text + "\n"


def as_json(said: Transcript, shape: subtitles.Format, *, translated: bool) -> dict[str, Any]:  # Any: JSON
    """A transcript as JSON; what is text elsewhere lies in `text`."""
    if shape == "verbose_json":
        task = "translate" if translated else "transcribe"
        language, length_s = said.language, said.duration_s
        told = subtitles.verbose(said.text, said.segments, task=task, language=language, duration_s=length_s)
        return told | {"usage": usage(said)}
    return {"text": said.text if shape == "json" else as_text(said, shape), "usage": usage(said)}


def usage(said: Transcript) -> dict[str, Any]:
    """Tokens as OpenAI tells them of a transcript."""
    spent = said.usage
    return {
        "type": "tokens",
        "input_tokens": spent.prompt_tokens,
        "output_tokens": spent.completion_tokens,
        "total_tokens": spent.prompt_tokens + spent.completion_tokens,
    }


@dataclass(frozen=True)
class Spoken:
    """A sound file in memory."""

    receipt: interface.Receipt
    audio: bytes
    media_type: str


async def speak(
    desk: desks.Desk,
    screen: screening.Screening,
    principal: Principal,
    text: str,
    *,
    model: str,
    voice: str,
    speed: float,
    age_band: interface.Band,
    began: float | None = None,
) -> Spoken:
    """Say a text. Raises NoVoice when no such voice is installed, ContentPolicy when the band is kept from the text."""
    began = began or time.perf_counter()
    desk.admit(principal)
    try:
        found = await desk.locate(principal, model, "speak")
    except (catalogue_api.UnknownModel, catalogue_api.NotPulled, interface.NotClaimed) as absent:
        raise NoVoice(
            f"no voice {model!r} is installed here",
            fix="install one (docs/model-services.md), or let the browser speak",
        ) from absent
    await screen.admit(principal, [text], age_band)
    expected = quota.estimate_tokens([text])
    payload = {"text": text, "voice": voice, "speed": speed}
    sound, kind, spent = bytearray(), "audio/wav", interface.Usage(expected)
    async with desk.booked(principal, found, "speech", tokens=expected, began=began) as call:
        chunks = desk.engine.submit(model, "speak", payload, asker=desk.asker(principal), deadline_s=DEADLINE_S)
        async with aclosing(chunks):
            async for chunk in chunks:
                sound += b"".join(tensor["data"] for tensor in chunk.tensors.values())
                kind, spent = str(chunk.data.get("media_type", kind)), chunk.usage or spent
        call.note(spent)
    return Spoken(desks.receipt(call, found), bytes(sound), kind)


def _float(value: object) -> float:
    return float(cast(float, value))
