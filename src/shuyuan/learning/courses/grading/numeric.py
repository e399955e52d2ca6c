"""Numeric answers: exact numbers read from what people type, compared within an absolute tolerance."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction

from shuyuan.learning.courses import interface
from shuyuan.learning.courses.grading import arithmetic, grammar

MAX_CHARACTERS = 60
MAX_POWER_OF_TEN = 60
_DECIMAL = r"(?:\d+(?:\.\d*)?|\.\d+)"
_NUMBER = re.compile(
    rf"([+-]?)\(?([+-]?)(?:(\d+)\s+(?=\d+\s*/))?({_DECIMAL})\)?"
    rf"(?:\s*/\s*\(?(-?{_DECIMAL})\)?)?\)?"
    r"(?:\s*[eE]\s*([+-]?\d+)|\s*[*x]\s*10\s*(?:\^|\*\*)\s*\(?([+-]?\d+)\)?)?(%?)"
)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_LABEL = re.compile(r"^[A-Za-z]\s*=\s*")
_CURRENCY = "$¥€£"


class NotANumber(ValueError):
    """The text is not one number."""


def read(text: str, units: Iterable[str] = ()) -> Fraction:
    """`12`, `-3.5`, `2/3`, `1 1/2`, `1,000`, `1.2e3`, `1.2×10^3`, `50%`, `x = 4`, `7 cm`, `３．５`."""
    if len(text) > MAX_CHARACTERS:
        raise NotANumber(f"{text[:20]}…")
    bare = _LABEL.sub("", grammar.plain(text))
    bare = _without_unit(bare, units)
    match = _NUMBER.fullmatch(_THOUSANDS.sub("", bare))
    if not match:
        raise NotANumber(text.strip())
    sign, inner, whole, top, bottom, exponent, power, percent = match.groups()
    value = Fraction(top) / _divisor(bottom, text) + (int(whole) if whole else 0)
    value *= _power_of_ten(exponent or power or "0", text)
    negative = (sign == "-") ^ (inner == "-")
    return (-value if negative else value) / (100 if percent else 1)


def grade(
    answer: str, key: Fraction, tolerance: Fraction, units: Iterable[str], wrong: Iterable[tuple[Fraction, str]]
) -> interface.Verdict:
    try:
        value = read(answer, units)
    except NotANumber as error:
        return _malformed(str(error))
    shown = arithmetic.show(value)
    if abs(value - key) <= tolerance:
        return interface.Verdict(correct=True, normalised=shown)
    misconception = next((name for number, name in wrong if abs(value - number) <= tolerance), None)
    return interface.Verdict(correct=False, misconception=misconception, normalised=shown)


def _without_unit(text: str, units: Iterable[str]) -> str:
    """Drop the item's unit or a currency sign; `%` stays where it is not the unit."""
    for unit in sorted({grammar.plain(unit) for unit in units if unit}, key=len, reverse=True):
        if text.lower().endswith(unit.lower()):
            return text[: -len(unit)].strip()
        if text.startswith(unit):
            return text[len(unit) :].strip()
    return text.lstrip(_CURRENCY).strip()


def _divisor(text: str | None, shown: str) -> Fraction:
    value = Fraction(text) if text else Fraction(1)
    if value == 0:
        raise NotANumber(shown.strip())
    return value


def _power_of_ten(text: str, shown: str) -> Fraction:
    if len(text) > 4 or abs(int(text)) > MAX_POWER_OF_TEN:
        raise NotANumber(shown.strip())
    return Fraction(10) ** int(text)


def _malformed(shown: str) -> interface.Verdict:
    if not shown:
        reason = interface.Text(zh="答案是空的：请写一个数", en="the answer is empty: write a number")
    else:
        reason = interface.Text(
            zh=f"“{shown}”不是一个数：请写成 12、-3.5 或 2/3 这样的数",
            en=f'"{shown}" is not a number: write one like 12, -3.5 or 2/3',
        )
    return interface.Verdict(correct=False, malformed=True, reason=reason)
