"""The words of the pages, Chinese and English, from `words/*.toml`: one key, two languages.

A value is `[zh, en]`. `{name}` is filled in; an English text of the form `one|many` is chosen by the value `n`.
Keys under `word.` are the glossary: the label of each code word, in one place.
"""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Literal

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")


@cache
def words() -> Mapping[str, tuple[str, str]]:
    """Every key and its two texts."""
    folder = resources.files("shuyuan.web") / "words"
    known: dict[str, tuple[str, str]] = {}
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".toml"):
            for key, pair in _flat(tomllib.loads(file.read_text("utf-8")), ""):
                if key in known:
                    raise ValueError(f"words/{file.name}: {key} is defined twice; keep one")
                known[key] = pair
    return known


def say(language: Language, key: str, **values: object) -> str:
    """The text of `key`, filled in. KeyError names a key that no file defines."""
    zh, en = words()[key]
    text = zh if language == "zh" else en
    if language == "en" and "|" in text:
        one, many = text.split("|", 1)
        text = one if values.get("n") in (1, "1") else many
    return text.format(**values) if values else text


def say_or(language: Language, key: str, other: str) -> str:
    """The text of `key`; `other` where no file defines it: a code of a newer part is shown as it is."""
    return say(language, key) if key in words() else other


def _flat(table: Mapping[str, object], prefix: str) -> Iterator[tuple[str, tuple[str, str]]]:
    for name, value in table.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict):
            yield from _flat(value, key + ".")
        elif isinstance(value, list) and len(value) == len(LANGUAGES) and all(isinstance(v, str) and v for v in value):
            yield key, (value[0], value[1])
        else:
            raise ValueError(f"words: {key} must be [zh, en], got {value!r}")
