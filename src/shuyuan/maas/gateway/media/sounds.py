"""What a sound file is and how long it lasts, read from its first and last bytes: nothing is decoded here.

Known by their magic: WAV, FLAC, Ogg (Opus, Vorbis), MP3, MP4/M4A, WebM. Lengths are those the file states
(MP3 without a frame count: from its first bit rate); None where it states none.
"""

import struct
from dataclasses import dataclass

from shuyuan.maas.runners import interface as runners

BadSound = runners.BadSound
_MP3_KBIT = {  # MPEG version 1 / 2, layer III
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_UNKNOWN_SIZE = 0x7FFF0000  # and above: written by programs that stream a WAV
_HEAD_BYTES = 64 << 10
_MAX_STEPS = 4_096  # chunks, boxes: a file made to be walked through for ever is broken


@dataclass(frozen=True)
class Sound:
    """A known format and the length it states, seconds."""

    format: str
    duration_s: float | None


def look(data: bytes) -> Sound:
    """Format and length of a whole file. Raises BadSound.

    >>> look(b"RIFF" + struct.pack("<I", 44) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8, 16, 2, 16)
    ...      + b"data" + struct.pack("<I", 8) + bytes(8))
    Sound(format='wav', duration_s=0.5)
    """
    try:
        if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
            return Sound("wav", _wav_s(data))
        if data[:4] == b"fLaC":
            return Sound("flac", _flac_s(data))
        if data[:4] == b"OggS":
            return Sound("ogg", _ogg_s(data))
        if data[4:8] == b"ftyp":
            return Sound("mp4", _mp4_s(data))
        if data[:4] == b"\x1aE\xdf\xa3":
            return Sound("webm", _webm_s(data))
        if data[:3] == b"ID3" or (len(data) > 3 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2):
            return Sound("mp3", _mp3_s(data))
    except (struct.error, IndexError, ZeroDivisionError) as broken:
        raise BadSound("the sound file ends inside its header", fix="send the whole file") from broken
    raise BadSound(
        f"the file begins with {data[:4].decode('latin-1')!r}; that is no sound format read here",
        fix="send WAV, MP3, FLAC, Ogg, M4A or WebM",
    )


def _wav_s(data: bytes) -> float:
    at, rate = 12, 0
    for _step in range(_MAX_STEPS):
        if at + 8 > len(data):
            break
        name, (size,) = data[at : at + 4], struct.unpack_from("<I", data, at + 4)
        if name == b"fmt ":
            (rate,) = struct.unpack_from("<I", data, at + 16)
        if name == b"data":
            left = len(data) - at - 8
            if left < size < _UNKNOWN_SIZE:
                raise BadSound(f"the WAV states {size} bytes of sound and holds {left}", fix="send the whole file")
            return float(min(size, left) / rate)
        at += 8 + size + size % 2
    raise BadSound("the WAV holds no sound", fix="send a file with a data chunk")


def _flac_s(data: bytes) -> float | None:
    (packed,) = struct.unpack_from(">Q", data, 18)  # 20 bits rate, 3 channels, 5 depth, 36 samples
    samples = packed & ((1 << 36) - 1)
    return float(samples / (packed >> 44)) if samples else None


def _ogg_s(data: bytes) -> float | None:
    rate, skipped = 0, 0
    if (opus := data.find(b"OpusHead", 0, 512)) >= 0:
        rate, (skipped,) = 48000, struct.unpack_from("<H", data, opus + 10)
    elif (vorbis := data.find(b"\x01vorbis", 0, 512)) >= 0:
        (rate,) = struct.unpack_from("<I", data, vorbis + 12)
    else:
        raise BadSound("the Ogg file holds neither Opus nor Vorbis", fix="send Opus or Vorbis")
    (last,) = struct.unpack_from("<q", data, data.rfind(b"OggS") + 6)
    return max(0, last - skipped) / rate if last > 0 else None


def _mp4_s(data: bytes) -> float | None:
    moov = _box(data, 0, len(data), b"moov")
    mvhd = _box(data, *moov, b"mvhd") if moov else None
    if mvhd is None:
        raise BadSound("the MP4 file has no header box", fix="send the whole file")
    at = mvhd[0]
    scale, length = struct.unpack_from(">IQ" if data[at] == 1 else ">II", data, at + (20 if data[at] == 1 else 12))
    return float(length / scale) if length else None  # 0: written in fragments


def _box(data: bytes, start: int, end: int, wanted: bytes) -> tuple[int, int] | None:
    at = start
    for _step in range(_MAX_STEPS):
        if at + 8 > end:
            break
        size, head = int.from_bytes(data[at : at + 4]), 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16]), 16
        if size < head:
            return None
        if data[at + 4 : at + 8] == wanted:
            return at + head, min(end, at + size)
        at += size
    return None


def _webm_s(data: bytes) -> float | None:
    head = data[:_HEAD_BYTES]
    scale_at, length_at = head.find(b"\x2a\xd7\xb1\x83"), head.find(b"\x44\x89")
    scale_ns = int.from_bytes(head[scale_at + 4 : scale_at + 7]) if scale_at >= 0 else 1_000_000
    if length_at < 0:
        return None
    kind = ">d" if head[length_at + 2] == 0x88 else ">f"
    return float(struct.unpack_from(kind, head, length_at + 3)[0]) * scale_ns / 1e9


def _mp3_s(data: bytes) -> float:
    start = 0
    if data[:3] == b"ID3":
        start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))
    for at in range(start, start + _HEAD_BYTES):  # padding before the first frame
        if data[at] == 0xFF and data[at + 1] & 0xE6 == 0xE2:
            break
    version, kbit_at, hz_at = data[at + 1] >> 3 & 3, data[at + 2] >> 4, data[at + 2] >> 2 & 3
    if version == 1 or not 0 < kbit_at < 15 or hz_at == 3:
        raise BadSound("the MP3 begins with a frame that states no rate", fix="encode it again")
    hz, kbit = _MP3_HZ[version][hz_at], _MP3_KBIT[3 if version == 3 else 2][kbit_at]
    for tag in (b"Xing", b"Info"):
        found = data.find(tag, at, at + 200)
        if found >= 0 and data[found + 7] & 1:
            return int.from_bytes(data[found + 8 : found + 12]) * (1152 if version == 3 else 576) / hz
    return (len(data) - at) * 8 / (kbit * 1000)
