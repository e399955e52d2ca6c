"""Pictures of a report as inline SVG: classes for colours, no style attributes, no script. Every text is escaped."""

from collections.abc import Sequence

from shuyuan.maas.evaluation.interface import Confusion, Gap
from shuyuan.maas.evaluation.page.escaping import number, safe

Points = Sequence[Sequence[float]]
_SIDE, _PAD = 300, 44  # SVG units: a square plot and room for its axes
MOST_CLASSES = 20
_SHADES = 5


def confusion(found: Confusion, title: str) -> str:
    """A grid of counts, darker where more of the row's truth went."""
    shown = _commonest(found)
    labels = [found.labels[at] for at in shown]
    cell, left, top = 40 if len(shown) <= 12 else 26, 130, 92
    marks = []
    for y, row in enumerate(shown):
        whole = sum(found.counts[row]) or 1
        middle = top + y * cell + cell / 2 + 4
        marks.append(f'<text class="end" x="{left - 8}" y="{middle:g}">{safe(labels[y], 18)}</text>')
        for x, column in enumerate(shown):
            count = found.counts[row][column]
            shade = 0 if not count else 1 + min(_SHADES - 1, int(_SHADES * count / whole))
            spot = f'x="{left + x * cell}" y="{top + y * cell}"'
            marks.append(f'<rect class="c{shade}" {spot} width="{cell - 1}" height="{cell - 1}"/>')
            if count:
                ink = "off" if shade >= 4 else "on"
                marks.append(f'<text class="{ink}" x="{left + x * cell + cell / 2:g}" y="{middle:g}">{count}</text>')
    for x, label in enumerate(labels):
        at = left + x * cell + cell / 2
        marks.append(
            f'<text x="{at:g}" y="{top - 8}" transform="rotate(-45 {at:g} {top - 8})">{safe(label, 14)}</text>'
        )
    side = cell * len(shown)
    return _svg(left + side + 70, top + side + 12, title, marks)


def calibration(points: Points, title: str) -> str:
    """Said against seen, with the share of rows as bars below."""
    most = max(point[2] for point in points)
    marks = [*_square(), _line([(0, 0), (1, 1)], "ideal")]
    for mean_p, _, rows in points:
        tall = 40 * rows / most
        marks.append(f'<rect class="mass" x="{_x(mean_p) - 8:g}" y="{_y(0) - tall:g}" width="16" height="{tall:g}"/>')
    marks.append(_line([(point[0], point[1]) for point in points], "line"))
    marks += [f'<circle class="dot" cx="{_x(a):g}" cy="{_y(b):g}" r="4"/>' for a, b, _ in points]
    return _svg(_SIDE + 2 * _PAD, _SIDE + 2 * _PAD, title, marks)


def roc(curves: Sequence[tuple[str, Points]], title: str) -> str:
    """One line a class."""
    marks = [*_square(), _line([(0, 0), (1, 1)], "ideal")]
    for at, (label, points) in enumerate(curves):
        marks.append(_line([(a, b) for a, b in points], f"line line{at}"))
        if len(curves) > 1:
            y = _PAD + _SIDE - 12 - 16 * (len(curves) - at - 1)
            marks.append(f'<path class="line line{at}" d="M{_PAD + 150} {y - 4}h18"/>')
            marks.append(f'<text x="{_PAD + 174}" y="{y}">{safe(label, 16)}</text>')
    return _svg(_SIDE + 2 * _PAD, _SIDE + 2 * _PAD, title, marks)


