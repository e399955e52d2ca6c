"""Bytes of a recording to samples, piece by piece, so that a short file that unpacks to days of sound stops early.

The container is told from its first bytes and named to the decoder: left to guess, it would also take playlists,
which can name other files and addresses. An MP4 may name some too: that is switched off, and opening refused.
"""

import io
from collections.abc import Iterator
from typing import Any, NoReturn

import av
import numpy as np
from numpy.typing import NDArray

from shuyuan.maas.runners import interface

MAX_BYTES = 60 << 20
MAX_S = 30 * 60  # the features of an hour would take 3 GB
SAMPLES_PER_S = 16_000
_MAX_BAD_PACKETS = 100
_MAX_CHANNELS = 8
_PADDING_S = 1  # encoders fill up their last frames
_KINDS = "send WAV, MP3, FLAC, Ogg, M4A or WebM"
_MP4_OPTIONS = {"enable_drefs": "0", "use_absolute_path": "0"}

Samples = NDArray[np.float32]


def read(data: object, cancelled: interface.Cancellation, *, longest_s: float = MAX_S) -> Samples | None:
    """One channel at 16 kHz, -1 to 1; None when cancelled. Raises BadSound, SoundTooLong over longest_s."""
    if not isinstance(data, bytes) or not data:
        raise interface.BadSound("audio must be the bytes of a recording", fix=_KINDS)
    if len(data) > MAX_BYTES:
        raise interface.BadSound(f"the recording has {len(data)} bytes, at most {MAX_BYTES}", fix="split it")
    pieces, count, allowed_s = [], 0, min(longest_s, MAX_S)
    try:
        with _container(data) as container:
            for piece in _pieces(container):
                if cancelled.is_set():
                    return None
                pieces.append(piece)
                count += len(piece)
                if count > (allowed_s + _PADDING_S) * SAMPLES_PER_S:
                    raise interface.SoundTooLong(f"the recording is longer than {allowed_s:.0f} s", fix="split it")
    except (av.FFmpegError, ValueError, IndexError, OSError) as wrong:
        raise interface.BadSound(f"the recording cannot be read: {wrong}"[:300], fix="save it again") from wrong
    if not count:
        raise interface.BadSound("the recording holds no sound", fix="record again")
    return np.concatenate(pieces).astype(np.float32) / np.float32(32768)


def _container(data: bytes) -> Any:  # Any: the library's containers of several kinds
    form = _form(data)
    options = _MP4_OPTIONS if form == "mov" else {}
    return av.open(
        io.BytesIO(data), mode="r", format=form, metadata_errors="ignore", container_options=options, io_open=_refuse
    )


def _refuse(url: str, *_: object) -> NoReturn:
    raise ValueError("it names another file")


def _form(data: bytes) -> str:
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "wav"
    if data[4:8] == b"ftyp":
        return "mov"
    if data[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    if data[:3] == b"ID3" or (data[0] == 0xFF and len(data) > 1 and data[1] & 0xE0 == 0xE0):
        return "mp3"
    for magic, form in ((b"fLaC", "flac"), (b"OggS", "ogg")):
        if data[:4] == magic:
            return form
    raise interface.BadSound("the recording is of no known kind", fix=_KINDS)


def _pieces(container: Any) -> Iterator[NDArray[np.int16]]:
    stream = container.streams.audio[0]
    if not 1 <= stream.codec_context.channels <= _MAX_CHANNELS:
        raise ValueError(f"{stream.codec_context.channels} channels")
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLES_PER_S)
    bad = 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.InvalidDataError:
            bad += 1
            if bad > _MAX_BAD_PACKETS:
                raise
            continue
        for frame in frames:
            frame.pts = None  # broken time stamps would tear the sound
            yield from (made.to_ndarray()[0] for made in resampler.resample(frame))
    yield from (made.to_ndarray()[0] for made in resampler.resample(None))
