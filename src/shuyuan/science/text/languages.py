"""Which language a text is written in: Chinese, English or neither. Counts letters; needs no model."""

import re
from typing import Literal

Language = Literal["zh", "en"]
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_WORD = re.compile(r"[A-Za-z]{2,}(?:['’][a-z]+)?")
_LETTERS_PER_HAN = 2.5  # a Chinese character says about as much as half an English word
_CLEAR_SHARE = 0.6
_FOREIGN_HAN = 0.2  # of all letters: more Chinese than a quoted word in an English text


def language_of(text: str) -> Language | None:
    """The language of most of a text; None for formulas, numbers or an even mixture.

    >>> language_of("水在 100 °C 沸腾"), language_of("Water boils at 100 °C"), language_of("x = 3")
    ('zh', 'en', None)
    """
    chinese = len(_HAN.findall(text)) * _LETTERS_PER_HAN
    english = float(sum(len(word) for word in _WORD.findall(text)))
    if not chinese + english:
        return None
    share = chinese / (chinese + english)
    return "zh" if share >= _CLEAR_SHARE else "en" if share <= 1 - _CLEAR_SHARE else None


def is_written_in(text: str, language: Language, source: str = "") -> bool:
    """Whether an answer to `source` is in `language`. Words kept from the source, and formulas, count for neither.

    >>> is_written_in("汤姆用 Python 写程序。", "zh", "Tom writes programs in Python.")
    True
    >>> is_written_in("Tom writes programs.", "zh", "Tom writes programs in Python.")
    False
    >>> is_written_in("x = 3", "zh", "x = 3"), is_written_in("DNA", "zh", "DNA"), is_written_in("苹果 apples", "en")
    (True, True, False)
    """
    chinese, words = len(_HAN.findall(text)), _WORD.findall(text)
    if language == "en":
        letters = chinese + sum(len(word) for word in words)
        return chinese <= _FOREIGN_HAN * letters and (bool(words) or not _says_something(source))
    kept = [word for word in words if _is_name(word, source)]
    plain = len(words) - len(kept)
    return chinese >= max(1, plain) or (not chinese and not plain and not _says_something(source))


def _is_name(word: str, source: str) -> bool:
    """Stands in the source with a capital letter: a name or an abbreviation may stay as it is."""
    return word in source and not word.islower()


def _says_something(source: str) -> bool:
    """Holds Chinese, or a word that is no name: something to say in another language."""
    return bool(_HAN.search(source)) or any(word.islower() for word in _WORD.findall(source))
