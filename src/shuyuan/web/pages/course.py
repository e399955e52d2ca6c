"""Course (where am I?), its lessons, Map (what do I know?) and one topic (what is this based on?)."""

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response

from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock, errors
from shuyuan.learning.courses.interface import Course, Passage
from shuyuan.learning.tracing.interface import Mastery
from shuyuan.web import charts, forgetting, progress, shell
from shuyuan.web import needs as web_needs
from shuyuan.web.answers import Lines
from shuyuan.web.reading import Reader

ANSWERS_SHOWN, OFFERED = 30, 10


def router(needs: web_needs.Needs) -> APIRouter:
    """`/learn/course`, `/learn/lesson`, `/learn/map`, `/learn/point`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/learn/course")
    def course(request: Request, reader: Reader) -> Response:
        place = needs.shell.place(request, reader)
        values: dict[str, object] = {"course": None}
        if place.course is not None:
            full = needs.courses.course(reader.school_id, place.course.id)
            mastery = mastery_of(needs, reader, reader.account_id, full)
            values = {
                "course": full,
                "units": progress.units(full, mastery),
                "total": len(full.points),
                "done": progress.confident(mastery.values()),
            }
        return needs.shell.show(request, "learn/course.html", values, principal=reader, here="course", place=place)

    @api.get("/learn/lesson")
    def lesson(request: Request, reader: Reader, id: str) -> Response:
        found = needs.courses.lesson(reader.school_id, id)
        full = needs.courses.course(reader.school_id, id.partition(".")[0])
        by_id = {point.id: point for point in full.points}
        mastery = _own(needs, reader, full)
        return needs.shell.show(
            request,
            "learn/lesson.html",
            principal=reader,
            here="course",
            course=full,
            lesson=found,
            passages=[_passage(one, reader) for one in found.passages],
            points=[{"id": p, "name": by_id[p].name, "mastery": mastery.get(p)} for p in found.points if p in by_id],
        )

    @api.get("/learn/map")
    def knowledge_map(request: Request, reader: Reader) -> Response:
        place = needs.shell.place(request, reader)
        values = map_values(needs, reader, reader.account_id, place)
        return needs.shell.show(
            request,
            "learn/map.html",
            values,
            principal=reader,
            here="map",
            place=place,
            watched=False,
            href="/learn/point",
        )

    @api.get("/learn/point")
    def point(request: Request, reader: Reader, id: str) -> Response:
        full = needs.courses.course(reader.school_id, id.partition(".")[0])
        by_id = {one.id: one for one in full.points}
        if id not in by_id:
            raise errors.NotFound(f"no topic {id}", fix="open it from the map")
        mastery = mastery_of(needs, reader, reader.account_id, full)
        answered = needs.records.of_learner(reader, reader.account_id, point_id=id, limit=ANSWERS_SHOWN)
        before = [progress.Topic(p, by_id[p].name, mastery[p]) for p in by_id[id].requires if p in by_id]
        return needs.shell.show(
            request,
            "learn/point.html",
            principal=reader,
            here="map",
            course=full,
            point=by_id[id],
            mastery=mastery[id],
            lines=Lines(needs.courses, reader).of(answered),
            needs=before,
            lesson=progress.lesson_of(full, id),
            curve=forgetting.curve(mastery[id], clock.now()),
            watched=False,
        )

    return api


def mastery_of(needs: web_needs.Needs, reader: Principal, learner_id: str, course: Course) -> Mapping[str, Mastery]:
    """Every point of the course with what the learner understands of it."""
    return needs.tracing.of_learner(reader, learner_id, [point.id for point in course.points])


def map_values(needs: web_needs.Needs, reader: Principal, learner_id: str, place: shell.Place) -> dict[str, object]:
    """What learn/map.html says of a learner."""
    if place.course is None:
        return {"course": None, "next_point": None}
    full = needs.courses.course(reader.school_id, place.course.id)
    mastery = mastery_of(needs, reader, learner_id, full)
    next_id = _leads_on(needs, reader, learner_id, full, mastery)
    return {
        "course": full,
        "groups": progress.map_sections(full, mastery),
        "total": len(full.points),
        "done": progress.confident(mastery.values()),
        "next_point": next((point for point in full.points if point.id == next_id), None),
        "fading": forgetting.fading(((point, mastery[point.id]) for point in full.points), clock.now()),
        "map": charts.mastery_map(charts.groups(full), mastery, next_id, reader.language),
    }


def _leads_on(
    needs: web_needs.Needs, reader: Principal, learner_id: str, course: Course, mastery: Mapping[str, Mastery]
) -> str | None:
    """The topic of this course that is offered first; where others go before it, the one known least."""
    offered = needs.recommendation.next(reader, learner_id, limit=OFFERED)  # mistakes to redo are of no one topic
    first = next((one.point_id for one in offered if one.course_id == course.id and one.point_id), None)
    return first or min((point.id for point in course.points), key=lambda id: mastery[id].p_now, default=None)


def _own(needs: web_needs.Needs, reader: Principal, course: Course) -> Mapping[str, Mastery]:
    return mastery_of(needs, reader, reader.account_id, course) if reader.role == "student" else {}


def _passage(passage: Passage, reader: Principal) -> dict[str, object]:
    return {
        "anchor": passage.id.rpartition(".")[2],
        "title": passage.title,
        "text": passage.text.of(reader.language),
    }
