"""Every number a plain sentence mentions, with its value and place, however it is written."""

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from shuyuan.science.text import numberwords, numerals

SCALE = {"百": 100, "千": 1_000, "万": 10_000, "亿": 100_000_000}
LARGEST_SMALL_WORD = 10  # `two`, `ten`: also ordinary words, so they count as faint

_FIGURE = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|(?<!\d)\.\d+"
_DIGITS = re.compile(
    rf"(?<![\w.])(?P<sign>- ?)?(?:(?P<mixed>\d+) (?=\d+/\d))?(?P<above>{_FIGURE})"
    r"(?:/(?P<below>\d+)(?![\d/]))?(?P<scale>[百千万亿])?(?P<percent> ?%)?",
    re.ASCII,
)
_OPERAND = re.compile(r"(?:(?<![a-z])[a-z]|[\d)\]°%|]) ?\Z")  # what a minus subtracts from
_NUMERAL = f"[{numerals.CHARACTERS}]+"
_CHINESE = re.compile(rf"负?{_NUMERAL}(?:点[{''.join(numerals.DIGITS)}]+)?(?:分之{_NUMERAL})?")


class Quantity(NamedTuple):
    """`text[start:end]` means `value`. Faint: also an ordinary word, as `one` or 一."""

    start: int
    end: int
    value: Fraction
    faint: bool


def quantities(text: str) -> list[Quantity]:
    """In the order of the text, which should be `plain` already.

    >>> [(str(q.value), q.faint) for q in quantities("x=-12, 1/2 of thirty, 三分之一, 50%, one")]
    [('-12', False), ('1/2', False), ('30', False), ('1/3', False), ('1/2', False), ('50', False), ('1', True)]
    """
    return sorted([*_digits(text), *_chinese(text), *_english(text)])


def _digits(text: str) -> Iterator[Quantity]:
    for found in _DIGITS.finditer(text):
        sign = -1 if _is_negative(text, found) else 1
        above = Fraction(found["above"].replace(",", "")) * SCALE.get(found["scale"] or "", 1)
        below = int(found["below"] or 1)
        if below == 0 or (found["below"] and not found["mixed"] and (above / below).denominator == 1):
            yield Quantity(found.start(), found.end("above"), sign * above, False)  # 24/2 is a sum to do, not 12
            yield Quantity(*found.span("below"), Fraction(below), False)
            continue
        value = sign * (above / below + int(found["mixed"] or 0))
        yield Quantity(*found.span(), value, False)
        if found["percent"]:
            yield Quantity(*found.span(), value / 100, False)


def _is_negative(text: str, found: re.Match[str]) -> bool:
    """Whether the dash is a sign, as in `is -3` and `x = - 3`, rather than a subtraction or a pause."""
    if not found["sign"]:
        return False
    before = text[: found.start()]
    if found["sign"] == "- ":
        return bool(re.search(r"[=(:,] ?\Z", before))
    return not _OPERAND.search(before)


def _chinese(text: str) -> Iterator[Quantity]:
    for found in _CHINESE.finditer(text):
        value = numerals.chinese_to_number(found[0])
        if value is not None:
            yield Quantity(*found.span(), value, len(found[0]) == 1)


def _english(text: str) -> Iterator[Quantity]:
    for found in numberwords.PHRASE.finditer(text):
        value = numberwords.value_of(found)
        if value is not None:
            small = value.denominator == 1 and 0 <= value <= LARGEST_SMALL_WORD
            yield Quantity(*found.span(), value, small or found["single"] == "half")
