"""Plots as inline SVG: axes with round marks, then lines, dots and bars on them. Classes for colours; no script."""

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shuyuan.web import linecharts

_WIDE, _HIGH = 380, 260  # SVG units of the field inside the axes
_LEFT, _RIGHT, _TOP, _BELOW = 56, 16, 14, 44
_MARKS = 6  # about so many on an axis

Point = tuple[float, float]


@dataclass(frozen=True)
class Field:
    """A plot's field: what its axes reach from and to, and what stands at them."""

    across: Point
    up: Point
    across_name: str
    up_name: str

    def line(self, points: Sequence[Point | None], kind: str = "line") -> str:
        """A line; a None is a gap."""
        stretches: list[list[Point]] = [[]]
        for point in points:
            if point is None:
                stretches.append([])
            else:
                stretches[-1].append(point)
        return "".join(f'<polyline class="{kind}" points="{self._told(one)}"/>' for one in stretches if one)

    def band(self, low: Sequence[Point], high: Sequence[Point]) -> str:
        """What lies between two lines."""
        return f'<polygon class="mass" points="{self._told([*low, *reversed(high)])}"/>'

    def dots(self, points: Sequence[Point | None], size: float = 4, kind: str = "dot") -> str:
        """A dot a point."""
        shown = [point for point in points if point is not None]
        return "".join(
            f'<circle class="{kind}" cx="{self._x(x):.1f}" cy="{self._y(y):.1f}" r="{size:g}"/>' for x, y in shown
        )

    def bars(self, points: Sequence[Point], width: float) -> str:
        """A bar a point, its middle at x, `width` wide on the axis."""
        wide = self._x(width) - self._x(0)
        floor = self._y(self.up[0])
        return "".join(
            f'<rect class="bar" x="{self._x(x) - wide / 2:.2f}" y="{self._y(y):.1f}" width="{max(wide - 1, 0.5):.2f}" '
            f'height="{floor - self._y(y):.1f}"/>'
            for x, y in points
            if y
        )

    def level(self, height: float) -> str:
        """A dashed line across, at a bound."""
        return self.line([(self.across[0], height), (self.across[1], height)], "ideal")

    def svg(self, title: str, *marks: str) -> str:
        """The whole picture."""
        width, height = _LEFT + _WIDE + _RIGHT, _TOP + _HIGH + _BELOW
        said = html.escape(title)
        return (
            f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="{said}">'
            f"<title>{said}</title>{''.join(self._axes())}{''.join(marks)}</svg>"
        )

    def _axes(self) -> Iterator[str]:
        right, floor = _LEFT + _WIDE, _TOP + _HIGH
        for value in marks(*self.up):
            y = self._y(value)
            yield f'<path class="guide" d="M{_LEFT} {y:.1f}H{right}"/>'
            yield f'<text class="end" x="{_LEFT - 6}" y="{y + 4:.1f}">{_said(value)}</text>'
        for value in marks(*self.across):
            yield f'<text class="mid" x="{self._x(value):.1f}" y="{floor + 16}">{_said(value)}</text>'
        yield f'<path class="axis" d="M{_LEFT} {_TOP}V{floor}H{right}"/>'
        yield f'<text class="mid" x="{_LEFT + _WIDE / 2:g}" y="{floor + 36}">{html.escape(self.across_name)}</text>'
        middle = _TOP + _HIGH / 2
        yield (
            f'<text class="mid" x="12" y="{middle:g}" transform="rotate(-90 12 {middle:g})">'
            f"{html.escape(self.up_name)}</text>"
        )

    def _told(self, points: Sequence[Point]) -> str:
        return " ".join(f"{self._x(x):.1f},{self._y(y):.1f}" for x, y in points)

    def _x(self, value: float) -> float:
        return _LEFT + _WIDE * (value - self.across[0]) / (self.across[1] - self.across[0])

    def _y(self, value: float) -> float:
        return _TOP + _HIGH * (1 - (value - self.up[0]) / (self.up[1] - self.up[0]))


def marks(low: float, high: float) -> list[float]:
    """Round values from low to high.

    >>> marks(0, 0.3)
    [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]
    >>> marks(-3, 3)
    [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]
    """
    step = linecharts.nice((high - low) / _MARKS)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(count * step, 10) + 0.0 for count in range(first, last + 1)]


def _said(value: float) -> str:
    return f"{value:g}".replace("-", "\N{MINUS SIGN}")
