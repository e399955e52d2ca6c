"""Starting a practice: the recommended activity, a topic of one's choice, or a whole lesson."""

from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse

from shuyuan.learning.assessment.interface import Attempt, AttemptKind
from shuyuan.web import needs as web_needs
from shuyuan.web.reading import Reader

ROUND = 6  # questions of a practice one starts oneself
SEE_OTHER = 303


def router(needs: web_needs.Needs) -> APIRouter:
    """`/learn/start`, `/learn/practise`, `/learn/practise-lesson`."""
    api = APIRouter(include_in_schema=False)

    @api.post("/learn/start")
    def start(
        reader: Reader,
        kind: Annotated[str, Form()],
        course_id: Annotated[str, Form()],
        item_id: Annotated[list[str], Form(default_factory=list)],
        point_id: Annotated[str, Form()] = "",
        assignment_id: Annotated[str, Form()] = "",
    ) -> Response:
        if assignment_id:
            return _go(needs.assessment.start_assignment(reader, assignment_id))
        attempt_kind: AttemptKind = "practice" if kind == "practice" else "review"
        return _go(
            needs.assessment.start(
                reader, kind=attempt_kind, course_id=course_id, item_ids=item_id, point_id=point_id or None
            )
        )

    @api.post("/learn/practise")
    def practise(reader: Reader, point_id: Annotated[str, Form()]) -> Response:
        course_id = point_id.partition(".")[0]
        items = needs.assessment.choose(reader, reader.account_id, course_id=course_id, point_id=point_id, count=ROUND)
        return _go(
            needs.assessment.start(reader, kind="practice", course_id=course_id, item_ids=items, point_id=point_id)
        )

    @api.post("/learn/practise-lesson")
    def practise_lesson(reader: Reader, lesson_id: Annotated[str, Form()]) -> Response:
        course_id, points = lesson_id.partition(".")[0], needs.courses.lesson(reader.school_id, lesson_id).points
        each = max(1, ROUND // max(1, len(points)))
        chosen = [
            needs.assessment.choose(reader, reader.account_id, course_id=course_id, point_id=point, count=each)
            for point in points
        ]
        items = list(dict.fromkeys(item for some in chosen for item in some))
        return _go(needs.assessment.start(reader, kind="practice", course_id=course_id, item_ids=items))

    return api


def _go(attempt: Attempt) -> Response:
    return RedirectResponse(f"/learn/practice/{attempt.id}", SEE_OTHER)
