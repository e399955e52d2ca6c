"""Small sound and picture files, made here."""

import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

RATE = 8_000


def wav(seconds: float) -> bytes:
    """Silence, one channel of 8 bits."""
    data = bytes([128]) * round(RATE * seconds)
    head = struct.pack("<4sIHHIIHH4sI", b"fmt ", 16, 1, 1, RATE, RATE, 1, 8, b"data", len(data))
    return b"RIFF" + struct.pack("<I", 4 + len(head) + len(data)) + b"WAVE" + head + data


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG of rows of bytes: (height, width) grey or (height, width, 3)."""
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, 0 if pixels.ndim == 2 else 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims so many pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(bytes(100))) + _chunk(b"IEND", b"")
    )


def encoded(pixels: NDArray[np.uint8], kind: str, **options: object) -> bytes:
    """As Pillow writes it."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
