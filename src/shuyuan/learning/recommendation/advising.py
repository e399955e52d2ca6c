"""Which course, and why, in words: the courses of a learner's class and those the school has besides, in an order.

For a learner who agreed to suggestions and did not turn the order off, what was stated, where they stand, what a course
brought others and (agreed to as well) the outlook are weighed (`science.ranking.blending`); everybody else finds the
plain order of the class. Nobody is told what is foretold: only that it counted, where it changed the order.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from shuyuan.identity.interface import Principal
from shuyuan.learning.courses.interface import Course, Courses, Language
from shuyuan.learning.people.interface import People, Profile, Profiles
from shuyuan.learning.recommendation import coursefeatures, coursewords, gains
from shuyuan.learning.recommendation.interface import CourseAdvice, CourseRanking, Outlooks
from shuyuan.learning.recommendation.nearness import Nearness
from shuyuan.learning.tracing.interface import Tracing
from shuyuan.maas.gateway.interface import Gateway
from shuyuan.science.ranking import blending

MOST_COURSES, MOST_CHARACTERS = 60, 1_500
TELLING = 0.02  # nearness that is less says nothing
LEAST_POINTS = 1.0  # of 100 in ten minutes: less is nothing to boast of
Words = Mapping[str, str]


@dataclass(frozen=True)
class _Known:
    """Everything the order is made from, read in one go."""

    courses: Sequence[Course]
    taken: frozenset[str]
    profile: Profile
    standings: Sequence[coursefeatures.Standing] = ()
    gains: Mapping[str, float] | None = None
    chances: Mapping[str, float] | None = None

    @property
    def ranked(self) -> bool:
        return "suggestions" in self.profile.agreed and not self.profile.stated.plain_courses


class AdvisingService:
    """Implements `interface.Advising`."""

    def __init__(
        self,
        people: People,
        courses: Courses,
        profiles: Profiles,
        tracing: Tracing,
        outlooks: Outlooks,
        course_gains: Callable[[str], Mapping[str, float]],
        gateway: Gateway,
    ) -> None:
        self._people, self._courses, self._profiles, self._tracing = people, courses, profiles, tracing
        self._outlooks, self._course_gains = outlooks, course_gains
        self._nearness = Nearness(gateway)

    async def ranking(self, principal: Principal, learner_id: str) -> CourseRanking:
        """See Advising.ranking."""
        known = await asyncio.to_thread(self._read, principal, learner_id)
        agreed = "suggestions" in known.profile.agreed
        if not known.ranked or not known.courses:
            return CourseRanking(False, agreed, None, tuple(_advice(one, known, {}) for one in known.courses))
        language = coursewords.language_of(known.profile.stated, principal.language)
        goals = coursefeatures.foretold_goals(known.chances or {})
        asked = [coursewords.of_profile(known.profile.stated, language), coursewords.of_goals(goals, language)]
        near = await self._nearness.of(principal, asked, [_text(one, language) for one in known.courses])
        found = coursefeatures.features(
            known.courses,
            known.profile.stated,
            near.values.tolist(),
            known.standings,
            known.gains or {},
            known.chances or {},
        )
        blended = blending.blend(found, coursefeatures.WEIGHTS, len(known.courses))
        close = {at for at, value in enumerate(found["stated"]) if near.by == "words" and value > TELLING}
        close |= {at for at, part in enumerate(blended.parts["stated"].tolist()) if part > TELLING}
        moved = blended.order != blending.without(blended, *coursefeatures.OF_OUTLOOK)
        advice = [
            _advice(known.courses[at], known, _reason(known, at, close=at in close, moved=moved))
            for at in blended.order
        ]
        return CourseRanking(True, agreed, near.by, tuple(advice))

    def _read(self, principal: Principal, learner_id: str) -> _Known:
        profile = self._profiles.of(principal, learner_id)
        courses, taken = self._every(principal, learner_id)
        known = _Known(courses, taken, profile)
        if not known.ranked:
            return known
        standings = [
            coursefeatures.standing(
                self._tracing.of_learner(principal, learner_id, [point.id for point in course.points])
            )
            for course in courses
        ]
        gained = self._course_gains(principal.school_id)
        return _Known(courses, taken, profile, standings, gained, self._outlooks.chances(principal, learner_id))

    def _every(self, principal: Principal, learner_id: str) -> tuple[list[Course], frozenset[str]]:
        """The courses of the class in its order, then the others of the school."""
        learner = self._people.learner(principal, learner_id)
        taken = self._people.class_(principal, learner.class_id).course_ids
        there = [one.id for one in self._courses.courses(principal.school_id)]
        names = [*(one for one in taken if one in there), *(one for one in there if one not in taken)]
        return [self._courses.course(principal.school_id, one) for one in names[:MOST_COURSES]], frozenset(taken)


def _reason(known: _Known, at: int, *, close: bool, moved: bool) -> Words:
    """What speaks for the course, and whether the outlook changed the order. close: to what was stated."""
    course, stand = known.courses[at], known.standings[at]
    points = 100 * coursefeatures.TEN_MINUTES * (known.gains or {}).get(course.id, 0.0)
    told: list[Words] = []
    if close:
        told.append(coursewords.by_stated(course, known.profile.stated))
    if stand.momentum > 0:
        told.append(coursewords.by_standing(stand.met, stand.solid, stand.topics))
    if points >= LEAST_POINTS:
        told.append(coursewords.by_peers(points, gains.PEERS))
    told = told or [coursewords.LAST]
    if moved:
        told.append(coursewords.USED_OUTLOOK)
    return {"zh": "".join(one["zh"] for one in told), "en": " ".join(one["en"] for one in told)}


def _advice(course: Course, known: _Known, reason: Words) -> CourseAdvice:
    title = {"zh": course.title.of("zh"), "en": course.title.of("en")}
    return CourseAdvice(course.id, title, course.id in known.taken, reason)


def _text(course: Course, language: Language) -> str:
    parts = [course.title.of(language), course.summary.of(language), course.subject]
    parts += [lesson.title.of(language) for lesson in course.lessons]
    parts += [point.name.of(language) for point in course.points]
    return " ".join(parts)[:MOST_CHARACTERS]
