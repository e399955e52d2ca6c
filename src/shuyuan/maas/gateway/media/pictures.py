"""What a picture file is and how large it will be, read from its header alone: no pixel is decoded here.

PNG, JPEG and WebP, known by their magic. The caps stand before any decoder sees a byte.
"""

import struct
from dataclasses import dataclass

from shuyuan.maas.gateway import interface
from shuyuan.maas.runners import interface as runners

BadPicture = runners.BadPicture
MAX_PIXELS = 40_000_000
MAX_SIDE = 16_384
_MAX_STEPS = 4_096  # segments of a JPEG: one made to be walked through for ever is broken
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length


@dataclass(frozen=True)
class Picture:
    """A known format and the size its header states, pixels."""

    format: str
    width: int
    height: int


def look(data: bytes, most_pixels: int = MAX_PIXELS) -> Picture:
    """Format and size. Raises BadPicture; TooMuch over the caps.

    >>> look(b"\\x89PNG\\r\\n\\x1a\\n" + bytes(4) + b"IHDR" + (640).to_bytes(4) + (480).to_bytes(4))
    Picture(format='png', width=640, height=480)
    """
    try:
        found = _known(data)
    except (struct.error, IndexError) as broken:
        raise BadPicture("the picture ends inside its header", fix="send the whole file") from broken
    if found is None:
        raise BadPicture(
            f"the file begins with {data[:4].decode('latin-1')!r}; that is no picture format read here",
            fix="send PNG, JPEG or WebP",
        )
    if not found.width or not found.height:
        raise BadPicture(f"a picture of {found.width} x {found.height} pixels shows nothing", fix="send another")
    if found.width * found.height > most_pixels or max(found.width, found.height) > MAX_SIDE:
        raise interface.TooMuch(
            f"the picture has {found.width} x {found.height} pixels; "
            f"at most {most_pixels} and {MAX_SIDE} a side are read",
            fix="send a smaller picture",
            code="image_too_large",
        )
    return found


def _known(data: bytes) -> Picture | None:
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        if data[12:16] != b"IHDR":
            raise BadPicture("the PNG does not begin with its header", fix="send the whole file")
        return Picture("png", *struct.unpack_from(">II", data, 16))
    if data[:3] == b"\xff\xd8\xff":
        return _jpeg(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    return None


def _jpeg(data: bytes) -> Picture:
    at = 2
    for _step in range(_MAX_STEPS):
        if data[at] != 0xFF:
            break
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return Picture("jpeg", width, height)
        at += 2 if marker in _JPEG_BARE else 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    raise BadPicture("the JPEG is broken before its picture begins", fix="save it again")


def _webp(data: bytes) -> Picture:
    kind = data[12:16]
    if kind == b"VP8X":
        return Picture("webp", 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little"))
    if kind == b"VP8L":
        (packed,) = struct.unpack_from("<I", data, 21)
        return Picture("webp", 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF))
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return Picture("webp", width & 0x3FFF, height & 0x3FFF)
    raise BadPicture("the WebP holds no picture that is read here", fix="save it as PNG")
