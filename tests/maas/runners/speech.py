"""Recordings for tests: spoken by espeak-ng where it is installed, and plain sounds."""

import io
import shutil
import struct
import subprocess
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

SAMPLES_PER_S = 16_000


def spoken(text: str, voice: str = "en-us") -> bytes:
    """A WAV in which a synthetic voice says the text; skips without espeak-ng."""
    program = shutil.which("espeak-ng")
    if program:
        return subprocess.run(
            [program, "-v", voice, "-s", "140", "--stdout", text], check=True, capture_output=True
        ).stdout
    loader = pytest.importorskip("espeakng_loader", reason="speech tests need espeak-ng or espeakng-loader")
    del loader
    from shuyuan.maas.runners import espeak

    return espeak.speak(text, voice=voice, words_per_minute=140)


def wav(samples: NDArray[np.float32], rate: int = SAMPLES_PER_S) -> bytes:
    """Samples, -1 to 1, as a WAV of 16 bits."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return out.getvalue()


def encoded(samples: NDArray[np.float32], form: str, codec: str, rate: int = SAMPLES_PER_S) -> bytes:
    """Samples in another container."""
    import av

    out = io.BytesIO()
    with av.open(out, "w", format=form) as container:
        stream: Any = container.add_stream(codec, rate=rate)  # one of three kinds, by the codec's name
        stream.layout = "mono"
        for at in range(0, len(samples), 1 << 16):
            part = (samples[at : at + (1 << 16)] * 32767).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
            frame.sample_rate = rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def tone(seconds: float) -> NDArray[np.float32]:
    """A quiet 440 Hz."""
    at = np.arange(int(seconds * SAMPLES_PER_S)) / SAMPLES_PER_S
    return (0.2 * np.sin(2 * np.pi * 440 * at)).astype(np.float32)


def pointing(mp4: bytes, other: Path) -> bytes:
    """The MP4 with its sound said to lie in another file: a reference of the kind `alis`."""
    name = str(other).encode()
    alias = bytearray(150)
    alias[10:38] = b"\x07volume\0".ljust(28, b"\0")
    alias[50:114] = (bytes([len(other.name)]) + other.name.encode()).ljust(64, b"\0")
    told = struct.pack(">HH", 2, len(name)) + name + bytes(len(name) % 2) + struct.pack(">hH", -1, 0)
    body = bytes(4) + bytes(alias) + told
    entry = struct.pack(">I4s", 8 + len(body), b"alis") + body
    out, at = bytearray(mp4), 0
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        at = out.index(box, at)
        out[at - 4 : at] = (int.from_bytes(out[at - 4 : at]) + len(entry) - 12).to_bytes(4)
    out[at + 12 : at + 24] = entry  # was: url, 12 bytes, "in this file"
    return bytes(out)
