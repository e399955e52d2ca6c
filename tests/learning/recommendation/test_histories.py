"""What is kept of a learner's answers is what reading all of them anew would give, after every answer."""

import random
from typing import Any

import pytest
from tests import statements
from tests.learning.assessment.world import COURSE, A, B, C, World

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.learning.recommendation.histories import RECENT, Histories
from shuyuan.learning.recommendation.service import ITEMS_AT_A_TIME, RecommendationService


def anew(world: World) -> RecommendationService:
    """A process that has just started."""
    people: Any = world.people
    courses: Any = world.courses
    return RecommendationService(
        world.database, people, courses, world.records, world.tracing, world.assessment, clock=lambda: world.now
    )


def same(world: World, who: Principal) -> None:
    """What was kept gives the same plans as what is read anew, and the same items as a choice that reads."""
    learner_id = who.account_id
    kept = world.recommendation.next(who, learner_id, limit=20)
    assert kept == anew(world).next(who, learner_id, limit=20)
    for one in kept:
        if one.kind in ("practice", "review") and one.point_id:
            assert one.item_ids == world.assessment.choose(
                who, learner_id, course_id=COURSE, point_id=one.point_id, count=ITEMS_AT_A_TIME
            )


@pytest.mark.parametrize("seed", [1, 2])
def test_learners_at_random_are_led_alike_by_what_was_kept_and_by_what_is_read_anew(world: World, seed: int) -> None:
    rng, pupil = random.Random(seed), world.pupils[0]
    for _ in range(9):
        point = rng.choice((A, B, C))
        world.practise(pupil, point, "".join(rng.choice("++-") for _ in range(rng.randint(1, 12))))
        if rng.random() < 0.4:
            world.later(days=rng.randint(1, 16))
        same(world, pupil)
    same(world, world.pupils[1])


def test_answers_of_a_test_count_from_the_moment_it_is_closed(world: World) -> None:
    pupil = world.pupils[0]
    world.practise(pupil, A, "+")
    same(world, pupil)
    items = [f"{A}-{number:02d}" for number in range(1, 7)]
    test = world.start(pupil, items, kind="test")
    for item_id in items:
        world.answer(pupil, test.id, item_id, right=False)
    same(world, pupil)
    assert world.recommendation.next(pupil, pupil.account_id)[0].reason["en"].startswith("1 answer on “Alpha”")
    world.assessment.close_attempt(pupil, test.id)
    same(world, pupil)
    assert "1 of your last 7 answers" in world.recommendation.next(pupil, pupil.account_id)[0].reason["en"]


def test_an_answer_costs_the_reading_of_what_is_new_and_no_more_statements_than_before(world: World) -> None:
    pupil = world.pupils[0]
    kept, asked = Histories(world.records), []
    for sitting in range(4):
        world.practise(pupil, A, "+-" * 6)
        with statements.noted(world.database) as seen:
            world.recommendation.next(pupil, pupil.account_id, limit=1)
        asked.append(len(seen))
        with world.database.read() as conn:
            counted = world.tracing.standing(conn, pupil, pupil.account_id).answers
            history = kept.of(conn, pupil, pupil.account_id, counted)
            assert len(world.records.since(conn, pupil, pupil.account_id, history.mark)) == 0
        assert (history.counted, history.unseen) == (12 * (sitting + 1), 0)
    assert asked[1:] == [3, 3, 3]  # standing, what is new, assignments; places are of the small school's own


def test_only_the_newest_answers_and_no_words_of_the_learner_are_kept(world: World) -> None:
    pupil = world.pupils[0]
    for _ in range(RECENT // 12 + 1):
        world.practise(pupil, A, "-" * 12)
    with world.database.read() as conn:
        history = Histories(world.records).of(conn, pupil, pupil.account_id, 0)
    assert len(history.newest) == RECENT
    assert {one.answer for one in history.newest} | {one.answer for one in history.wrong.values()} == {""}
    assert history.times_wrong[f"{A}-00"] == RECENT // 12 + 1
    assert [one.at for one in history.due(world.now)] == []


def test_what_was_kept_for_one_learner_is_not_read_by_another(world: World) -> None:
    one, other = world.pupils[:2]
    world.practise(one, A, "--")
    world.recommendation.next(one, one.account_id)
    with pytest.raises(errors.NotFound):
        world.recommendation.next(other, one.account_id)
    with world.database.read() as conn:
        assert world.records.since(conn, other, one.account_id, None) == []
        assert len(world.records.since(conn, world.teacher, one.account_id, None)) == 2
