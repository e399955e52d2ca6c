"""Write down speech with Whisper, a segment at a time. Reads a local folder only; never asks a hub."""

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read by the library's hub client when it is imported

import faster_whisper

from shuyuan.maas.runners import interface, sounds

_SIBLINGS = ("config.json", "tokenizer.json", "vocabulary.txt")  # without them the library would ask a hub
_FILE_NAME = "model.bin"


class WhisperRunner:
    """One Whisper model, 8-bit on the CPU, greedy: one beam, no second try at a higher temperature."""

    batches_itself: ClassVar[bool] = False
    slots = 1

    def __init__(self) -> None:
        self._model: Any = None  # the library's classes are untyped
        self._load_s = 0.0
        self._requests = self._completion_tokens = 0

    def load(self, path: Path, *, context_tokens: int, spec: Mapping[str, object] = {}, threads: int = 0) -> None:
        """Read the folder of `model.bin`."""
        started = time.perf_counter()
        missing = [name for name in _SIBLINGS if not (path.parent / name).is_file()]
        if path.name != _FILE_NAME or missing:
            lacking = ", ".join(missing) or _FILE_NAME
            raise interface.BadModelFile(f"{path.name}: {lacking} is missing beside it", fix="pull the model again")
        try:
            self._model = faster_whisper.WhisperModel(
                str(path.parent), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True
            )
        except Exception as wrong:  # C++ errors of several kinds
            raise interface.BadModelFile(f"{path.name}: {wrong}"[:500], fix="pull the model again") from wrong
        self._load_s = time.perf_counter() - started

    def submit(
        self, task: str, payload: interface.Payload, cancelled: interface.Cancellation
    ) -> Iterator[interface.Chunk]:
        """A chunk a segment; the last has data {segments: [{start_s, end_s, text}], language, duration_s}."""
        if task != "transcribe":
            raise interface.UnsupportedTask(f"a model that hears cannot {task}", fix="ask for task 'transcribe'")
        if self._model is None:
            raise interface.BadPayload("the model is closed", fix="load it again")
        language = self._language(payload.get("language"))
        samples = sounds.read(payload.get("audio"), cancelled, longest_s=_longest_s(payload.get("longest_s")))
        self._requests += 1
        tokens = 0
        segments: list[dict[str, object]] = []
        reason: interface.FinishReason = "cancelled"
        data: dict[str, object] = {"segments": segments}
        if samples is not None and not cancelled.is_set():
            heard, info = self._listen(samples, language, bool(payload.get("translate")))
            data |= {"language": info.language, "duration_s": round(len(samples) / sounds.SAMPLES_PER_S, 3)}
            for segment in heard:
                tokens += len(segment.tokens)
                segments.append({"start_s": segment.start, "end_s": segment.end, "text": segment.text.strip()})
                yield interface.Chunk(text=segment.text, usage=interface.Usage(0, tokens))
                if cancelled.is_set():
                    break
            else:
                reason = "stop"
        self._completion_tokens += tokens
        yield interface.Chunk(data=data, finish_reason=reason, usage=interface.Usage(0, tokens))

    def stats(self) -> interface.Stats:
        """Counters since load."""
        return interface.Stats(self._load_s, self.slots, self._requests, 0, self._completion_tokens)

    def close(self) -> None:
        """Free the model."""
        self._model = None

    def _listen(self, samples: sounds.Samples, language: str | None, translate: bool) -> tuple[Any, Any]:
        heard: tuple[Any, Any] = self._model.transcribe(
            samples,
            language=language,
            task="translate" if translate else "transcribe",
            beam_size=1,
            best_of=1,
            temperature=0.0,
            compression_ratio_threshold=None,
            log_prob_threshold=None,
            condition_on_previous_text=False,  # otherwise one wrong segment repeats itself to the end
        )
        return heard

    def _language(self, language: object) -> str | None:
        if language is None or language == "":
            return None
        known = self._model.supported_languages
        if language not in known:
            raise interface.BadPayload(f"language {str(language)[:40]!r} is unknown", fix="use a code such as zh or en")
        return str(language)


def _longest_s(told: object) -> float:
    """How much sound the caller allows; None: what the runner does."""
    if told is None:
        return sounds.MAX_S
    if isinstance(told, bool) or not isinstance(told, int | float) or not told > 0:
        raise interface.BadPayload(f"longest_s is {str(told)[:40]!r}", fix="use seconds above 0, or leave it out")
    return float(told)
