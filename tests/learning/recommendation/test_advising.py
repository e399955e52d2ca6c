"""Which further course, and why: by meaning where the search model is there, else by words; never without agreement."""

import asyncio
from types import SimpleNamespace
from typing import Any

import numpy as np
from tests.learning.assessment.world import COURSE, World

from shuyuan.kernel import errors
from shuyuan.learning.courses.interface import Course, Text
from shuyuan.learning.people.interface import Profile, Stated
from shuyuan.learning.recommendation.advising import AdvisingService
from shuyuan.learning.recommendation.interface import CourseAdvice


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
    """A search model that is in memory or not: it finds robots near to anything."""

    def __init__(self, state: str) -> None:
        self.state = state

    def models(self) -> list[Any]:
        return [SimpleNamespace(model="embed", state=self.state)]

    async def embed(self, principal: Any, model: str, texts: list[str], **how: Any) -> Any:
        if self.state == "broken":
            raise errors.Unavailable("gone")
        return SimpleNamespace(vectors=np.array([[1.0, float("First robots" in one)] for one in texts]))


def advised(
    world: World, stated: Stated, *, agreed: bool = True, embed: str = "absent", there: Any = None
) -> list[CourseAdvice]:
    every = OTHERS if there is None else there
    courses: Any = SimpleNamespace(
        courses=lambda school_id: tuple(SimpleNamespace(id=one) for one in (COURSE, *every)),
        course=lambda school_id, course_id: every[course_id],
    )
    purposes: Any = frozenset({"suggestions"} if agreed else ())
    profiles: Any = SimpleNamespace(of=lambda principal, who: Profile(who, stated, purposes, None, True))
    people: Any = world.people
    gateway: Any = Gateway(embed)
    pupil = world.pupils[0]
    return asyncio.run(AdvisingService(people, courses, profiles, gateway).courses(pupil, pupil.account_id))


def test_shared_words_and_a_stated_interest_come_first_each_with_its_reason(world: World) -> None:
    first, second, _ = advised(world, Stated(interests=("computing",), own_words="robots please"))
    assert (first.course_id, second.course_id, first.by) == ("models", "robots", "words")
    assert first.reason["en"] == "You named computing among your interests: this course is just that."
    assert "close to what you wrote" in second.reason["en"]


def test_meaning_decides_when_the_model_is_in_memory_and_words_when_it_fails(world: World) -> None:
    stated = Stated(own_words="old poems")
    assert advised(world, stated, embed="ready")[0].by == "meaning"
    assert advised(world, stated, embed="broken")[0].by == "words"
    assert advised(world, stated)[0].course_id == "poems"


def test_nothing_stated_gives_a_plain_reason(world: World) -> None:
    assert {one.reason["en"] for one in advised(world, Stated())} == {
        "The school has this course too; your class does not take it."
    }


def test_without_agreement_or_without_a_further_course_there_is_none(world: World) -> None:
    assert advised(world, Stated(interests=("computing",)), agreed=False) == []
    assert advised(world, Stated(), there={}) == []
