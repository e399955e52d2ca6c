"""Authors' arithmetic for templates: + - * / // % ** ( ) on whole numbers, decimals and named values.

Exact fractions, our own recursive descent, never `eval`. Bounded in length, depth and size of numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction

MAX_CHARACTERS = 200
MAX_DEPTH = 30
MAX_EXPONENT = 64
MAX_BITS = 1024
_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|([A-Za-z_][A-Za-z_0-9]*)|(\*\*|//|[-+*/%()]))")


class ArithmeticRefused(ValueError):
    """The text is not arithmetic over the known names, or has no value."""


def evaluate(text: str, values: Mapping[str, Fraction]) -> Fraction:
    """The exact value.

    >>> evaluate("(a + 1) // 2 ** 2", {"a": Fraction(9)})
    Fraction(2, 1)
    """
    if len(text) > MAX_CHARACTERS:
        raise ArithmeticRefused(f"{len(text)} characters of arithmetic, at most {MAX_CHARACTERS} are read")
    reader = _Reader(_tokens(text), values, text)
    value = reader.sum()
    reader.finish()
    return value


def show(value: Fraction) -> str:
    """As people write it: 12, -0.75 or 2/3."""
    if value.denominator == 1:
        return str(value.numerator)
    places, denominator = 0, value.denominator
    for prime in (2, 5):
        count = 0
        while denominator % prime == 0:
            denominator //= prime
            count += 1
        places = max(places, count)
    if denominator != 1 or places > 12:
        return f"{value.numerator}/{value.denominator}"
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def _tokens(text: str) -> list[str]:
    found, position = [], 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if not match:
            raise ArithmeticRefused(f'"{text[position:].strip()[:12]}" is not arithmetic: use + - * / // % ** ( )')
        found.append(match[0].strip())
        position = match.end()
    return found


class _Reader:
    def __init__(self, tokens: list[str], values: Mapping[str, Fraction], text: str) -> None:
        self._tokens, self._values, self._text = tokens, values, text
        self._at = self._depth = 0

    def sum(self) -> Fraction:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ArithmeticRefused(f'"{self._text[:40]}" is nested deeper than {MAX_DEPTH} levels')
        total = self._product()
        while sign := self._take("+", "-"):
            part = self._product()
            total = self._checked(total + part if sign == "+" else total - part)
        self._depth -= 1
        return total

    def finish(self) -> None:
        if self._at < len(self._tokens):
            raise ArithmeticRefused(f'"{self._tokens[self._at]}" cannot stand there in "{self._text}"')

    def _product(self) -> Fraction:
        total = self._signed()
        while sign := self._take("*", "/", "//", "%"):
            total = self._checked(self._combined(total, sign, self._signed()))
        return total

    def _combined(self, left: Fraction, sign: str, right: Fraction) -> Fraction:
        if sign == "*":
            return left * right
        if right == 0:
            raise ArithmeticRefused(f'"{self._text}" divides by zero')
        if sign == "/":
            return left / right
        return Fraction(left // right) if sign == "//" else left % right

    def _signed(self) -> Fraction:
        negative = False
        while sign := self._take("+", "-"):
            negative ^= sign == "-"
        value = self._power()
        return -value if negative else value

    def _power(self) -> Fraction:
        base = self._primary()
        if not self._take("**"):
            return base
        self._depth += 1
        exponent = self._signed() if self._depth <= MAX_DEPTH else Fraction(MAX_EXPONENT + 1)
        self._depth -= 1
        if exponent.denominator != 1 or abs(exponent) > MAX_EXPONENT or (base == 0 and exponent < 0):
            raise ArithmeticRefused(f'"{self._text}" has a power outside -{MAX_EXPONENT}..{MAX_EXPONENT}')
        return self._checked(base ** int(exponent))

    def _primary(self) -> Fraction:
        token = self._tokens[self._at] if self._at < len(self._tokens) else ""
        self._at += 1
        if token == "(":
            value = self.sum()
            if not self._take(")"):
                raise ArithmeticRefused(f'a ")" is missing in "{self._text}"')
            return value
        if token and token[0].isdigit():
            return Fraction(token)
        if token in self._values:
            return self._values[token]
        known = ", ".join(sorted(self._values)) or "none"
        raise ArithmeticRefused(f'"{token}" has no value in "{self._text}": known names are {known}')

    def _take(self, *signs: str) -> str | None:
        if self._at < len(self._tokens) and self._tokens[self._at] in signs:
            self._at += 1
            return self._tokens[self._at - 1]
        return None

    def _checked(self, value: Fraction) -> Fraction:
        if value.numerator.bit_length() + value.denominator.bit_length() > MAX_BITS:
            raise ArithmeticRefused(f'"{self._text}" grows beyond {MAX_BITS} bits')
        return value
