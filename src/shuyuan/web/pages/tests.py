"""Adaptive tests: set one, watch it, read what it says; and how a learner begins one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.learning.assessment.interface import AdaptiveResult, AdaptiveTest
from shuyuan.learning.courses.interface import Text
from shuyuan.learning.people.interface import Learner
from shuyuan.web import handout, shell
from shuyuan.web import needs as web_needs
from shuyuan.web.pages import teacher
from shuyuan.web.reading import Reader

SEE_OTHER = 303
ERRORS: Mapping[str, float | None] = {"quick": 0.55, "usual": 0.4, "exact": 0.3, "never": None}
LEAST, MOST, EACH = 5, 16, 1


@dataclass(frozen=True)
class Row:
    """One pupil of a test."""

    learner: Learner | None
    result: AdaptiveResult


def router(needs: web_needs.Needs) -> APIRouter:
    """`/teach/tests…`, `/learn/tests/{test_id}/start`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/teach/tests")
    def tests(request: Request, reader: Reader) -> Response:
        return _page(needs, request, reader)

    @api.post("/teach/tests")
    def send(
        request: Request,
        reader: Reader,
        point_id: Annotated[list[str], Form(default_factory=list)],
        learner: Annotated[list[str], Form(default_factory=list)],
        least: Annotated[int, Form()] = LEAST,
        most: Annotated[int, Form()] = MOST,
        each: Annotated[int, Form()] = EACH,
        sure: Annotated[str, Form()] = "usual",
        due: Annotated[str, Form()] = "",
    ) -> Response:
        if not point_id or not learner:
            return _page(needs, request, reader, empty=True, status=400)
        made = needs.assessment.set_test(
            reader,
            class_id=handout.class_id(needs.shell.place(request, reader)),
            learner_ids=learner,
            course_id=point_id[0].partition(".")[0],
            point_ids=point_id,
            least=least,
            most=most,
            each=each,
            error=ERRORS.get(sure, ERRORS["usual"]),
            due_at=_end_of(due, needs.shell.zone),
        )
        return RedirectResponse(f"/teach/tests/{made.id}", SEE_OTHER)

    @api.get("/teach/tests/{test_id}")
    def one(request: Request, reader: Reader, test_id: str) -> Response:
        test = needs.assessment.test(reader, test_id)
        values = _results(needs, reader, test)
        if shell.is_part(request):
            return needs.shell.part(request, "teach/test_results.html", values, principal=reader)
        return needs.shell.show(request, "teach/test.html", values, principal=reader, here="tests")

    @api.post("/teach/tests/{test_id}/undo")
    def undo(reader: Reader, test_id: str) -> Response:
        needs.assessment.undo_test(reader, test_id)
        return RedirectResponse(f"/teach/tests/{test_id}", SEE_OTHER)

    @api.post("/learn/tests/{test_id}/start")
    def start(reader: Reader, test_id: str) -> Response:
        return RedirectResponse(f"/learn/practice/{needs.assessment.start_test(reader, test_id).id}", SEE_OTHER)

    return api


def _page(
    needs: web_needs.Needs, request: Request, reader: Principal, *, empty: bool = False, status: int = 200
) -> Response:
    place = needs.shell.place(request, reader)
    learners = needs.people.learners(reader, place.class_.id) if place.class_ else []
    points = teacher.points_of(needs, reader, place.course.id) if place.course else {}
    return needs.shell.show(
        request,
        "teach/tests.html",
        principal=reader,
        here="tests",
        place=place,
        points=points,
        counts={point: len(needs.courses.items_of_point(reader.school_id, point)) for point in points},
        learners=sorted(learners, key=lambda one: one.number),
        tests=needs.assessment.tests(reader, place.class_.id) if place.class_ else [],
        names=points,
        chosen=(LEAST, MOST, EACH),
        empty=empty,
        status=status,
    )


def _results(needs: web_needs.Needs, reader: Principal, test: AdaptiveTest) -> dict[str, object]:
    """Everybody, the weakest of those who are done first, as they are who needs the teacher."""
    names = {one.id: one for one in needs.people.learners(reader, test.class_id)}
    found = needs.assessment.results(reader, test.id)
    needs.people.record_views(reader, [one.learner_id for one in found if one.asked])
    order = {"done": 0, "working": 1, "waiting": 2}
    rows = [Row(names.get(one.learner_id), one) for one in found]
    rows.sort(key=lambda one: (order[one.result.state], one.result.ability, one.learner.number if one.learner else ""))
    return {
        "test": test,
        "rows": rows,
        "done": sum(one.state == "done" for one in found),
        "topics": _topics(needs, reader, test),
    }


def _topics(needs: web_needs.Needs, reader: Principal, test: AdaptiveTest) -> dict[str, Text]:
    """The names of the test's topics; what is gone from the course keeps its id."""
    try:
        known = teacher.points_of(needs, reader, test.course_id)
    except errors.NotFound:
        known = {}
    return {one: known[one].name if one in known else Text(zh=one) for one in test.point_ids}


def _end_of(due: str, zone: tzinfo) -> datetime | None:
    """The end of that day where the school is."""
    if not due:
        return None
    try:
        return datetime.combine(date.fromisoformat(due), time(23, 59), zone)
    except ValueError as wrong:
        raise errors.BadInput(f"due is {due[:40]!r}", fix="write it as 2026-11-27") from wrong
