"""The teacher's Today, the class map, and the answers behind a cell."""

from collections.abc import Sequence
from dataclasses import dataclass

from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock as kernel_clock
from shuyuan.kernel import errors
from shuyuan.learning.courses.interface import Courses
from shuyuan.learning.insight import helping, reading
from shuyuan.learning.insight.interface import ClassMap, ClassMistake, ClassToday, Help, Need
from shuyuan.learning.people.interface import Learner, People
from shuyuan.learning.records.interface import Records, Response
from shuyuan.learning.tracing.interface import MINIMUM_EVIDENCE, Tracing

ANSWERS_SHOWN, LATELY = 1000, 10_000


@dataclass(frozen=True)
class _Class:
    """A class in a course, as its teacher may see it."""

    learners: list[Learner]
    points: list[str]  # prerequisites first
    known: reading.ClassMastery


class InsightService:
    """The `Insight` of one installation."""

    def __init__(
        self,
        people: People,
        courses: Courses,
        records: Records,
        tracing: Tracing,
        *,
        clock: kernel_clock.Clock = kernel_clock.now,
    ) -> None:
        self._people, self._courses, self._records = people, courses, records
        self._tracing, self._clock = tracing, clock

    def today(self, principal: Principal, class_id: str, course_id: str) -> ClassToday:
        whole = self._class(principal, class_id, course_id)
        point_id = reading.hardest(whole.points, whole.known)
        needs = self._needs(principal, whole, point_id) if point_id else ()
        too_little = self._too_little(whole)
        misconception, by = reading.shared(needs)
        busy = {one.learner.id for one in needs} | {learner.id for learner, _ in too_little}
        return ClassToday(
            class_id,
            course_id,
            point_id,
            len(whole.learners),
            needs,
            too_little,
            len(whole.learners) - len(busy),
            misconception,
            by,
        )

    def class_map(self, principal: Principal, class_id: str, course_id: str) -> ClassMap:
        whole = self._class(principal, class_id, course_id)
        rows = [(learner, whole.known[learner.id]) for learner in reading.by_need(whole.learners, whole.known)]
        shares = {point: reading.share_correct(point, whole.known) for point in whole.points}
        return ClassMap(tuple(whole.points), tuple(rows), shares)

    def help(self, principal: Principal, class_id: str, course_id: str) -> tuple[Help, ...]:
        whole = self._class(principal, class_id, course_id)
        return helping.needs(whole.learners, whole.known, self._lately(principal, whole, course_id), self._clock())

    def mistakes(self, principal: Principal, class_id: str, course_id: str) -> tuple[ClassMistake, ...]:
        whole = self._class(principal, class_id, course_id)
        return helping.mistakes(whole.learners, self._lately(principal, whole, course_id))

    def answers(
        self, principal: Principal, class_id: str, point_id: str, learner_ids: Sequence[str] | None = None
    ) -> list[Response]:
        members = {learner.id for learner in self._learners(principal, class_id)}
        wanted = sorted(members) if learner_ids is None else list(learner_ids)
        for learner_id in wanted:
            if learner_id not in members:
                raise errors.NotFound(f"learner {learner_id} is not in this class", fix="choose from its list")
        found = self._records.of_learners(principal, wanted, point_id=point_id, limit=ANSWERS_SHOWN)
        if not found:  # a point that has left its course keeps its answers
            self._require_point(principal.school_id, point_id)
        return found

    def _require_point(self, school_id: str, point_id: str) -> None:
        courses = {one.id for one in self._courses.courses(school_id)}
        course_id = point_id.partition(".")[0]
        points = self._courses.graph(school_id, course_id).points if course_id in courses else ()
        if all(one.id != point_id for one in points):
            raise errors.NotFound(f"there is no point {point_id[:80]!r}", fix="use a point of a course of the class")

    def responses(self, principal: Principal, learner_id: str, *, limit: int = 200) -> list[Response]:
        """One learner's answers, newest first: for themselves and their teachers."""
        self._people.learner(principal, learner_id)
        return self._records.of_learner(principal, learner_id, limit=limit)

    def _class(self, principal: Principal, class_id: str, course_id: str) -> _Class:
        learners = self._learners(principal, class_id)
        points = [point.id for point in self._courses.graph(principal.school_id, course_id).points]
        return _Class(
            learners, points, self._tracing.of_learners(principal, [learner.id for learner in learners], points)
        )

    def _learners(self, principal: Principal, class_id: str) -> list[Learner]:
        principal.require("teacher", "admin")
        return self._people.learners(principal, class_id)

    def _lately(self, principal: Principal, whole: _Class, course_id: str) -> dict[str, list[Response]]:
        """learner id → their answers in the course that count, of the last weeks, newest first."""
        grouped: dict[str, list[Response]] = {one.id: [] for one in whole.learners}
        since = self._clock() - helping.LOOKED_BACK
        for one in self._records.of_learners(principal, list(grouped), since=since, limit=LATELY):
            if one.counts and one.item_id.startswith(f"{course_id}."):
                grouped[one.learner_id].append(one)
        return grouped

    def _needs(self, principal: Principal, whole: _Class, point_id: str) -> tuple[Need, ...]:
        stuck = [learner for learner in whole.learners if whole.known[learner.id][point_id].stuck]
        answers: dict[str, list[Response]] = {learner.id: [] for learner in stuck}
        for response in self._records.of_learners(principal, list(answers), point_id=point_id):
            answers[response.learner_id].append(response)
        needs = [reading.need(one, whole.known[one.id][point_id], answers[one.id]) for one in stuck]
        return tuple(sorted(needs, key=lambda one: (one.right / one.answers, one.learner.number)))

    def _too_little(self, whole: _Class) -> tuple[tuple[Learner, int], ...]:
        """Fewer than five answers on the points the class is at."""
        points = reading.current(whole.points, whole.known, self._clock())
        counted = [(one, sum(whole.known[one.id][point].n for point in points)) for one in whole.learners]
        return tuple((learner, n) for learner, n in counted if n < MINIMUM_EVIDENCE)
