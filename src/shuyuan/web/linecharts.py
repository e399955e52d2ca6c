"""Geometry of small line charts: values over the last minutes as SVG points. Numbers only."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 320, 84  # SVG units
_NICE = (1, 2, 5, 10)

Value = float | None


@dataclass(frozen=True)
class Chart:
    """Lines of `points` for an SVG of WIDTH × HEIGHT, one list of stretches a line; `top` is the axis's end."""

    lines: tuple[tuple[str, ...], ...]
    top: float


def chart(lines: Sequence[Sequence[Value]]) -> Chart:
    """Each line from left (oldest) to right; a None is a gap, and a value alone between gaps is a dot.

    >>> chart([[0, 1, None, 2]]).lines
    (('0.0,84.0 106.7,42.0', '320.0,0.0 320.0,0.0'),)
    """
    top = nice(max((value for line in lines for value in line if value is not None), default=0.0))
    return Chart(tuple(_stretches(line, top) for line in lines), top)


def nice(largest: float) -> float:
    """The next of 1, 2, 5, 10 … at or above.

    >>> nice(0.0), nice(3.2), nice(60), nice(0.04)
    (1.0, 5.0, 100.0, 0.05)
    """
    if largest <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(largest))
    return float(round(next(step for step in _NICE if step * power >= largest * (1 - 1e-9)) * power, 10))


def thinned(values: Sequence[Value], size: int) -> list[Value]:
    """Means of `size` neighbours; None where all of them are.

    >>> thinned([1, 3, None, None, 5], 2)
    [2.0, None, 5.0]
    """
    groups = [[v for v in values[at : at + size] if v is not None] for at in range(0, len(values), size)]
    return [sum(group) / len(group) if group else None for group in groups]


def highest(values: Sequence[Value], size: int) -> list[Value]:
    """The highest of `size` neighbours, for what is a level and not a rate; None where all of them are.

    >>> highest([1, 3, None, None, 5], 2)
    [3, None, 5]
    """
    groups = [[v for v in values[at : at + size] if v is not None] for at in range(0, len(values), size)]
    return [max(group, default=None) for group in groups]


def _stretches(line: Sequence[Value], top: float) -> tuple[str, ...]:
    step = WIDTH / max(1, len(line) - 1)
    found: list[list[str]] = [[]]
    for n, value in enumerate(line):
        if value is None:
            found.append([])
        else:
            found[-1].append(f"{n * step:.1f},{HEIGHT * (1 - value / top):.1f}")
    return tuple(" ".join(points if len(points) > 1 else points * 2) for points in found if points)
