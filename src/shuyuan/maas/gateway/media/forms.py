"""What the media routes of `/v1` read. Neutral values pass; what we cannot do is refused by name."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from shuyuan.maas.gateway import wire
from shuyuan.maas.gateway.media import audio, subtitles

LanguageCode = Annotated[str, Field(pattern="^[a-z]{2,3}$")]
SpeechFormat = Literal["wav"]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid")
    model: wire.ModelName


class _Sound(_Form):
    response_format: subtitles.Format = "json"
    prompt: str = ""
    temperature: float = Field(0.0, ge=0, le=1)

    @field_validator("prompt", "temperature")
    @classmethod
    def _neutral(cls, value: object) -> object:
        if value:
            raise ValueError("cannot be changed here; leave it out")
        return value


class TranscriptionForm(_Sound):
    """`POST /v1/audio/transcriptions`. `background` is ours: up to an hour of sound, as a batch of one."""

    language: LanguageCode | None = None
    stream: bool = False
    background: bool = False
    timestamp_granularities: list[Literal["segment"]] = []
    include: list[str] = Field([], max_length=0)
    chunking_strategy: Literal["auto"] | None = None

    @model_validator(mode="after")
    def _fits(self) -> "TranscriptionForm":
        if self.stream and (self.background or self.response_format not in ("json", "text")):
            raise ValueError("stream goes with response_format json or text, and not with background")
        return self

    def as_speech(self, data: bytes) -> audio.Speech:
        return audio.Speech(self.model, data, self.language)


class TranslationForm(_Sound):
    """`POST /v1/audio/translations`: into English."""

    def as_speech(self, data: bytes) -> audio.Speech:
        return audio.Speech(self.model, data, translate=True)


class SpeechBody(_Form):
    """`POST /v1/audio/speech`. `voice` is a word the model knows; empty: its first."""

    input: Annotated[str, Field(min_length=1, max_length=audio.MAX_SPOKEN_CHARS)]
    voice: Annotated[str, Field(max_length=64)] = ""
    response_format: SpeechFormat = "wav"
    speed: float = Field(1.0, ge=0.5, le=2)
    instructions: str = Field("", max_length=0)
    stream_format: Literal["audio"] = "audio"


class PictureForm(_Form):
    """`POST /v1/ocr`, `/v1/images/classifications`, `/v1/images/detections`: what comes beside the picture.

    top: how many labels.  threshold: the least score a detection needs; None: what the version says.
    """

    model: wire.ModelName = "ocr"
    top: int = Field(5, ge=1, le=1000)
    threshold: float | None = Field(None, ge=0, le=1)


class GenerationBody(_Form):
    """`POST /v1/images/generations`: passed on to a `remote` model."""

    prompt: Annotated[str, Field(min_length=1, max_length=4_000)]
    n: int = Field(1, ge=1, le=4)
    size: Annotated[str, Field(pattern=r"^(auto|\d{2,4}x\d{2,4})$")] = "auto"
    response_format: Literal["b64_json"] = "b64_json"
    seed: int | None = None
    user: str | None = None

    @property
    def reserved_tokens(self) -> int:
        """What is held until the remote model has told its usage."""
        return self.n * 1_000 + len(self.prompt)
