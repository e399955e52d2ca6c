"""Live: how is it going just now? Six pictures of the last 15 minutes, drawn here, asked for again every 2 seconds."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from shuyuan.maas.gateway.interface import Moment
from shuyuan.web import linecharts, machine
from shuyuan.web.needs import OfficeNeeds
from shuyuan.web.reading import Reader

SLOT_S = 2  # seconds from one moment to the next
NEIGHBOURS = 5  # moments drawn as one point: 10 s
RECENT = 5  # moments behind "now"
MARKS_MIN = (15, 10, 5)  # minutes ago that the axis names


@dataclass(frozen=True)
class Panel:
    """One picture. name: a word of live.*; now: what it is just now, a word of live.line.* each; top, middle: of the
    axis, in the unit live.unit.*."""

    name: str
    chart: linecharts.Chart
    now: tuple[tuple[str, str], ...]
    top: str
    middle: str


def router(needs: OfficeNeeds) -> APIRouter:
    """`/admin/live…`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/admin/live")
    def page(request: Request, reader: Reader, still: str = "") -> Response:
        moments = needs.gateway.live(reader)
        return needs.shell.show(
            request, "admin/live.html", drawn(moments), principal=reader, here="usage", still=still == "1"
        )

    @api.get("/admin/live/charts")
    def charts(request: Request, reader: Reader) -> Response:
        moments = needs.gateway.live(reader)
        return needs.shell.part(request, "admin/live_charts.html", drawn(moments), principal=reader, still=False)

    return api


def drawn(moments: Sequence[Moment]) -> dict[str, object]:
    """What the template shows of these moments."""
    memory = next((dict(m.memory_bytes) for m in reversed(moments[-RECENT:]) if m.memory_bytes), {})
    total = sum(memory.values())
    return {
        "panels": _panels(moments),
        "quiet": not any(m.requests_per_s or m.errors_per_s or m.running or m.queued for m in moments),
        "memory": [
            (model, machine.size(count), count / total if total else 0.0)
            for model, count in sorted(memory.items(), key=lambda one: -one[1])
        ],
        "width": linecharts.WIDTH,
        "height": linecharts.HEIGHT,
        "marks": MARKS_MIN,
    }


def _panels(moments: Sequence[Moment]) -> list[Panel]:
    first: dict[str, list[float | None]] = {
        "p50": [m.first_token_p50_s for m in moments],
        "p95": [m.first_token_p95_s for m in moments],
    }
    busy: dict[str, list[float | None]] = {
        "running": [m.running for m in moments],
        "queued": [m.queued for m in moments],
    }
    memory: list[float | None] = [sum(m.memory_bytes.values()) / 1e6 for m in moments]
    return [
        _panel("requests", moments, {"all": [m.requests_per_s for m in moments]}, "{:,.1f}"),
        _panel("tokens", moments, {"all": [m.tokens_per_s for m in moments]}),
        _panel("first", moments, first, "{:,.2f}"),
        _panel("queue", moments, busy, level=True),
        _panel("errors", moments, {"all": [m.errors_per_s for m in moments]}, "{:,.1f}"),
        _panel("memory", moments, {"all": memory}, level=True),
    ]


def _panel(
    name: str,
    moments: Sequence[Moment],
    lines: dict[str, list[float | None]],
    shape: str = "{:,.0f}",
    *,
    level: bool = False,
) -> Panel:
    """level: the highest value counts, for not every moment has one; else the mean."""
    gathered = linecharts.highest if level else linecharts.thinned
    begin = _begin(moments)
    chart = linecharts.chart([gathered(line[begin:], NEIGHBOURS) for line in lines.values()])
    now = tuple((word, _said(gathered(line[-RECENT:], RECENT), shape)) for word, line in lines.items())
    return Panel(name, chart, now, _mark(chart.top), _mark(chart.top / 2))


def _begin(moments: Sequence[Moment]) -> int:
    """How many to leave out, so that a point is always made of the same moments and the picture does not flicker."""
    if not moments:
        return 0
    return -round(moments[0].at.timestamp() / SLOT_S) % NEIGHBOURS


def _mark(value: float) -> str:
    """A number of the axis.

    >>> _mark(20_000.0), _mark(2.5), _mark(0.05)
    ('20,000', '2.5', '0.05')
    """
    return f"{value:,.0f}" if value == round(value) else f"{value:g}"


def _said(values: list[float | None], shape: str) -> str:
    return shape.format(values[0]) if values and values[0] is not None else "–"
