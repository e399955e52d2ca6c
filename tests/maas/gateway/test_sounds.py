"""Sound files by their headers: formats, stated lengths, broken ones."""

import math
import struct

import pytest
from tests.maas.gateway.mediafiles import wav

from shuyuan.maas.gateway.media import sounds


def ogg(codec: bytes, last_granule: int) -> bytes:
    page = b"OggS\0\2" + struct.pack("<q", 0) + bytes(12) + b"\1\x13" + codec
    return page + b"OggS\0\4" + struct.pack("<q", last_granule) + bytes(14)


def mp4(scale: int, length: int) -> bytes:
    mvhd = struct.pack(">I4sIIIII", 28, b"mvhd", 0, 0, 0, scale, length)
    return struct.pack(">I4s8s", 16, b"ftyp", b"M4A \0\0\0\0") + struct.pack(">I4s", 8 + len(mvhd), b"moov") + mvhd


def flac(rate: int, samples: int) -> bytes:
    packed = (rate << 44 | 15 << 36 | samples).to_bytes(8)
    return b"fLaC\0\0\0\x22" + bytes(10) + packed + bytes(16)


MP3_FRAME = b"\xff\xfb\x90\x00"  # MPEG 1 layer III, 128 kbit/s, 44.1 kHz


@pytest.mark.parametrize(
    ("data", "known", "seconds"),
    [
        (wav(1.25), "wav", 1.25),
        (wav(1.25).replace((10_000).to_bytes(4, "little"), b"\0\xf0\xff\x7f"), "wav", 1.25),  # streamed: size unknown
        (flac(16_000, 40_000), "flac", 2.5),
        (ogg(b"OpusHead\1\1" + struct.pack("<H", 312), 48_312), "ogg", 1.0),
        (ogg(b"\x01vorbis" + struct.pack("<IBI", 0, 1, 22_050), 11_025), "ogg", 0.5),
        (mp4(1_000, 61_500), "mp4", 61.5),
        (mp4(1_000, 0), "mp4", 0.0),  # in fragments: unknown
        (MP3_FRAME + bytes(15_996), "mp3", 1.0),
        (b"ID3\4\0\0\0\0\0\5" + bytes(5) + MP3_FRAME + bytes(32) + b"Xing\0\0\0\1" + (100).to_bytes(4), "mp3", 2.612),
        (
            b"\x1aE\xdf\xa3" + bytes(8) + b"\x2a\xd7\xb1\x83\x0f\x42\x40\x44\x89\x84" + struct.pack(">f", 3000),
            "webm",
            3.0,
        ),
    ],
)
def test_the_length_a_file_states_is_read_from_its_header(data: bytes, known: str, seconds: float) -> None:
    found = sounds.look(data)
    assert found.format == known
    assert math.isclose(found.duration_s or 0, seconds, abs_tol=0.01)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"hello, this is text", "no sound format"),
        (wav(1)[:200], "states 8000 bytes of sound and holds"),
        (wav(1)[:30], "ends inside its header"),
        (b"RIFF\4\0\0\0WAVE", "holds no sound"),
        (b"OggS" + bytes(60), "neither Opus nor Vorbis"),
        (struct.pack(">I4s", 8, b"ftyp"), "no header box"),
        (b"ID3\4\0\0\0\0\0\5", "ends inside its header"),
        (b"fLaC", "ends inside its header"),
        (b"", "no sound format"),
    ],
)
def test_what_is_broken_or_no_sound_is_refused_with_the_reason(data: bytes, why: str) -> None:
    with pytest.raises(sounds.BadSound, match=why):
        sounds.look(data)
