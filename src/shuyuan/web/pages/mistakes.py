"""The mistakes notebook: what must I redo, and doing it."""

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from shuyuan.kernel import errors
from shuyuan.learning.courses.interface import Text
from shuyuan.learning.recommendation.interface import Mistake
from shuyuan.web import answers
from shuyuan.web import needs as web_needs
from shuyuan.web.reading import Reader

MOST_AT_ONCE = 10
SEE_OTHER = 303


@dataclass(frozen=True)
class Entry:
    """One mistake as the notebook shows it; prompt and said are clean HTML."""

    item_id: str
    prompt: Markup
    said: Markup
    slip: str
    due: bool
    at: datetime
    times: int


def router(needs: web_needs.Needs) -> APIRouter:
    """`/learn/mistakes`, `/learn/redo`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/learn/mistakes")
    def mistakes(request: Request, reader: Reader) -> Response:
        found = needs.recommendation.mistakes(reader, reader.account_id)
        lines = answers.Lines(needs.courses, reader)
        by_point = sorted(found, key=lambda one: one.point_id)
        several = len({one.point_id.partition(".")[0] for one in found}) > 1
        ids = _one_course([one for one in found if one.due]) or _one_course(found)
        groups = [
            {
                "name": _name(needs, reader.school_id, point_id),
                "course": _course(needs, reader.school_id, point_id) if several else None,
                "mistakes": [_entry(lines, one) for one in some],
            }
            for point_id, some in groupby(by_point, key=lambda one: one.point_id)
        ]
        return needs.shell.show(
            request,
            "learn/mistakes.html",
            principal=reader,
            here="mistakes",
            total=len(found),
            due=sum(1 for one in found if one.due),
            groups=groups,
            ids=ids,
            of_course=_course(needs, reader.school_id, ids[0]) if several and ids else None,
        )

    @api.post("/learn/redo")
    def redo(reader: Reader, item_id: Annotated[list[str], Form()]) -> Response:
        attempt = needs.assessment.start(
            reader, kind="review", course_id=item_id[0].partition(".")[0], item_ids=item_id[:MOST_AT_ONCE]
        )
        return RedirectResponse(f"/learn/practice/{attempt.id}", SEE_OTHER)

    return api


def _one_course(found: list[Mistake]) -> list[str]:
    """Items of one course only (an attempt belongs to one): the course with the oldest mistake."""
    if not found:
        return []
    course = min(found, key=lambda one: one.at).item_id.partition(".")[0]
    return [one.item_id for one in found if one.item_id.partition(".")[0] == course][:MOST_AT_ONCE]


def _entry(lines: answers.Lines, one: Mistake) -> Entry:
    question = lines.question(one.item_id, one.seed)
    return Entry(
        one.item_id,
        answers.prompt(question, one.item_id),
        answers.said(question, one.answer),
        lines.slip(one.item_id, one.misconception),
        one.due,
        one.at,
        one.times_wrong,
    )


def _name(needs: web_needs.Needs, school_id: str, point_id: str) -> Text:
    try:
        points = needs.courses.graph(school_id, point_id.partition(".")[0]).points
    except errors.NotFound:
        return Text(zh=point_id)
    return next((point.name for point in points if point.id == point_id), Text(zh=point_id))


def _course(needs: web_needs.Needs, school_id: str, part_id: str) -> Text | None:
    """part_id: of a point or an item of the course."""
    try:
        return needs.courses.course(school_id, part_id.partition(".")[0]).title
    except errors.NotFound:
        return None
