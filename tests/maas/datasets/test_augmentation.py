"""Augmented values are near what they came from, seeded, and never nothing."""

import io

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from shuyuan.maas.datasets import steps
from shuyuan.maas.datasets.augmentation import images, noise, texts


def generator(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def drawn(mode: str = "L") -> bytes:
    """A bright square in the middle."""
    image = Image.new(mode, (16, 16))
    image.paste(255 if mode == "L" else (255, 0, 0), (5, 5, 11, 11))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def pixels(content: bytes) -> "np.typing.NDArray[np.uint8]":
    return np.asarray(Image.open(io.BytesIO(content)))


def test_texts_change_a_little_and_the_same_seed_gives_the_same() -> None:
    values = pl.Series("t", ["the quick brown fox jumps over the lazy dog", None, "一元一次方程的解法"])
    options = steps.AugmentText(dropout=0.2, swap=0.2, noise=0.05)
    once, again = (texts.change(values, options, generator(), 0.0) for _ in range(2))
    other = texts.change(values, options, generator(2), 0.0)
    assert once.to_list() == again.to_list() != other.to_list()
    assert once[1] is None
    assert once[0] != values[0]
    assert len(set(once[0].split()) & set(values[0].split())) >= 4


@given(st.text(min_size=1, max_size=40), st.integers(0, 99))
def test_a_text_never_becomes_nothing(text: str, seed: int) -> None:
    options = steps.AugmentText(dropout=0.9, swap=0.9, noise=0.9)
    assert texts.changed(text, options, generator(seed)) or not text.strip()


def test_without_any_share_a_text_stays_as_it_is() -> None:
    options = steps.AugmentText(dropout=0, swap=0, noise=0)
    assert texts.changed("as it is", options, generator()) == "as it is"


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_pictures_are_moved_and_grainy_and_of_the_same_size(mode: str) -> None:
    before = drawn(mode)
    after = images.changed(before, steps.AugmentImage(shift=2, rotate=15, noise=0.05), generator())
    assert pixels(after).shape == pixels(before).shape
    assert (pixels(after) != pixels(before)).any()
    near = np.corrcoef(pixels(after).ravel(), pixels(before).ravel())[0, 1]
    assert near > 0.3


def test_a_shift_repeats_the_border() -> None:
    moved = images.shifted(np.arange(9, dtype=np.uint8).reshape(3, 3), 1, -1)
    assert moved.tolist() == [[1, 2, 2], [1, 2, 2], [4, 5, 5]]


def test_noise_is_of_the_told_share_of_the_spread() -> None:
    values = pl.Series("n", [1.0] * 5000 + [None])
    changed = noise.change(values, steps.AugmentNoise(scale=0.1), generator(), spread=20.0)
    assert changed.null_count() == 1
    assert changed.std() == pytest.approx(2.0, rel=0.05)
