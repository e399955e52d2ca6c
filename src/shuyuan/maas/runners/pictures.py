"""Bytes of a photo to pixels, with every cap before the decoder works. Reads PNG, JPEG, WebP and BMP, nothing else."""

import io
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from shuyuan.maas.runners import interface

MAX_BYTES = 20 << 20
MAX_PIXELS = 25_000_000  # as the header says, before anything is decoded
_MIN_SIDE = 4
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP")

_UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)  # all that Pillow's readers raise

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Picture:
    """Upright pixels (height, width, 3) RGB, made smaller by `scale`; width and height as they were."""

    pixels: Pixels
    width: int
    height: int
    scale: float


def read(data: object, *, longest_side: int) -> Picture:
    """Decode, turn upright, lay on white, make smaller. Raises BadPicture."""
    if not isinstance(data, bytes) or not data:
        raise interface.BadPicture("image must be the bytes of a picture", fix="send PNG, JPEG, WebP or BMP")
    if len(data) > MAX_BYTES:
        raise interface.BadPicture(f"the picture has {len(data)} bytes, at most {MAX_BYTES}", fix="make it smaller")
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            _check(image)
            image.draft("RGB", (longest_side, longest_side))  # JPEG can decode to a half, a quarter …
            width, height = image.size if image.format != "JPEG" else _size_of(data)
            upright = ImageOps.exif_transpose(image)
            if _is_turned(image):
                width, height = height, width
            small = _on_white(upright)
    except _UNREADABLE as wrong:
        told = "it is broken, or no picture" if isinstance(wrong, UnidentifiedImageError) else str(wrong)[:200]
        raise interface.BadPicture(f"the picture cannot be read: {told}", fix="save it again as PNG") from wrong
    small.thumbnail((longest_side, longest_side))
    return Picture(np.asarray(small), width, height, max(small.size) / max(width, height))


def _check(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise interface.BadPicture(f"the picture has {width} x {height} pixels, at most {MAX_PIXELS}", fix="scale it")
    if min(width, height) < _MIN_SIDE:
        raise interface.BadPicture(f"the picture is {width} x {height} pixels", fix="send a larger picture")


def _size_of(data: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        return image.size


def _is_turned(image: Image.Image) -> bool:
    return image.getexif().get(0x0112, 1) in (5, 6, 7, 8)  # orientations on a side


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")
