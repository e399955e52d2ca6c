"""Texts a little other than they are. Words are cut at spaces; text without spaces (Chinese) by character."""

import numpy as np
import polars as pl

from shuyuan.maas.datasets import interface, steps

KINDS: tuple[interface.Kind, ...] = ("text",)


def change(values: pl.Series, options: steps.AugmentText, random: np.random.Generator, spread: float) -> pl.Series:
    """See Augmentation.change."""
    return pl.Series(values.name, [one and changed(one, options, random) for one in values.to_list()], pl.String)


def changed(text: str, options: steps.AugmentText, random: np.random.Generator) -> str:
    """One text: words left out, exchanged with the next, characters mistyped. Never empty."""
    spaced = " " in text.strip()
    words = text.split() if spaced else list(text)
    kept = [word for word, luck in zip(words, random.random(len(words)), strict=True) if luck >= options.dropout]
    kept = kept or words
    at = 0
    lucky = random.random(len(kept)) < options.swap
    while at + 1 < len(kept):
        if lucky[at]:
            kept[at], kept[at + 1] = kept[at + 1], kept[at]
            at += 1
        at += 1
    return _mistyped((" " if spaced else "").join(kept), options.noise, random)


def _mistyped(text: str, share: float, random: np.random.Generator) -> str:
    luck, kinds = random.random(len(text)), random.integers(0, 3, len(text))
    found = []
    for at, letter in enumerate(text):
        if luck[at] >= share or letter.isspace():
            found.append(letter)
        elif kinds[at] == 0:
            found.append(letter * 2)
        elif kinds[at] == 1:
            found.append(text[int(random.integers(0, len(text)))])
    return "".join(found) or text
