"""Live: how is it going just now? Six pictures of the last 15 minutes, drawn here, asked for again every 2 seconds."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from shuyuan.maas.gateway.interface import Moment
from shuyuan.web import linecharts, machine
from shuyuan.web.needs import OfficeNeeds
from shuyuan.web.reading import Reader

NEIGHBOURS = 5  # moments drawn as one point: 10 s
RECENT = 5  # moments behind "now"


@dataclass(frozen=True)
class Panel:
    """One picture. name: a word of live.*; now: values of the last seconds, a word of live.line.* each."""

    name: str
    chart: linecharts.Chart
    now: tuple[tuple[str, str], ...]
    top: str


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
    memory = dict(moments[-1].memory_bytes) if moments else {}
    total = sum(memory.values())
    return {
        "panels": [
            _panel("requests", moments, {"requests": [m.requests_per_s for m in moments]}, "{:.1f}"),
            _panel("tokens", moments, {"tokens": [m.tokens_per_s for m in moments]}, "{:.0f}"),
            _panel(
                "first",
                moments,
                {"p50": [m.first_token_p50_s for m in moments], "p95": [m.first_token_p95_s for m in moments]},
                "{:.2f} s",
            ),
            _panel("queue", moments, {"running": [m.running for m in moments], "queued": [m.queued for m in moments]}),
            _panel("errors", moments, {"errors": [m.errors_per_s for m in moments]}, "{:.1f}"),
            _panel(
                "memory",
                moments,
                {"memory": [sum(m.memory_bytes.values()) / 1e6 for m in moments]},
                "{:.0f} MB",
            ),
        ],
        "memory": [
            (model, machine.size(count), count / total)
            for model, count in sorted(memory.items(), key=lambda one: -one[1])
        ],
        "width": linecharts.WIDTH,
        "height": linecharts.HEIGHT,
    }


def _panel(name: str, moments: Sequence[Moment], lines: dict[str, list[float | None]], shape: str = "{:.0f}") -> Panel:
    chart = linecharts.chart([linecharts.thinned(line, NEIGHBOURS) for line in lines.values()])
    now = tuple((word, _said(linecharts.thinned(line[-RECENT:], RECENT), shape)) for word, line in lines.items())
    return Panel(name, chart, now, shape.format(chart.top))


def _said(values: list[float | None], shape: str) -> str:
    return shape.format(values[0]) if values and values[0] is not None else "–"
