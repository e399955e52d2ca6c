"""Courses in an order that is told: by what was stated, where one stands, what others gained; agreed to, or plain."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.learning.assessment.world import COURSE, A, B, World
from tests.learning.recommendation.test_choosing import Agreed

from shuyuan.kernel import errors
from shuyuan.learning.courses.interface import Course, Text
from shuyuan.learning.people.interface import Profile, Stated
from shuyuan.learning.recommendation.advising import AdvisingService
from shuyuan.learning.recommendation.coursegains import CourseGains
from shuyuan.learning.recommendation.interface import CourseRanking
from shuyuan.learning.recommendation.nearness import Nearness


def course(course_id: str, zh: str, en: str, subject: str) -> Course:
    return Course(id=course_id, version=1, title=Text(zh=zh, en=en), subject=subject, licence="Apache-2.0")


OTHERS = {
    one.id: one
    for one in (
        course("poems", "古诗", "Old poems", "chinese"),
        course("robots", "机器人入门", "First robots", "engineering"),
        course("models", "认识大模型", "Large models", "information technology"),
    )
}


class Gateway:
    """A search model that is in memory or not: it finds robots near to anything, and counts what it is asked."""

    def __init__(self, state: str) -> None:
        self.state, self.texts, self.version = state, 0, "models:/embed/1"

    def models(self) -> list[Any]:
        return [SimpleNamespace(model="embed", state=self.state)]

    async def embed(self, principal: Any, model: str, texts: list[str], **how: Any) -> Any:
        if self.state == "broken":
            raise errors.Unavailable("gone")
        self.texts += len(texts)
        query = how.get("kind") == "query"
        vectors = np.array([[1.0, float(query or "First robots" in one)] for one in texts])
        return SimpleNamespace(vectors=vectors, receipt=SimpleNamespace(version=self.version))


def ranked(
    world: World,
    stated: Stated,
    *,
    agreed: bool = True,
    embed: str = "absent",
    gains: Mapping[str, float] | None = None,
    chances: Mapping[str, float] | None = None,
) -> CourseRanking:
    there = {COURSE: world.courses.made, **OTHERS}
    courses: Any = SimpleNamespace(
        courses=lambda school_id: tuple(SimpleNamespace(id=one) for one in there),
        course=lambda school_id, course_id: there[course_id],
    )
    purposes: Any = frozenset({"suggestions"} if agreed else ())
    profiles: Any = SimpleNamespace(of=lambda principal, who: Profile(who, stated, purposes, None, True))
    outlooks: Any = SimpleNamespace(chances=lambda principal, who: chances or {})
    people: Any = world.people
    gateway: Any = Gateway(embed)
    service = AdvisingService(
        people, courses, profiles, world.tracing, outlooks, lambda school_id: gains or {}, gateway
    )
    pupil = replace(world.pupils[0], language="en")
    return asyncio.run(service.ranking(pupil, pupil.account_id))


def ids(told: CourseRanking) -> list[str]:
    return [one.course_id for one in told.courses]


PLAIN = [COURSE, *OTHERS]


def test_shared_words_and_a_stated_interest_come_first_each_with_its_reason(world: World) -> None:
    told = ranked(world, Stated(interests=("computing",), own_words="robots please"))
    assert (told.ranked, told.by, ids(told)[:2]) == (True, "words", ["models", "robots"])
    assert told.courses[0].reason["en"] == "You named computing among your interests: this course is just that."
    assert "close to what you wrote" in told.courses[1].reason["en"]
    assert all(one.reason["zh"] and one.reason["en"] for one in told.courses)
    assert [one.taken for one in told.courses] == [one == COURSE for one in ids(told)]


def test_own_words_count_in_the_language_they_are_written_in_whatever_the_page_is_read_in(world: World) -> None:
    told = ranked(world, Stated(own_words="古诗"))  # by who reads the pages in English
    assert ids(told)[0] == "poems"
    assert "close to what you wrote" in told.courses[0].reason["en"]


def test_meaning_decides_when_the_model_is_in_memory_and_words_when_it_fails(world: World) -> None:
    stated = Stated(own_words="old poems")
    near = ranked(world, stated, embed="ready")
    assert (near.by, ids(near)[0]) == ("meaning", "robots")
    assert ranked(world, stated, embed="broken").by == "words"
    assert ids(ranked(world, stated))[0] == "poems"


def test_texts_of_courses_are_embedded_once(world: World) -> None:
    gateway: Any = Gateway("ready")
    nearness = Nearness(gateway)
    for _ in range(2):
        asyncio.run(nearness.of(world.pupils[0], ["robots", ""], ["First robots", "Old poems"]))
    assert gateway.texts == 2 + 2 * 2


def test_texts_embedded_by_one_schools_model_are_not_compared_with_those_of_another(world: World) -> None:
    gateway: Any = Gateway("ready")
    nearness = Nearness(gateway)
    here, elsewhere = world.pupils[0], replace(world.pupils[0], school_id="another")
    for who, version in ((here, 1), (here, 2), (here, 1), (elsewhere, 1)):
        gateway.version = f"models:/embed/{version}"
        assert asyncio.run(nearness.of(who, ["robots"], ["First robots", "Old poems"])).by == "meaning"
    assert gateway.texts == 4 + 3 * 2, "a school's own version may have the name of another school's"


def test_without_agreement_or_with_the_order_turned_off_the_class_has_its_plain_order(world: World) -> None:
    said = Stated(interests=("computing",))
    told = ranked(world, said, agreed=False)
    assert (told.ranked, told.agreed, ids(told)) == (False, False, PLAIN)
    told = ranked(world, replace(said, plain_courses=True))
    assert (told.ranked, told.agreed, ids(told)) == (False, True, PLAIN)
    assert all(one.reason == {} for one in told.courses)


def test_nothing_known_keeps_the_plain_order_and_says_so(world: World) -> None:
    told = ranked(world, Stated())
    assert ids(told) == PLAIN
    assert {one.reason["en"] for one in told.courses} == {"Nothing speaks for or against it: it stays where it was."}


def test_a_course_under_way_says_where_one_stands_and_what_it_brought_others(world: World) -> None:
    world.practise(world.pupils[0], A, "+" * 8)
    told = ranked(world, Stated(), gains={COURSE: 0.02, "poems": -0.01})
    assert ids(told)[0] == COURSE
    assert "1 of 3 topics met, 1 of them firm" in told.courses[0].reason["en"]
    assert "about 20 points of 100, over at least 5 learners together" in told.courses[0].reason["en"]
    assert ids(told)[-1] == "poems"


def test_the_outlook_moves_courses_and_its_words_tell_only_that_it_counted(world: World) -> None:
    world.practise(world.pupils[0], A, "+-+")
    goes_on = ranked(world, Stated(), chances={"keeps_at_it": 1.0, "goal:get_ahead": 0.9})
    stops = ranked(world, Stated(), chances={"keeps_at_it": 0.05})
    assert (ids(goes_on)[0] == COURSE, ids(stops)[0]) == (False, COURSE)
    assert "The estimate for your teachers counted too" in goes_on.courses[0].reason["en"]
    assert "estimate" not in stops.courses[0].reason["en"]  # the order is the same without it
    said = " ".join(one.reason[language] for one in goes_on.courses for language in ("zh", "en"))
    assert not any(word in said.lower() for word in ("go on", "get ahead", "%", "继续学", "更深"))


@pytest.mark.parametrize("peers", [4, 5])
def test_a_course_is_told_of_only_while_five_learners_stand_behind_it(world: World, peers: int) -> None:
    for pupil in world.pupils:
        world.practise(pupil, A, "-+++")
    world.practise(world.pupils[0], B, "-+++")
    agreed = Agreed(peers={pupil.account_id for pupil in world.pupils[:peers]})
    gained = CourseGains(world.database, agreed, world.records)  # type: ignore[arg-type]  # who agreed
    assert gained.renew(world.school) == (peers == 5)
    assert (COURSE in gained(world.school)) == (peers == 5)
    agreed.purposes["peers"].discard(world.pupils[0].account_id)  # taken back: the next run forgets all of it
    assert (gained.renew(world.school), gained(world.school)) == (0, {})
    assert gained(world.other_school) == {}
