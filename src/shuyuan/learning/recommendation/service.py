"""The next activities of a learner, and their mistakes notebook."""

import hashlib
import heapq
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import chain
from typing import NamedTuple

from sqlalchemy import Connection

from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock as kernel_clock
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors
from shuyuan.learning.assessment.interface import Assessment
from shuyuan.learning.courses.interface import Course, Courses
from shuyuan.learning.people.interface import People, Place, Profiles
from shuyuan.learning.recommendation import behaviour, choosing, rules, words
from shuyuan.learning.recommendation.histories import REDO_AFTER, Histories, History
from shuyuan.learning.recommendation.interface import Activity, Mistake
from shuyuan.learning.records.interface import Records
from shuyuan.learning.tracing.interface import Standing, Tracing
from shuyuan.science.ranking import Bandit

ITEMS_AT_A_TIME = 5


class Seen(NamedTuple):
    """What is known of a learner at one moment."""

    learner_id: str
    place: Place
    standing: Standing
    history: History
    now: datetime


class RecommendationService:
    """The `Recommendation` of one installation."""

    def __init__(
        self,
        db: kernel_db.Database,
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
        self._db, self._profiles, self._pooling = db, profiles, pooling
        self._histories = Histories(records)
        self._people, self._courses, self._records = people, courses, records
        self._tracing, self._assessment, self._clock = tracing, assessment, clock

    def next(self, principal: Principal, learner_id: str, *, limit: int = 3) -> list[Activity]:
        with self._db.read() as conn:
            seen = self._seen(conn, principal, learner_id)
            found: list[Activity] = []
            for plan in self._plans(conn, principal, seen):
                if len(found) == limit:
                    break
                if (activity := self._activity(principal.school_id, seen, plan)) is not None:
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

    def _seen(self, conn: Connection, principal: Principal, learner_id: str) -> Seen:
        """Everything a plan needs, in four short statements of one read."""
        place = self._people.place(conn, principal, learner_id)
        standing = self._tracing.standing(conn, principal, learner_id)
        history = self._histories.of(conn, principal, learner_id, standing.answers)
        return Seen(learner_id, place, standing, history, self._clock())

    def _plans(self, conn: Connection, principal: Principal, seen: Seen) -> Iterator[rules.Plan]:
        """Made one by one, as far as they are asked for; all of them only for who agreed to an order by gain."""
        pictures = [self._picture(principal.school_id, course_id, seen) for course_id in seen.place.course_ids]
        courses = {picture.course.id: picture.course for picture in pictures}
        waiting = list(self._assigned(conn, principal, seen, courses))
        plans = chain(waiting, heapq.merge(*map(rules.plans, pictures), key=lambda plan: plan.urgency))
        pooled = self._pooled(principal.school_id) if "suggestions" in seen.place.agreed else None
        if pooled is None:
            return plans
        known = {name: one.p for picture in pictures for name, one in picture.mastery.items()}
        day = f"{seen.learner_id} {seen.now.date()}"  # one draw a day: the page does not change under the finger
        seed = int.from_bytes(hashlib.sha256(day.encode()).digest()[:8])
        answers = list(reversed(seen.history.counting))
        return iter(choosing.order(list(plans), pooled, answers, known, seed))

    def _pooled(self, school_id: str) -> Bandit | None:
        """What was learnt, where enough others stand behind it."""
        return None if self._pooling is None else self._pooling(school_id)

    def _picture(self, school_id: str, course_id: str, seen: Seen) -> rules.Picture:
        course = self._courses.course(school_id, course_id)
        points = self._courses.graph(school_id, course_id).points
        known = seen.standing.mastery([point.id for point in points])
        due = [one for one in seen.history.due(seen.now) if one.item_id.startswith(f"{course_id}.")]
        here = [one for one in due if self._is_there(school_id, one.item_id)]
        return rules.Picture(course, points, known, seen.history.counting, here, seen.now, seen.history.runs)

    def _assigned(
        self, conn: Connection, principal: Principal, seen: Seen, courses: Mapping[str, Course]
    ) -> Iterator[rules.Plan]:
        open_ones = self._assessment.open_for(conn, principal, seen.learner_id)
        for one in sorted(open_ones, key=lambda one: (one.due_at is None, one.due_at or one.created_at)):
            course = courses.get(one.course_id) or self._courses.course(principal.school_id, one.course_id)
            topics = (point.name for point in course.points if point.id == one.point_id)
            name = next(topics, course.title)  # the topic may have left the course since
            yield rules.Plan(
                rules.ASSIGNED,
                "assignment",
                one.course_id,
                words.assigned(name),
                words.due(None if one.due_at is None else (one.due_at - seen.now).days),
                one.point_id,
                item_ids=one.items[seen.learner_id],
                assignment_id=one.id,
            )

    def _activity(self, school_id: str, seen: Seen, plan: rules.Plan) -> Activity | None:
        """The plan with its items; None when there is nothing left to answer."""
        if plan.lesson is not None:
            return _made(plan, (), plan.lesson.minutes)
        items = plan.item_ids or self._items(school_id, seen, plan)
        kept = tuple(item_id for item_id in items if self._is_there(school_id, item_id))
        return _made(plan, kept, self._minutes(school_id, kept)) if kept else None

    def _items(self, school_id: str, seen: Seen, plan: rules.Plan) -> tuple[str, ...]:
        try:
            return self._assessment.choose_for(
                school_id,
                seen.learner_id,
                course_id=plan.course_id,
                point_id=plan.point_id or "",
                count=ITEMS_AT_A_TIME,
                answers=seen.history.newest,
                predictions=seen.standing.predictions,
            )
        except errors.BadInput:  # a point without questions yet
            return ()

    def _is_there(self, school_id: str, item_id: str) -> bool:
        """Whether it may be practised: what was taken out of its course since is kept there, but asked no more."""
        try:
            points = self._courses.item(school_id, item_id).points
        except errors.NotFound:
            return False
        return item_id in self._courses.items_of_point(school_id, points[0])

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
