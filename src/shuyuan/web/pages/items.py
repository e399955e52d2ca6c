"""Question analysis: are the questions any good? In words first, the numbers for who wants them."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from markupsafe import Markup, escape

from shuyuan.identity.interface import Principal
from shuyuan.learning.assessment.interface import Chosen, ItemAnalysis
from shuyuan.learning.courses.interface import Question, inline
from shuyuan.web import answers, glossary
from shuyuan.web import needs as web_needs
from shuyuan.web.answers import Lines
from shuyuan.web.pages import teacher
from shuyuan.web.reading import Reader

SAMPLE_SEED = 1
FEWEST = 20  # first answers to a question before anything is said of it
LAST = math.inf
SORTS: dict[str, Callable[[ItemAnalysis], float]] = {  # the worst first; where it is not known, last
    "hard": lambda one: LAST if one.share_right is None else one.share_right,
    "telling": lambda one: LAST if one.rest is None else one.rest,
    "fit": lambda one: LAST if not one.infit else -abs(math.log(one.infit)),
    "answers": lambda one: -one.answers,
}


@dataclass(frozen=True)
class Row:
    """One question: what was asked, what the answers say, each choice as it reads."""

    found: ItemAnalysis
    prompt: Markup
    choices: list[tuple[Chosen, Markup]]


def router(needs: web_needs.Needs) -> APIRouter:
    """`/teach/items`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/teach/items")
    def items(request: Request, reader: Reader, point: str = "", sort: str = "flags") -> Response:
        place = needs.shell.place(request, reader)
        values: dict[str, object] = {"course": None}
        if place.class_ is not None and place.course is not None:
            values = _values(needs, reader, place.course.id, point, sort)
        return needs.shell.show(request, "teach/items.html", values, principal=reader, here="questions", place=place)

    return api


def _values(needs: web_needs.Needs, reader: Principal, course_id: str, point: str, sort: str) -> dict[str, object]:
    points = teacher.points_of(needs, reader, course_id)
    chosen = point or next(iter(points), "")
    found = needs.itembank.analysis(reader, course_id, point_id=None if point == "all" else chosen or None)
    lines = Lines(needs.courses, reader)
    known = [one for one in found.items if one.hard != "unknown"]
    return {
        "course": needs.courses.course(reader.school_id, course_id),
        "points": points,
        "chosen": point if point == "all" else chosen,
        "found": found,
        "sorts": ("flags", *SORTS),
        "sort": sort if sort in SORTS else "flags",
        "sorted": [_row(one, lines, reader) for one in sorted(known, key=SORTS[sort])] if sort in SORTS else [],
        "worth": [_row(one, lines, reader) for one in known if _odd(one)],
        "fine": [_row(one, lines, reader) for one in known if not _odd(one)],
        "favoured": sum(bool(one.favours) for one in found.items),
        "few": [_row(one, lines, reader) for one in found.items if one.hard == "unknown"],
        "fewest": FEWEST,
    }


def _odd(one: ItemAnalysis) -> bool:
    """Worth a look: something was flagged, or it does not tell strong from weak."""
    return bool(one.flags) or one.telling in ("hardly", "wrongly")


def _row(one: ItemAnalysis, lines: Lines, reader: Principal) -> Row:
    question = lines.question(one.item_id, SAMPLE_SEED)
    return Row(
        one,
        answers.prompt(question, one.item_id),
        [(chosen, _said(chosen, question, lines, reader, one.item_id)) for chosen in one.chosen],
    )


def _said(chosen: Chosen, question: Question | None, lines: Lines, reader: Principal, item_id: str) -> Markup:
    texts = {choice.id: choice.text for choice in question.choices} if question is not None else {}
    if chosen.choice in texts:
        return Markup(inline(texts[chosen.choice]))  # sanitised there
    if chosen.correct:
        return escape(glossary.say(reader.language, "items.right_answer"))
    return escape(lines.slip(item_id, chosen.misconception) or glossary.say(reader.language, "items.other_wrong"))
