"""The class map: what is hard? Pupils by topics, most in need first; a cell opens its answers."""

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.learning.courses.interface import Point
from shuyuan.learning.insight.interface import ClassMap
from shuyuan.web import charts, filters, glossary, shell
from shuyuan.web import needs as web_needs
from shuyuan.web.answers import Lines
from shuyuan.web.pages import teacher
from shuyuan.web.reading import Reader

MOST_TOPICS = 7  # columns without sideways scrolling beside the cell
MISTAKES_SHOWN = 4  # below the map; all of them stand on the page of who needs help
CELL_ANSWERS, PLACE_DIGITS = 6, 3
BOM = "\ufeff"  # so that spreadsheets read UTF-8


def router(needs: web_needs.Needs) -> APIRouter:
    """`/teach/class`, `/teach/class.csv`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/teach/class")
    def class_map(request: Request, reader: Reader, part: str = "", learner: str = "", point: str = "") -> Response:
        place = needs.shell.place(request, reader)
        if place.class_ is None or place.course is None:
            return needs.shell.show(
                request, "teach/class.html", principal=reader, here="class", place=place, found=None
            )
        cell = _cell(needs, reader, place.class_.id, learner, point) if learner and point else None
        if shell.is_part(request) and cell is not None:
            return needs.shell.part(request, "teach/cell.html", cell, principal=reader)
        found = needs.insight.class_map(reader, place.class_.id, place.course.id)
        values = _values(needs, reader, found, place.course.id, part) | {"part": part, "cell": cell}
        values |= _mistakes(needs, reader, place.class_.id, place.course.id)
        return needs.shell.show(
            request, "teach/class.html", values, principal=reader, here="class", place=place, found=found
        )

    @api.get("/teach/class.csv")
    def spreadsheet(request: Request, reader: Reader) -> Response:
        place = needs.shell.place(request, reader)
        if place.class_ is None or place.course is None:
            return Response(BOM, media_type="text/csv; charset=utf-8")
        found = needs.insight.class_map(reader, place.class_.id, place.course.id)
        body = BOM + _csv(found, teacher.points_of(needs, reader, place.course.id), reader.language)
        name = quote(f"{place.class_.name}.csv")
        return Response(
            body,
            media_type="text/csv; charset=utf-8",
            headers={
                "content-disposition": f"attachment; filename=\"class.csv\"; filename*=UTF-8''{name}",
                "cache-control": "no-store",
            },
        )

    return api


def _values(needs: web_needs.Needs, reader: Principal, found: ClassMap, course_id: str, part: str) -> dict[str, object]:
    points = teacher.points_of(needs, reader, course_id)
    groups = charts.groups(needs.courses.course(reader.school_id, course_id))
    hardest = _by_difficulty(found)
    inside = _inside(groups, part)
    wanted = [p for p in hardest if inside is None or p in inside]
    shown = wanted if part == "all" or inside is not None else wanted[:MOST_TOPICS]
    first = shown[0] if shown else None
    stuck = [who.id for who, row in found.rows if first and row[first].stuck]
    return {
        "points": points,
        "columns": shown,
        "rates": found.percent_correct,
        "rows": found.rows,
        "hardest": first,
        "groups": groups if len(hardest) > MOST_TOPICS else [],
        "stuck_ids": stuck,
    }


def _mistakes(needs: web_needs.Needs, reader: Principal, class_id: str, course_id: str) -> dict[str, object]:
    """The most common mistakes of the class, counted: no answer of anybody is shown."""
    course = needs.courses.course(reader.school_id, course_id)
    return {
        "mistakes": needs.insight.mistakes(reader, class_id, course_id)[:MISTAKES_SHOWN],
        "slips": {one.id: one for one in course.misconceptions},
    }


def _inside(groups: Sequence[charts.Group], part: str) -> set[str] | None:
    """The topics of the group one asked for by its place; None when it is no place of a group."""
    place = int(part) if part.isascii() and part.isdecimal() and len(part) <= PLACE_DIGITS else len(groups)
    return {one.id for one in groups[place].points} if place < len(groups) else None


def _by_difficulty(found: ClassMap) -> list[str]:
    """Hardest first; topics without answers last, in teaching order."""
    rates = found.percent_correct
    return sorted(found.points, key=lambda p: (rates.get(p) is None, rates.get(p) or 0.0))


def _cell(
    needs: web_needs.Needs, reader: Principal, class_id: str, learner_id: str, point_id: str
) -> dict[str, object]:
    who = needs.people.learner(reader, learner_id)
    point = teacher.points_of(needs, reader, point_id.partition(".")[0]).get(point_id)
    if point is None:
        raise errors.NotFound(f"no topic {point_id[:80]!r} in this course", fix="open it from the class map")
    answers = needs.insight.answers(reader, class_id, point_id, [learner_id])
    lines = Lines(needs.courses, reader)
    slips = Counter(one.misconception for one in answers if one.misconception and not one.correct)
    slip, times = slips.most_common(1)[0] if slips else (None, 0)
    if answers:
        needs.people.record_view(reader, learner_id)
    return {
        "learner": who,
        "point": point,
        "lines": lines.of(answers[:CELL_ANSWERS]),
        "mastery": needs.tracing.of_learner(reader, learner_id, [point_id])[point_id],
        "slip": lines.slip(point_id, slip),
        "slip_times": times,
    }


def _csv(found: ClassMap, points: Mapping[str, Point], language: glossary.Language) -> str:
    """One row per pupil, per topic the level's word and right/answers, for any spreadsheet."""
    out = io.StringIO()
    sheet = csv.writer(out)
    names = [points[p].name.of(language) for p in found.points]
    sheet.writerow([glossary.say(language, "learn.me.number"), glossary.say(language, "teach.class.pupil"), *names])
    for who, row in found.rows:
        cells = []
        for point in found.points:
            one = row[point]
            word = glossary.say(language, filters.LEVELS[one.level - 1] if one.level else "level.few")
            cells.append(f"{word} {one.wins}/{one.n}" if one.n else "")
        sheet.writerow([_harmless(who.number), _harmless(who.name), *cells])
    return out.getvalue()


def _harmless(text: str) -> str:
    """A name that a spreadsheet would run as a formula is written as text."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text
