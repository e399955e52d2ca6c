"""Seeded templates: draw params, derive values, put them into the item's texts.

The same item and seed always give the same question, on any machine: draws come from a hash, not from the
interpreter's random generator.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from shuyuan.learning.courses import interface
from shuyuan.learning.courses.grading import arithmetic

MAX_DRAWS = 1000
_NAME = re.compile(r"(?<!\\)\{([A-Za-z_][A-Za-z_0-9]*)\}")
_BRACED = re.compile(r"\{([^{}]*)\}")

Value = Fraction | interface.Text


@dataclass(frozen=True, slots=True)
class Values:
    """What a seed gave to each name of an item."""

    values: Mapping[str, Value]

    def text(self, template: str, language: interface.Language) -> str:
        """Known `{name}` replaced as people read it; everything else, LaTeX included, untouched."""

        def shown(match: re.Match[str]) -> str:
            value = self.values.get(match[1])
            if value is None:
                return match[0]
            return value.of(language) if isinstance(value, interface.Text) else arithmetic.show(value)

        return _NAME.sub(shown, template) if self.values else template

    def expression(self, template: str) -> str:
        """As `text`, with brackets around negative numbers and fractions, so `{a}^2` keeps its meaning."""

        def shown(match: re.Match[str]) -> str:
            value = self.values.get(match[1])
            if value is None:
                return match[0]
            text = value.en if isinstance(value, interface.Text) else arithmetic.show(value)
            return f"({text})" if text.startswith("-") or "/" in text else text

        return _NAME.sub(shown, template) if self.values else template

    def number(self, template: str) -> Fraction:
        """`12`, `2/3`, `{c}` or arithmetic in braces: `{a*b - 3}`."""
        bare = _BRACED.sub(r"(\1)", template)
        return arithmetic.evaluate(bare, numbers(self.values))


def draw(item: interface.Item, seed: int) -> Values:
    """Draw the params in their order, then derive. Raises ArithmeticRefused naming the param."""
    values: dict[str, Value] = {}
    for name, param in item.params.items():
        values[name] = _drawn(f"{item.id}/{seed}/{name}", name, param, values)
    for name, formula in item.derive.items():
        values[name] = arithmetic.evaluate(formula, numbers(values))
    return Values(values)


def numbers(values: Mapping[str, Value]) -> dict[str, Fraction]:
    return {name: value for name, value in values.items() if isinstance(value, Fraction)}


def unknown_names(template: str, values: Values) -> list[str]:
    """Braced single words that are no name of the item, outside LaTeX: most likely a slip of the author."""
    outside = re.sub(r"\$\$.*?\$\$|\$[^$]*\$", "", template, flags=re.DOTALL)
    return [name for name in _NAME.findall(outside) if name not in values.values]


def order(count: int, key: str) -> list[int]:
    """A permutation of range(count), the same for the same key."""
    ranks = [hashlib.sha256(f"{key}/{index}".encode()).digest() for index in range(count)]
    return sorted(range(count), key=ranks.__getitem__)


def _drawn(
    key: str, name: str, param: interface.IntParam | interface.ChoiceParam, values: Mapping[str, Value]
) -> Value:
    options = _options(param)
    banned = {values[str(other)] if str(other) in values else _value(other) for other in param.differs_from}
    for attempt in range(MAX_DRAWS):
        digest = hashlib.sha256(f"{key}/{attempt}".encode()).digest()
        value = options[int.from_bytes(digest[:8]) % len(options)]
        if value not in banned:
            return value
    raise arithmetic.ArithmeticRefused(f'param "{name}" has no value left that differs from {param.differs_from}')


def _options(param: interface.IntParam | interface.ChoiceParam) -> Sequence[Value]:
    if isinstance(param, interface.ChoiceParam):
        return [_value(option) for option in param.options]
    low, high = param.between
    if low > high:
        raise arithmetic.ArithmeticRefused(f"int: [{low}, {high}] is empty: write the smaller end first")
    return _Span(low, high)


def _value(option: int | str | interface.Text) -> Value:
    if isinstance(option, interface.Text):
        try:
            return Fraction(option.en) if option.zh == option.en else option
        except ValueError:
            return option
    try:
        return Fraction(option)
    except ValueError:
        return interface.Text(zh=str(option), en=str(option))


class _Span(Sequence[Value]):
    """Whole numbers low..high without making the list: an author may write [1, 1000000]."""

    def __init__(self, low: int, high: int) -> None:
        self._range = range(low, high + 1)

    def __len__(self) -> int:
        return len(self._range)

    def __getitem__(self, index: int) -> Value:  # type: ignore[override]
        return Fraction(self._range[index])