def residuals(points: Points, title: str) -> str:
    """Predicted against what it was off by."""
    across, up = [point[0] for point in points], [point[1] for point in points]
    low, high = min(across), max(across)
    reach = max(map(abs, up)) or 1.0
    marks = [*_frame(), f'<path class="ideal" d="M{_PAD} {_y(0.5):g}H{_PAD + _SIDE}"/>']
    for value, off in points:
        x = _x((value - low) / ((high - low) or 1.0))
        marks.append(f'<circle class="faint" cx="{x:.1f}" cy="{_y(0.5 + off / reach / 2):.1f}" r="3"/>')
    base = _PAD + _SIDE + 18
    marks += [f'<text x="{_PAD}" y="{base}">{number(low)}</text>']
    marks += [f'<text class="end" x="{_PAD + _SIDE}" y="{base}">{number(high)}</text>']
    marks += [f'<text class="end" x="{_PAD - 6}" y="{_PAD + 10}">{number(reach, 3)}</text>']
    marks += [f'<text class="end" x="{_PAD - 6}" y="{_PAD + _SIDE}">−{number(reach, 3)}</text>']
    return _svg(_SIDE + 2 * _PAD, _SIDE + 2 * _PAD, title, marks)


def groups(gap: Gap, title: str, suppressed: str) -> str:
    """A dot and its interval for each group, on one scale."""
    known = [one for one in gap.groups if one.figure is not None]
    ends = [v for one in known for v in (one.low, one.high, one.figure) if v is not None]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    room = (high - low) * 0.08 or 0.05
    low, high = low - room, high + room
    left, wide, step = 150, 360, 26

    def x(value: float) -> float:
        return left + wide * (value - low) / (high - low)

    marks = []
    for at, one in enumerate(gap.groups):
        y = 20 + at * step
        marks.append(f'<text class="end" x="{left - 10}" y="{y + 4}">{safe(one.value, 18)}</text>')
        marks.append(f'<path class="guide" d="M{left} {y}H{left + wide}"/>')
        if one.suppressed or one.figure is None:
            marks.append(f'<text x="{left + 6}" y="{y + 4}">{safe(suppressed)}</text>')
            continue
        if one.low is not None and one.high is not None:
            marks.append(f'<path class="line" d="M{x(one.low):.1f} {y}H{x(one.high):.1f}"/>')
        marks.append(f'<circle class="dot" cx="{x(one.figure):.1f}" cy="{y}" r="5"/>')
        said = f"{number(one.figure)} · n={one.rows}"
        marks.append(f'<text x="{left + wide + 10}" y="{y + 4}">{safe(said)}</text>')
    base = 20 + len(gap.groups) * step + 6
    marks += [f'<text x="{left}" y="{base}">{number(low)}</text>']
    marks += [f'<text class="end" x="{left + wide}" y="{base}">{number(high)}</text>']
    return _svg(left + wide + 140, base + 10, title, marks)


def _commonest(found: Confusion) -> list[int]:
    weight = [sum(row) + sum(other[at] for other in found.counts) for at, row in enumerate(found.counts)]
    return sorted(sorted(range(len(weight)), key=lambda at: -weight[at])[:MOST_CLASSES])


def _square() -> list[str]:
    """Axes from 0 to 1 both ways."""
    marks = _frame()
    for at in (0.0, 0.25, 0.5, 0.75, 1.0):
        marks.append(f'<text class="mid" x="{_x(at):g}" y="{_PAD + _SIDE + 18}">{at:g}</text>')
        marks.append(f'<text class="end" x="{_PAD - 6}" y="{_y(at) + 4:g}">{at:g}</text>')
        if 0 < at < 1:
            marks.append(
                f'<path class="guide" d="M{_PAD} {_y(at):g}H{_PAD + _SIDE}M{_x(at):g} {_PAD}V{_PAD + _SIDE}"/>'
            )
    return marks


def _frame() -> list[str]:
    return [f'<path class="axis" d="M{_PAD} {_PAD}V{_PAD + _SIDE}H{_PAD + _SIDE}"/>']


def _line(points: Sequence[tuple[float, float]], kind: str) -> str:
    told = " ".join(f"{_x(a):.1f},{_y(b):.1f}" for a, b in points)
    return f'<polyline class="{kind}" points="{told}"/>'


def _x(share: float) -> float:
    return _PAD + _SIDE * share


def _y(share: float) -> float:
    return _PAD + _SIDE * (1 - share)


def _svg(width: float, height: float, title: str, marks: Sequence[str]) -> str:
    head = f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img"'
    return f'{head} aria-label="{safe(title)}">{"".join(marks)}</svg>'
