"""Say a text with espeak-ng, a small rule-based voice for Chinese and English. An optional extra (GPL), never bundled.

The library is taken from the package `espeakng-loader`, else from the system. Its state is global: one at a time.
It varies pitch and length by chance, a little: the same text is never twice the same samples.
The model file is JSON, `{"voices": {"zh": "cmn", "en": "en-us"}}`: names one may ask for, and espeak's own.
"""

import ctypes
import ctypes.util
import importlib.util
import io
import json
import threading
import time
import wave
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from shuyuan.maas.runners import interface

_MAX_CHARACTERS = 4_096
_MAX_FILE_BYTES = 64 << 10
_WORDS_PER_MINUTE = 160
_RETRIEVAL = 1  # samples come to a callback, no loudspeaker
_RATE_PARAMETER, _BY_CHARACTER, _UTF8 = 1, 1, 1
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
_guard = threading.Lock()
_NEVER = threading.Event()


class EspeakRunner:
    """The voices of one espeak-ng."""

    batches_itself: ClassVar[bool] = False
    slots = 1

    def __init__(self) -> None:
        self._voices: dict[str, str] | None = None
        self._load_s = 0.0
        self._requests = 0

    def load(self, path: Path, *, context_tokens: int, spec: Mapping[str, object] = {}, threads: int = 0) -> None:
        """Read the names of the voices and open the library. Raises BadModelFile when it is not installed."""
        started = time.perf_counter()
        try:
            voices = json.loads(path.read_bytes()[:_MAX_FILE_BYTES])["voices"]
            if not voices or not all(isinstance(name, str) for pair in voices.items() for name in pair):
                raise ValueError("voices maps names to names")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as wrong:
            raise interface.BadModelFile(f"{path.name}: {wrong}", fix='write {"voices": {"en": "en-us"}}') from wrong
        _library()
        self._voices = voices
        self._load_s = time.perf_counter() - started

    def submit(
        self, task: str, payload: interface.Payload, cancelled: interface.Cancellation
    ) -> Iterator[interface.Chunk]:
        """{text, voice, speed 0.5 to 2} → one chunk, tensor `audio` (bytes of a WAV of 16 bits), data {media_type}."""
        if task != "speak":
            raise interface.UnsupportedTask(f"a voice cannot {task}", fix="ask for task 'speak'")
        if self._voices is None:
            raise interface.BadPayload("the model is closed", fix="load it again")
        text, voice, speed = self._read(payload, self._voices)
        self._requests += 1
        said = speak(text, voice=voice, words_per_minute=round(_WORDS_PER_MINUTE * speed), cancelled=cancelled)
        usage = interface.Usage(prompt_tokens=len(text))
        if cancelled.is_set():
            yield interface.Chunk(finish_reason="cancelled", usage=usage)
            return
        audio = {"audio": interface.pack_tensor(np.frombuffer(said, np.uint8))}
        yield interface.Chunk(tensors=audio, data={"media_type": "audio/wav"}, finish_reason="stop", usage=usage)

    def stats(self) -> interface.Stats:
        """Counters since load."""
        return interface.Stats(self._load_s, self.slots, self._requests, 0, 0)

    def close(self) -> None:
        """Forget the voices; the library stays with the process."""
        self._voices = None

    @staticmethod
    def _read(payload: interface.Payload, voices: Mapping[str, str]) -> tuple[str, str, float]:
        text, speed = payload.get("text"), payload.get("speed", 1.0)
        name = payload.get("voice") or "default"
        name = next(iter(voices)) if name == "default" else name
        if not isinstance(text, str) or not text.strip():
            raise interface.BadPayload("text must be a text that is not empty", fix="send text")
        if len(text) > _MAX_CHARACTERS:
            raise interface.BadPayload(f"{len(text)} characters, at most {_MAX_CHARACTERS}", fix="split the text")
        if name not in voices:
            raise interface.UnknownVoice(f"voice {str(name)[:40]!r} is unknown", fix=f"use {', '.join(voices)}")
        if not isinstance(speed, int | float) or not 0.5 <= speed <= 2:
            raise interface.BadPayload(f"speed must be 0.5 to 2, got {str(speed)[:40]}", fix="mend speed")
        return text.replace("\0", ""), voices[str(name)], float(speed)


def speak(
    text: str,
    *,
    voice: str,
    words_per_minute: int = _WORDS_PER_MINUTE,
    cancelled: interface.Cancellation = _NEVER,
) -> bytes:
    """The WAV of a text. Raises BadModelFile when the library or the voice is not installed."""
    pieces: list[bytes] = []

    def on_samples(samples: "ctypes._Pointer[ctypes.c_short]", count: int, _: int | None) -> int:
        if samples and count > 0:
            pieces.append(ctypes.string_at(samples, 2 * count))
        return int(cancelled.is_set())  # 1 stops

    heard = _CALLBACK(on_samples)
    library, samples_per_s = _library()
    with _guard:
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise interface.BadModelFile(f"espeak-ng has no voice {voice!r}", fix="name another one")
        library.espeak_SetSynthCallback(heard)
        library.espeak_SetParameter(_RATE_PARAMETER, words_per_minute, 0)
        data = text.encode("utf-8", "ignore")
        library.espeak_Synth(data, ctypes.c_size_t(len(data) + 1), 0, _BY_CHARACTER, 0, _UTF8, None, None)
        library.espeak_Synchronize()
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(samples_per_s)
        file.writeframes(b"".join(pieces))
    return out.getvalue()


_opened: tuple[ctypes.CDLL, int] | None = None


def _library() -> tuple[ctypes.CDLL, int]:
    """The library, opened once a process, and its sample rate."""
    global _opened
    with _guard:
        if _opened is None:
            file, data = _where()
            library = ctypes.CDLL(file)
            rate = library.espeak_Initialize(_RETRIEVAL, 0, data, 0)
            if rate <= 0:
                raise interface.BadModelFile("espeak-ng does not start: its data is missing", fix="install it again")
            _opened = library, rate
        return _opened


def _where() -> tuple[str, bytes | None]:
    """The library's file and the folder that holds its data; None lets it look in its own place."""
    if found := importlib.util.find_spec("espeakng_loader"):
        folder = Path(str(found.origin)).parent
        for name in ("libespeak-ng.so", "libespeak-ng.dylib", "espeak-ng.dll"):
            if (folder / name).exists():
                return str(folder / name), str(folder / "espeak-ng-data").encode()
    if system := ctypes.util.find_library("espeak-ng"):
        return system, None
    raise interface.BadModelFile(
        "espeak-ng is not installed",
        fix="pip install 'shuyuan[voice]', or install espeak-ng with the system's packages",
    )
