"""Adaptive tests: set one, watch it, read what it says; and how a learner begins one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock, errors
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
class Wish:
    """The form as it was sent: what is refused comes back as it was filled in."""

    points: tuple[str, ...] = ()
    learners: tuple[str, ...] | None = None  # None: everybody
    least: str = str(LEAST)
    most: str = str(MOST)
    each: str = str(EACH)
    sure: str = "usual"
    due: str = ""


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
        least: Annotated[str, Form()] = Wish.least,
        most: Annotated[str, Form()] = Wish.most,
        each: Annotated[str, Form()] = Wish.each,
        sure: Annotated[str, Form()] = Wish.sure,
        due: Annotated[str, Form()] = "",
    ) -> Response:
        wish = Wish(tuple(point_id), tuple(learner), least, most, each, sure, due)
        try:
            made = _set(needs, reader, handout.class_id(needs.shell.place(request, reader)), wish)
        except (errors.BadInput, errors.Conflict) as trouble:
            return _page(needs, request, reader, wish, trouble)
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


def _set(needs: web_needs.Needs, reader: Principal, class_id: str, wish: Wish) -> AdaptiveTest:
    """Topics with fewer questions than the fewest: all of them are asked."""
    if not wish.points or not wish.learners:
        raise errors.BadInput("no topic or no pupil was ticked", fix="tick topics and pupils", code="test_nothing")
    course_id = wish.points[0].partition(".")[0]
    stock = needs.assessment.test_stock(reader, course_id)
    there = sum(stock.get(point, 0) for point in set(wish.points))
    return needs.assessment.set_test(
        reader,
        class_id=class_id,
        learner_ids=wish.learners,
        course_id=course_id,
        point_ids=wish.points,
        least=min(_whole(wish.least), max(there, 1)),
        most=_whole(wish.most),
        each=_whole(wish.each),
        error=ERRORS.get(wish.sure, ERRORS["usual"]),
        due_at=_end_of(wish.due, needs.shell.zone),
    )


def _page(
    needs: web_needs.Needs,
    request: Request,
    reader: Principal,
    wish: Wish | None = None,
    trouble: errors.ShuyuanError | None = None,
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
        counts=needs.assessment.test_stock(reader, place.course.id) if place.course else {},
        learners=sorted(learners, key=lambda one: one.number),
        tests=needs.assessment.tests(reader, place.class_.id) if place.class_ else [],
        names=points,
        wish=wish or Wish(),
        sures=tuple(ERRORS),
        trouble=trouble,
        status=200 if trouble is None else trouble.status,
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
        "live": any(one.state == "working" or (one.state == "waiting" and _may_begin(test)) for one in found),
        "topics": _topics(needs, reader, test),
    }


def _may_begin(test: AdaptiveTest) -> bool:
    return test.undone_at is None and (test.due_at is None or test.due_at > clock.now())


def _topics(needs: web_needs.Needs, reader: Principal, test: AdaptiveTest) -> dict[str, Text]:
    """The names of the test's topics; what is gone from the course keeps its id."""
    try:
        known = teacher.points_of(needs, reader, test.course_id)
    except errors.NotFound:
        known = {}
    return {one: known[one].name if one in known else Text(zh=one) for one in test.point_ids}


def _whole(written: str) -> int:
    try:
        return int(written)
    except ValueError as wrong:
        raise errors.BadInput(f"{written[:40]!r} is no whole number", fix="write 5", code="test_length") from wrong


def _end_of(due: str, zone: tzinfo) -> datetime | None:
    """The end of that day where the school is."""
    if not due:
        return None
    try:
        return datetime.combine(date.fromisoformat(due), time(23, 59), zone)
    except ValueError as wrong:
        raise errors.BadInput(f"due is {due[:40]!r}", fix="write it as 2026-11-27", code="due_unread") from wrong
