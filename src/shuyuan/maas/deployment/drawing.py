"""A graph as SVG: left to right, boxes of one column below each other, failed branches crossed but there. Pure."""

from html import escape
from typing import Literal

from shuyuan.maas.deployment import interface

Language = Literal["zh", "en"]
_WIDE, _HIGH, _GAP_X, _GAP_Y, _EDGE = 176, 60, 24, 24, 16
_INSIDE, _NARROW, _FULL = _WIDE - 20, 6.9, 12.2  # pixels: of a line, of a Latin letter or digit, of 汉字
_STATES: dict[interface.NodeState, tuple[str, str, str, str]] = {  # sign, zh, en, colour (of line and sign)
    "done": ("✓", "已完成", "done", "#2f6f4f"),
    "failed": ("✗", "未通过", "failed", "#a33a2f"),
    "running": ("▶", "进行中", "under way", "#2b5c99"),
    "waiting": ("…", "等待中", "waiting", "#767676"),
    "cancelled": ("■", "已取消", "cancelled", "#767676"),
    "taken_back": ("↩", "已退回", "taken back", "#8a5a00"),
}
_KINDS: dict[interface.NodeKind, tuple[str, str]] = {
    "data": ("数据集", "Data set"),
    "run": ("训练", "Run"),
    "report": ("评测报告", "Report"),
    "gate": ("上线审核", "Release check"),
    "version": ("版本", "Version"),
    "deployment": ("上线", "Deployment"),
    "step": ("步骤", "Step"),
}
_WIDE_FROM = 0x2E7F  # 汉字 and full-width marks lie beyond
_NAME = {"zh": "从数据到上线", "en": "From data to deployment"}


def svg(graph: interface.Graph, language: Language = "zh") -> str:
    """The whole picture. Its words are also read aloud: every box has a title."""
    places = _places(graph)
    width = max((x for x, _ in places.values()), default=0) + _WIDE + _EDGE
    height = max((y for _, y in places.values()), default=0) + _HIGH + _EDGE
    failed = {node.id for node in graph.nodes if node.state == "failed"}
    lines = [
        _edge(places[a], places[b], dashed=a in failed or b in failed) for a, b in graph.edges if {a, b} <= set(places)
    ]
    boxes = [_box(node, *places[node.id], language) for node in graph.nodes]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{escape(_NAME[language])}" font-family="system-ui, sans-serif" font-size="12">'
        f"<title>{escape(_NAME[language])}</title>{''.join(lines)}{''.join(boxes)}</svg>"
    )


def _places(graph: interface.Graph) -> dict[str, tuple[int, int]]:
    """Left upper corners; empty columns take no room."""
    columns = sorted({node.column for node in graph.nodes})
    filled, places = dict.fromkeys(columns, 0), dict[str, tuple[int, int]]()
    for node in graph.nodes:
        x = _EDGE + columns.index(node.column) * (_WIDE + _GAP_X)
        places[node.id] = x, _EDGE + filled[node.column] * (_HIGH + _GAP_Y)
        filled[node.column] += 1
    return places


def _edge(start: tuple[int, int], end: tuple[int, int], *, dashed: bool) -> str:
    (x1, y1), (x2, y2) = (start[0] + _WIDE, start[1] + _HIGH // 2), (end[0], end[1] + _HIGH // 2)
    if end[0] <= start[0]:  # the same column, or a row further down: from below
        x1, y1, x2, y2 = start[0] + _WIDE // 2, start[1] + _HIGH, end[0] + _WIDE // 2, end[1]
        path = f"M{x1} {y1}L{x2} {y2}"
    else:
        middle = (x1 + x2) // 2
        path = f"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}"
    dashes = ' stroke-dasharray="4 4"' if dashed else ""
    return f'<path d="{path}" fill="none" stroke="#8a8a8a"{dashes}/>'


def _box(node: interface.Node, x: int, y: int, language: Language) -> str:
    sign, zh, en, colour = _STATES[node.state]
    state, kind = {"zh": zh, "en": en}[language], _KINDS[node.kind][language == "en"]
    title = node.title.zh if language == "zh" else node.title.en
    head = state if node.kind == "step" else f"{kind} · {state}"  # each box of a pipeline is one
    told = " · ".join(word for word in (kind, title, state, node.detail) if word)
    dashes = ' stroke-dasharray="4 3"' if node.state in ("waiting", "cancelled") else ""
    return (
        f'<g><title>{escape(told)}</title><rect x="{x}" y="{y}" width="{_WIDE}" height="{_HIGH}" rx="6" fill="#ffffff" '
        f'stroke="{colour}"{dashes}/>'
        f'<text x="{x + 10}" y="{y + 18}" fill="{colour}">{sign} {escape(head)}</text>'
        f'<text x="{x + 10}" y="{y + 35}" fill="#1c1c1c">{escape(_cut(title))}</text>'
        f'<text x="{x + 10}" y="{y + 51}" fill="#5c5c5c">{escape(_cut(node.detail))}</text></g>'
    )


def _cut(text: str) -> str:
    """As much as fits into a box.

    >>> _cut("data:/marks/2"), _cut("runs:/01m827fyvssw4b6xaznrgxw0b8")
    ('data:/marks/2', 'runs:/01m827fyvssw4b6…')
    """
    left = float(_INSIDE)
    for at, letter in enumerate(text):
        left -= _FULL if ord(letter) > _WIDE_FROM else _NARROW
        if left < 0:
            return f"{text[: at - 1]}…"
    return text
