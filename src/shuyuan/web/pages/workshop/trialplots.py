"""Geometry of a search: the figure of each trial, and the best so far, as SVG points. Numbers only."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 640, 200  # SVG units


@dataclass(frozen=True)
class Plot:
    """dots: x and y of each trial that has the figure.  best: the dot to be shown as such.  line: best so far."""

    dots: tuple[tuple[float, float], ...]
    best: tuple[float, float]
    line: str
    low: float
    high: float
    trials: int

    @property
    def middle(self) -> float:
        """What the line half way up stands for."""
        return (self.low + self.high) / 2


def plot(values: Sequence[tuple[int, float]], trials: int, *, larger_is_better: bool) -> Plot | None:
    """values: trial (from 0) and figure. None where no trial has one yet.

    >>> plot([(0, 4.0), (1, 2.0), (2, 3.0)], 3, larger_is_better=False).line
    '0.0,0.0 320.0,0.0 320.0,200.0 640.0,200.0'
    """
    if not values:
        return None
    figures = [figure for _, figure in values]
    low, high = min(figures), max(figures)
    spread = high - low or 1.0
    last = max(trials - 1, 1)

    def at(trial: int, figure: float) -> tuple[float, float]:
        return round(WIDTH * trial / last, 1), round(HEIGHT * (1 - (figure - low) / spread), 1)

    line, leader = list[tuple[float, float]](), values[0]
    for trial, figure in values:
        if (figure > leader[1]) if larger_is_better else (figure < leader[1]):
            line.append(at(trial, leader[1]))
            leader = (trial, figure)
        line.append(at(trial, leader[1]))
    drawn = [
        point
        for n, point in enumerate(line)
        if n in (0, len(line) - 1) or not line[n - 1][1] == point[1] == line[n + 1][1]
    ]
    return Plot(
        tuple(at(*one) for one in values),
        at(*leader),
        " ".join(f"{x},{y}" for x, y in drawn),
        low,
        high if high > low else low + 1.0,
        max(trials, 1),
    )
