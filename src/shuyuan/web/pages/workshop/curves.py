"""Geometry of learning curves: figures over steps as SVG points, with the ends of both axes. Numbers only."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 640, 200  # SVG units
MOST_POINTS = 240
ROWS = 10  # of the table beside a picture
_NO_FIGURE = {"line", "step", "epoch", "at_s", "split", "lr", "rate"}
Point = tuple[float, float]
Series = Mapping[str, Sequence[Point]]


@dataclass(frozen=True)
class Line:
    """One curve: its name, its points for an SVG of WIDTH × HEIGHT, and its last value."""

    name: str
    points: str
    last: float


@dataclass(frozen=True)
class Chart:
    """Curves of one figure. rows: some steps and each line's value there (None: none yet)."""

    figure: str
    lines: tuple[Line, ...]
    low: float
    high: float
    steps: float
    rows: tuple[tuple[float, tuple[float | None, ...]], ...]

    @property
    def middle(self) -> float:
        """What the line half way up stands for."""
        return (self.low + self.high) / 2


def series(metrics: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, list[Point]]]:
    """figure → split → points; loss first, then the figures in the order they came."""
    found: dict[str, dict[str, list[Point]]] = {"loss": {}}
    for line in metrics:
        for name, value in line.items():
            if name in _NO_FIGURE or isinstance(value, bool) or not isinstance(value, (int, float)):
                continue
            if math.isfinite(value):
                points = found.setdefault(name, {}).setdefault(str(line.get("split", "train")), [])
                points.append((float(line.get("step", 0)), float(value)))
    return {figure: lines for figure, lines in found.items() if lines}


def chart(figure: str, lines: Series) -> Chart | None:
    """The picture; None where there is no point yet.

    >>> chart("loss", {"train": [(0, 4.0), (10, 0.0)]}).lines[0].points
    '0.0,0.0 640.0,200.0'
    """
    every = [point for points in lines.values() for point in points]
    if not every:
        return None
    low, high = min(y for _, y in every), max(y for _, y in every)
    low = 0.0 if 0 <= low < 0.5 * high else low
    high = high if high > low else low + 1.0
    steps = max(x for x, _ in every) or 1.0
    drawn = tuple(
        Line(name, _points(thinned(points), low, high, steps), points[-1][1])
        for name, points in lines.items()
        if points
    )
    return Chart(figure, drawn, low, high, steps, _rows(list(lines.values()), steps))


def thinned(points: Sequence[Point], most: int = MOST_POINTS) -> list[Point]:
    """Means of neighbours, so that at most `most` points stay; the last one stays as it is.

    >>> thinned([(0, 1), (1, 3), (2, 5)], 2)
    [(0.5, 2.0), (2, 5)]
    """
    size = math.ceil(len(points) / most) or 1
    if size == 1:
        return list(points)
    body, last = points[:-1], points[-1]
    groups = [body[at : at + size] for at in range(0, len(body), size)]
    return [*((sum(x for x, _ in one) / len(one), sum(y for _, y in one) / len(one)) for one in groups), last]


def _points(points: Sequence[Point], low: float, high: float, steps: float) -> str:
    return " ".join(f"{WIDTH * x / steps:.1f},{HEIGHT * (1 - (y - low) / (high - low)):.1f}" for x, y in points)


def _rows(lines: Sequence[Sequence[Point]], steps: float) -> tuple[tuple[float, tuple[float | None, ...]], ...]:
    """Each line's last value up to some steps, evenly over the run."""
    asked = sorted({round(steps * n / ROWS) for n in range(1, ROWS + 1)})
    return tuple((at, tuple(next((y for x, y in reversed(line) if x <= at), None) for line in lines)) for at in asked)
