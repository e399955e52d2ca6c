"""The next activities of a learner, and their mistakes notebook."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock as kernel_clock
from shuyuan.kernel import errors
from shuyuan.learning.assessment.interface import Assessment, Assignment
from shuyuan.learning.courses.interface import Course, Courses
from shuyuan.learning.people.interface import People, Profiles
from shuyuan.learning.recommendation import behaviour, choosing, rules, words
from shuyuan.learning.recommendation.interface import Activity, Mistake
from shuyuan.learning.records.interface import Records, Response
from shuyuan.learning.tracing.interface import Tracing

REDO_AFTER = timedelta(days=1)
ITEMS_AT_A_TIME = 5
RECENT = 200  # answers looked at for reasons


class RecommendationService:
    """The `Recommendation` of one installation."""

    def __init__(
        self,
        people: People,
        courses: Courses,
        records: Records,
        tracing: Tracing,
        assessment: Assessment,
        profiles: Profiles | None = None,
        pooling: choosing.Learnt | None = None,
        *,
        clock: kernel_clock.Clock = kernel_clock.now,
    ) -> None:
        """profiles, pooling: without them, and for learners who did not agree, the rules alone decide."""
        self._profiles, self._pooling = profiles, pooling
        self._people, self._courses, self._records = people, courses, records
        self._tracing, self._assessment, self._clock = tracing, assessment, clock

    def next(self, principal: Principal, learner_id: str, *, limit: int = 3) -> list[Activity]:
        found: list[Activity] = []
        for plan in self._plans(principal, learner_id):
            if len(found) == limit:
                break
            if (activity := self._activity(principal, learner_id, plan)) is not None:
                found.append(activity)
        return found

    def facts(self, principal: Principal, learner_id: str) -> Mapping[str, float]:
        """What is derived from answers; nothing without a purpose agreed to."""
        if self._profiles is None or not self._profiles.of(principal, learner_id).agreed:
            return {}
        return behaviour.facts(self._records.evidence(principal, learner_id), self._clock())

    def mistakes(self, principal: Principal, learner_id: str) -> list[Mistake]:
        """What counted wrong last, newest first, of the questions that are still there. A later try in the same
        sitting does not take it out: a right first try in another one does."""
        self._people.learner(principal, learner_id)
        return self._mistakes(principal, learner_id)

    def _mistakes(self, principal: Principal, learner_id: str) -> list[Mistake]:
        times, now = self._records.times_wrong(principal, learner_id), self._clock()
        latest = self._records.latest_per_item(principal, learner_id)
        wrong = [one for one in latest if not one.correct and self._is_there(principal.school_id, one.item_id)]
        return [
            Mistake(
                one.item_id,
                one.points[0],
                one.seed,
                one.answer,
                one.misconception,
                one.at,
                times[one.item_id],
                due=now - one.at >= REDO_AFTER,
            )
            for one in sorted(wrong, key=lambda one: one.at, reverse=True)
        ]

    def _plans(self, principal: Principal, learner_id: str) -> list[rules.Plan]:
        learner = self._people.learner(principal, learner_id)
        course_ids = self._people.class_(principal, learner.class_id).course_ids
        answers = [one for one in self._records.of_learner(principal, learner_id, limit=RECENT) if one.counts]
        mistakes = self._mistakes(principal, learner_id)
        pictures = [self._picture(principal, learner_id, course_id, answers, mistakes) for course_id in course_ids]
        courses = {picture.course.id: picture.course for picture in pictures}
        found = list(self._assigned(principal, learner_id, courses))
        found += [plan for picture in pictures for plan in rules.plans(picture)]
        known = {name: one.p for picture in pictures for name, one in picture.mastery.items()}
        ordered = sorted(found, key=lambda plan: plan.urgency)
        return self._chosen(principal, learner_id, ordered, answers, known)

    def _chosen(
        self,
        principal: Principal,
        learner_id: str,
        plans: list[rules.Plan],
        answers: Sequence[Response],
        known: Mapping[str, float],
    ) -> list[rules.Plan]:
        """By expected gain per minute, where the learner agreed and enough others stand behind what was learnt."""
        if self._profiles is None or self._pooling is None:
            return plans
        if "suggestions" not in self._profiles.of(principal, learner_id).agreed:
            return plans
        pooled = self._pooling(principal.school_id)
        if pooled is None:
            return plans
        day = f"{learner_id} {self._clock().date()}"  # one draw a day: the page does not change under the finger
        seed = int.from_bytes(hashlib.sha256(day.encode()).digest()[:8])
        return choosing.order(plans, pooled, list(reversed(answers)), known, seed)

    def _picture(
        self,
        principal: Principal,
        learner_id: str,
        course_id: str,
        answers: Sequence[Response],
        mistakes: Sequence[Mistake],
    ) -> rules.Picture:
        course = self._courses.course(principal.school_id, course_id)
        points = self._courses.graph(principal.school_id, course_id).points
        known = self._tracing.of_learner(principal, learner_id, [point.id for point in points])
        here = [one for one in mistakes if one.item_id.startswith(f"{course_id}.")]
        return rules.Picture(course, points, known, answers, here, self._clock())

    def _assigned(self, principal: Principal, learner_id: str, courses: Mapping[str, Course]) -> Iterator[rules.Plan]:
        open_ones = [one for one in self._assessment.assigned_to(principal, learner_id) if not one.done_by]
        for one in sorted(open_ones, key=lambda one: (one.due_at is None, one.due_at or one.created_at)):
            course = courses.get(one.course_id) or self._courses.course(principal.school_id, one.course_id)
            name = next(point.name for point in course.points if point.id == one.point_id)
            yield rules.Plan(
                0,
                "assignment",
                one.course_id,
                words.assigned(name),
                words.due(self._days_left(one)),
                one.point_id,
                item_ids=one.items[learner_id],
                assignment_id=one.id,
            )

    def _days_left(self, one: Assignment) -> int | None:
        return None if one.due_at is None else (one.due_at - self._clock()).days

    def _activity(self, principal: Principal, learner_id: str, plan: rules.Plan) -> Activity | None:
        """The plan with its items; None when there is nothing left to answer."""
        if plan.lesson is not None:
            return _made(plan, (), plan.lesson.minutes)
        items = plan.item_ids or self._items(principal, learner_id, plan)
        kept = tuple(item_id for item_id in items if self._is_there(principal.school_id, item_id))
        return _made(plan, kept, self._minutes(principal.school_id, kept)) if kept else None

    def _items(self, principal: Principal, learner_id: str, plan: rules.Plan) -> tuple[str, ...]:
        try:
            return self._assessment.choose(
                principal, learner_id, course_id=plan.course_id, point_id=plan.point_id or "", count=ITEMS_AT_A_TIME
            )
        except errors.BadInput:  # a point without questions yet
            return ()

    def _is_there(self, school_id: str, item_id: str) -> bool:
        try:
            self._courses.item(school_id, item_id)
        except errors.NotFound:  # taken out of the course since it was answered
            return False
        return True

    def _minutes(self, school_id: str, item_ids: tuple[str, ...]) -> int:
        return max(1, round(sum(self._courses.item(school_id, item_id).minutes for item_id in item_ids)))


def _made(plan: rules.Plan, item_ids: tuple[str, ...], minutes: int) -> Activity:
    return Activity(
        plan.kind,
        plan.course_id,
        plan.point_id,
        plan.lesson.id if plan.lesson else None,
        plan.assignment_id,
        item_ids,
        minutes,
        plan.title,
        plan.reason,
        plan.leads_to,
    )
