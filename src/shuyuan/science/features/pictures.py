"""Pictures: encoded bytes (PNG, JPEG) or arrays, to one size, (channels, height, width), standardised by train."""

import io
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from shuyuan.science.features import base

MOST_PIXELS = 50_000_000
_SEEN = 512  # pictures of train that mean and spread are taken from


@dataclass(frozen=True)
class Picture:
    """Kind image. A missing one is all grey: the mean of train."""

    name: str
    height: int
    width: int
    channels: int
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    dense = False
    names: tuple[str, ...] = ()

    @classmethod
    def fit(cls, name: str, kind: str, values: base.Values, options: base.Options) -> Self:
        """Size of the first (unless told), mean and spread of some hundreds, evenly taken."""
        there = [value for value in values if value is not None]
        if not there:
            raise base.BadColumn(f"column {name!r} holds no picture; give some for training")
        tall, wide, deep = _shape(name, there[0])
        height, width = options.image or (tall, wide)
        channels = options.channels or deep
        step = max(len(there) // _SEEN, 1)
        seen = np.stack([decode(name, one, height, width, channels) for one in there[::step][:_SEEN]])
        scale = seen.std(axis=(0, 2, 3), dtype=np.float64)
        mean = seen.mean(axis=(0, 2, 3), dtype=np.float64)
        return cls(
            name, height, width, channels, tuple(mean.tolist()), tuple(np.where(scale > 1e-6, scale, 1).tolist())
        )

    @property
    def inputs(self) -> tuple[base.Input, ...]:
        """One array of pixels."""
        return (base.Input(self.name, "float32", (self.channels, self.height, self.width)),)

    def transform(self, values: base.Values) -> base.Arrays:
        """(n, c, h, w) float32."""
        mean = np.array(self.mean, np.float32)[:, None, None]
        scale = np.array(self.scale, np.float32)[:, None, None]
        out = np.zeros((len(values), self.channels, self.height, self.width), np.float32)
        for row, value in enumerate(values):
            if value is not None:
                out[row] = (decode(self.name, value, self.height, self.width, self.channels) - mean) / scale
        return {self.name: out}

    def state(self) -> base.State:
        """As JSON."""
        size = {"height": self.height, "width": self.width, "channels": self.channels}
        return {**size, "mean": list(self.mean), "scale": list(self.scale)}

    @classmethod
    def from_state(cls, name: str, state: base.State) -> Self:
        """From JSON."""
        size = (state["height"], state["width"], state["channels"])
        return cls(name, *size, tuple(state["mean"]), tuple(state["scale"]))


def decode(name: str, value: object, height: int, width: int, channels: int) -> NDArray[np.float32]:
    """One picture as (channels, height, width) in 0..1. Raises BadColumn."""
    image = _opened(name, value).convert("L" if channels == 1 else "RGB")
    if image.size != (width, height):
        image = image.resize((width, height), resample=2)  # bilinear
    pixels: NDArray[np.float32] = np.asarray(image, np.float32) / np.float32(255)
    return pixels[None] if channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _shape(name: str, value: object) -> tuple[int, int, int]:
    image = _opened(name, value)
    return image.size[1], image.size[0], 1 if image.mode in ("1", "L", "I;16", "LA") else 3


def _opened(name: str, value: object) -> Any:  # Any: a PIL image; imported when the first picture comes
    from PIL import Image

    if isinstance(value, np.ndarray):
        grey = value[..., 0] if value.ndim == 3 and value.shape[-1] == 1 else value
        return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))
    if not isinstance(value, bytes):
        raise base.BadColumn(f"column {name!r} holds {str(value)[:40]!r}, not a picture; give PNG or JPEG bytes")
    try:
        image = Image.open(io.BytesIO(value), formats=("PNG", "JPEG", "BMP", "GIF", "WEBP"))
        if image.size[0] * image.size[1] > MOST_PIXELS:
            raise base.BadColumn(f"column {name!r} holds a picture of {image.size} pixels; make it smaller")
        image.load()
    except base.BadColumn:
        raise
    except Exception as broken:  # Pillow raises many kinds for damaged files
        raise base.BadColumn(
            f"column {name!r} holds a picture that does not open ({broken}); save it again"
        ) from broken
    return image
