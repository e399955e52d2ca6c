"""Geometry of the knowledge map: columns of topics in layers, arrows from what comes first. Numbers only.

Columns are units; a course of one or two units is drawn by lessons, so that the map stays wide rather than tall.
Nothing here is random: the same course always gives the same picture.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from unicodedata import east_asian_width

from shuyuan.learning.courses.interface import Course, Language, Point, Text
from shuyuan.learning.tracing.interface import Mastery

WIDTH, COLUMN_WIDTH, GUTTER, TOP, GAP, MARGIN = 984, 210, 42, 58, 26, 12  # SVG units; columns no narrower
BOX_INSET = 12
ONE_LINE, TWO_LINES = 58, 76  # heights of a box
UNIT_LINE, TEXT_LINE = 19, 18
FEWEST_COLUMNS = 3
BOX_PADDING, TITLE_PADDING, FONT = 14, 12, 15.5
HALF = 0.54  # mean width of a Latin letter, em


@dataclass(frozen=True)
class Group:
    """A unit or lesson and its points: one column, one section of the phone's list."""

    title: Text
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Column:
    x: int
    width: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Node:
    point_id: str
    lines: tuple[str, ...]
    mastery: Mastery
    is_next: bool
    x: int
    y: int
    width: int
    height: int
    column: int

    @property
    def text_y(self) -> int:
        """Baseline of the first line, so that the whole text stands in the middle of the box."""
        return self.y + (self.height - TEXT_LINE * (len(self.lines) - 1) - UNIT_LINE) // 2 + 5


@dataclass(frozen=True)
class Edge:
    path: str
    to_next: bool


@dataclass(frozen=True)
class Map:
    width: int
    height: int
    columns: tuple[Column, ...]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def groups(course: Course) -> list[Group]:
    """The columns of a course; points that no lesson names come last."""
    by_id = {point.id: point for point in course.points}
    sections: list[tuple[Text, tuple[str, ...]]] = [
        (unit.title, tuple(p for lesson in unit.lessons for p in lesson.points)) for unit in course.units
    ]
    if len(sections) < FEWEST_COLUMNS:
        sections = [(lesson.title, lesson.points) for lesson in course.lessons]
    seen: set[str] = set()
    found: list[Group] = []
    for title, ids in [*sections, (course.title, tuple(by_id))]:
        fresh = tuple(by_id[p] for p in dict.fromkeys(ids) if p in by_id and p not in seen)
        seen.update(point.id for point in fresh)
        if fresh:
            found.append(Group(title, fresh))
    return found


def mastery_map(parts: Sequence[Group], mastery: Mapping[str, Mastery], next_id: str | None, language: Language) -> Map:
    """Lay out the map. mastery: point id → what is known, for every point of `parts`."""
    across = max(1, len(parts))
    column = max(COLUMN_WIDTH, (WIDTH - 2 * MARGIN - GUTTER * (across - 1)) // across)
    box = column - 2 * BOX_INSET
    titles = [wrap(part.title.of(language), (column - 2 * TITLE_PADDING) / FONT) for part in parts]
    top = TOP + UNIT_LINE * (max((len(lines) for lines in titles), default=1) - 1)
    line_em = (box - 2 * BOX_PADDING) / FONT
    names = {point.id: wrap(point.name.of(language), line_em) for part in parts for point in part.points}
    height = TWO_LINES if any(len(lines) > 1 for lines in names.values()) else ONE_LINE
    columns, nodes = [], []
    for index, part in enumerate(parts):
        x = MARGIN + index * (column + GUTTER)
        columns.append(Column(x, column, titles[index]))
        for row, point in enumerate(part.points):
            nodes.append(
                Node(
                    point.id,
                    names[point.id],
                    mastery[point.id],
                    point.id == next_id,
                    x + BOX_INSET,
                    top + row * (height + GAP),
                    box,
                    height,
                    index,
                )
            )
    bottom = max((node.y + node.height for node in nodes), default=top)
    width = across * (column + GUTTER) - GUTTER + 2 * MARGIN
    return Map(width, bottom + GAP + MARGIN, tuple(columns), tuple(nodes), tuple(_edges(parts, nodes, next_id)))


def wrap(text: str, most_em: float) -> tuple[str, ...]:
    """At most two lines; Latin text breaks at spaces, Chinese anywhere; the rest is cut with an ellipsis."""
    if width_em(text) <= most_em:
        return (text,)
    words = text.split(" ") if " " in text else list(text)
    glue = " " if " " in text else ""
    first: list[str] = []
    while words and width_em(glue.join([*first, words[0]])) <= most_em:
        first.append(words.pop(0))
    if not first:
        first.append(words.pop(0))
    rest = glue.join(words)
    while width_em(rest) > most_em:
        rest = rest.removesuffix("…")[:-1] + "…"
    return (glue.join(first), rest) if rest else (glue.join(first),)


def width_em(text: str) -> float:
    """Roughly how wide a text is set, in em."""
    return sum(1.0 if east_asian_width(letter) in "WF" else HALF for letter in text)


def _edges(parts: Sequence[Group], nodes: Sequence[Node], next_id: str | None) -> list[Edge]:
    at = {node.point_id: node for node in nodes}
    found = []
    for part in parts:
        for point in part.points:
            for before in point.requires:
                if before in at:
                    gap = 6 if point.id == next_id else 0
                    found.append(Edge(_path(at[before], at[point.id], gap), point.id == next_id))
    return found


def _path(a: Node, b: Node, ring: int) -> str:
    """Straight down to the box below; a curve into the side of every other."""
    if a.column == b.column:
        middle = a.x + a.width // 2
        if 0 < b.y - (a.y + a.height) <= GAP:
            return f"M{middle} {a.y + a.height}V{b.y - ring - 1}"
        left, bulge = a.x, a.x - 2 * BOX_INSET
        return (
            f"M{left} {a.y + a.height / 2:g}C{bulge} {a.y + a.height / 2:g} {bulge} {b.y + b.height / 2:g} "
            f"{left - ring} {b.y + b.height / 2:g}"
        )
    start, end = a.x + a.width, b.x - ring
    y1, y2 = a.y + a.height / 2, b.y + b.height / 2
    if b.column < a.column:
        start, end = a.x, b.x + b.width + ring
    bend = (end - start) * 0.55
    if abs(b.column - a.column) > 1:
        return _through_gap(a, b, start, end, y1, y2)
    return f"M{start} {y1:g}C{start + bend:g} {y1:g} {end - bend:g} {y2:g} {end} {y2:g}"


def _through_gap(a: Node, b: Node, start: int, end: int, y1: float, y2: float) -> str:
    """Past the columns between, in the gap under the boxes of a's row."""
    lane = a.y + a.height + GAP / 2
    near, far = start + GUTTER + BOX_INSET, end - GUTTER - BOX_INSET
    return (
        f"M{start} {y1:g}C{start + 30} {y1:g} {start + 30} {lane:g} {near} {lane:g}"
        f"H{far}C{end - 30} {lane:g} {end - 30} {y2:g} {end} {y2:g}"
    )
