"""A transcript in the shapes OpenAI's clients ask for: json, text, verbose_json, srt, vtt. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Format = Literal["json", "text", "verbose_json", "srt", "vtt"]


@dataclass(frozen=True)
class Segment:
    """A piece of speech and when it was said, seconds from the beginning."""

    start_s: float
    end_s: float
    text: str


def srt(segments: Sequence[Segment]) -> str:
    """SubRip subtitles.

    >>> srt([Segment(0, 1.5, " Good morning.")])
    '1\\n00:00:00,000 --> 00:00:01,500\\nGood morning.\\n\\n'
    """
    return "".join(
        f"{number}\n{_clock(s.start_s, ',')} --> {_clock(s.end_s, ',')}\n{_line(s.text)}\n\n"
        for number, s in enumerate(segments, 1)
    )


def vtt(segments: Sequence[Segment]) -> str:
    """WebVTT subtitles."""
    told = (f"{_clock(s.start_s, '.')} --> {_clock(s.end_s, '.')}\n{_line(s.text)}\n\n" for s in segments)
    return "WEBVTT\n\n" + "".join(told)


def verbose(
    text: str, segments: Sequence[Segment], *, task: str, language: str, duration_s: float
) -> dict[str, Any]:  # Any: JSON
    """`verbose_json`; what the model does not tell (token ids, probabilities) is neutral."""
    neutral = {"seek": 0, "tokens": [], "temperature": 0.0}
    unknown = {"avg_logprob": 0.0, "compression_ratio": 0.0, "no_speech_prob": 0.0}
    return {
        "task": task,
        "language": language,
        "duration": duration_s,
        "text": text,
        "segments": [
            {"id": n, "start": s.start_s, "end": s.end_s, "text": s.text, **neutral, **unknown}
            for n, s in enumerate(segments)
        ],
    }


def _clock(seconds: float, point: str) -> str:
    milliseconds = max(0, round(seconds * 1000))
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{point}{rest % 1000:03d}"


def _line(text: str) -> str:
    return " ".join(text.split()).replace("-->", "→")  # an arrow would begin a new time line
