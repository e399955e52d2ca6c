"""Which further course may suit a learner, and why, in words.

Schools have few courses and no crowd to follow, so nearness is taken from texts: what the learner states against what
the courses say, by meaning where the `embed` model is in memory, else by shared words. What is stated and fits in so
many words (an interest that is the subject) always counts.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence
from math import log, sqrt

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.learning.courses.interface import Course, Courses, Language
from shuyuan.learning.people.interface import People, Profiles, Stated
from shuyuan.learning.recommendation import coursewords
from shuyuan.learning.recommendation.interface import CourseAdvice
from shuyuan.maas.gateway.interface import Gateway
from shuyuan.science.text.terms import terms

DEADLINE_S = 2.0
SAME_SUBJECT = 0.5  # added where an interest is the subject
MOST_COURSES, MOST_CHARACTERS = 60, 1_500


class AdvisingService:
    """Implements `interface.Advising`."""

    def __init__(self, people: People, courses: Courses, profiles: Profiles, gateway: Gateway) -> None:
        self._people, self._courses, self._profiles, self._gateway = people, courses, profiles, gateway

    async def courses(self, principal: Principal, learner_id: str, *, limit: int = 5) -> list[CourseAdvice]:
        """Best first; empty without agreement, or where there is no further course."""
        profile = await asyncio.to_thread(self._profiles.of, principal, learner_id)
        if "suggestions" not in profile.agreed:
            return []
        open_ones = await asyncio.to_thread(self._further, principal, learner_id)
        if not open_ones:
            return []
        language: Language = "zh" if principal.language == "zh" else "en"
        asked = coursewords.of_profile(profile.stated, language)
        texts = [_text(course, language) for course in open_ones]
        nearness = None
        with contextlib.suppress(errors.ShuyuanError, TimeoutError):
            nearness = await self._meaning(principal, asked, texts) if asked else None
        by_words = nearness is None
        near = shared(asked, texts) if nearness is None else nearness
        scored = [
            (value + (SAME_SUBJECT if coursewords.fits(profile.stated, course.subject) else 0.0), course)
            for value, course in zip(near, open_ones, strict=True)
        ]
        ranked = sorted(scored, key=lambda one: -one[0])[:limit]
        return [_advice(score, course, profile.stated, asked, by_words) for score, course in ranked]

    def _further(self, principal: Principal, learner_id: str) -> list[Course]:
        learner = self._people.learner(principal, learner_id)
        taken = set(self._people.class_(principal, learner.class_id).course_ids)
        every = [one.id for one in self._courses.courses(principal.school_id) if one.id not in taken]
        return [self._courses.course(principal.school_id, one) for one in every[:MOST_COURSES]]

    async def _meaning(self, principal: Principal, asked: str, texts: list[str]) -> list[float] | None:
        """Cosines; None unless the search model is in memory already: a page does not wait for it to load."""
        statuses = await asyncio.to_thread(self._gateway.models)
        if not any(one.model == "embed" and one.state == "ready" for one in statuses):
            return None
        async with asyncio.timeout(DEADLINE_S):
            query = await self._gateway.embed(principal, "embed", [asked], kind="query")
            known = await self._gateway.embed(principal, "embed", texts)
        return [float(value) for value in known.vectors @ query.vectors[0]]


def shared(asked: str, texts: Sequence[str]) -> list[float]:
    """Cosines of word counts, rare words counting more.

    >>> shared("like algebra", ["algebra and numbers", "history of art"])[1]
    0.0
    """
    bags = [Counter(terms(text)) for text in (asked, *texts)]
    in_texts = Counter(word for bag in bags for word in bag)
    weighted = [{word: n * log(1 + len(bags) / in_texts[word]) for word, n in bag.items()} for bag in bags]
    sizes = [sqrt(sum(value * value for value in bag.values())) or 1.0 for bag in weighted]
    query = weighted[0]
    return [
        sum(value * query.get(word, 0.0) for word, value in bag.items()) / (size * sizes[0])
        for bag, size in zip(weighted[1:], sizes[1:], strict=True)
    ]


def _text(course: Course, language: Language) -> str:
    parts = [course.title.of(language), course.summary.of(language), course.subject]
    parts += [lesson.title.of(language) for lesson in course.lessons]
    parts += [point.name.of(language) for point in course.points]
    return " ".join(parts)[:MOST_CHARACTERS]


def _advice(score: float, course: Course, stated: Stated, asked: str, by_words: bool) -> CourseAdvice:
    title = {"zh": course.title.of("zh"), "en": course.title.of("en")}
    reason = coursewords.reason(course, stated, near=bool(asked) and score > 0)
    return CourseAdvice(course.id, title, reason, "words" if by_words else "meaning")
