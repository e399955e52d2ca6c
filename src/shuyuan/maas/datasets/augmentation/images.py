"""Pictures shifted, turned, mirrored and grainy; what comes in from the border is the border's colour."""

import io

import numpy as np
import polars as pl
from numpy.typing import NDArray

from shuyuan.maas.datasets import interface, steps

KINDS: tuple[interface.Kind, ...] = ("image",)


def change(values: pl.Series, options: steps.AugmentImage, random: np.random.Generator, spread: float) -> pl.Series:
    """See Augmentation.change."""
    return pl.Series(values.name, [one and changed(one, options, random) for one in values.to_list()], pl.Binary)


def changed(content: bytes, options: steps.AugmentImage, random: np.random.Generator) -> bytes:
    """One picture, as PNG."""
    from PIL import Image

    with Image.open(io.BytesIO(content)) as opened:
        image = opened.convert("L" if opened.mode in ("1", "L", "I;16") else "RGB")
    corner = image.getpixel((0, 0))
    turn = float(random.uniform(-options.rotate, options.rotate))
    image = image.rotate(turn, resample=Image.Resampling.BILINEAR, fillcolor=corner)
    pixels = np.asarray(image)
    pixels = shifted(pixels, *(int(one) for one in random.integers(-options.shift, options.shift + 1, 2)))
    if options.flip and random.random() < 0.5:
        pixels = pixels[:, ::-1]
    grain = random.normal(0.0, 255 * options.noise, pixels.shape)
    out = io.BytesIO()
    Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def shifted(pixels: NDArray[np.uint8], down: int, right: int) -> NDArray[np.uint8]:
    """Moved, the edge repeated behind it."""
    rows = np.clip(np.arange(pixels.shape[0]) - down, 0, pixels.shape[0] - 1)
    columns = np.clip(np.arange(pixels.shape[1]) - right, 0, pixels.shape[1] - 1)
    return pixels[rows][:, columns]
