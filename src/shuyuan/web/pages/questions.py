"""Questions: can I trust them? Per topic: how many, how often answered right, and the questions themselves."""

from fastapi import APIRouter, Request, Response

from shuyuan.web import charts
from shuyuan.web import needs as web_needs
from shuyuan.web.answers import Lines
from shuyuan.web.reading import Reader

SAMPLE_SEED = 1


def router(needs: web_needs.Needs) -> APIRouter:
    """`/teach/questions`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/teach/questions")
    def questions(request: Request, reader: Reader, point: str = "") -> Response:
        place = needs.shell.place(request, reader)
        values: dict[str, object] = {"course": None}
        if place.class_ is not None and place.course is not None:
            full = needs.courses.course(reader.school_id, place.course.id)
            lines = Lines(needs.courses, reader)
            items = needs.courses.items_of_point(reader.school_id, point) if point else ()
            values = {
                "course": full,
                "groups": charts.groups(full),
                "items": place.course.items,
                "open_point": point,
                "counts": {p.id: len(needs.courses.items_of_point(reader.school_id, p.id)) for p in full.points},
                "rates": needs.insight.class_map(reader, place.class_.id, full.id).percent_correct,
                "asked": [q for q in (lines.question(item, SAMPLE_SEED) for item in items) if q is not None],
            }
        return needs.shell.show(
            request, "teach/questions.html", values, principal=reader, here="questions", place=place
        )

    return api
