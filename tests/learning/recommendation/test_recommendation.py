"""What comes next, in which order, with which words; the mistakes notebook."""

from datetime import timedelta

import pytest
from tests.learning.assessment.world import COURSE, SLIP, A, B, C, World

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.learning.recommendation.interface import Activity


def following(world: World, pupil: Principal | None = None, limit: int = 3) -> list[Activity]:
    pupil = pupil or world.pupils[0]
    return world.recommendation.next(pupil, pupil.account_id, limit=limit)


def test_a_newcomer_starts_at_the_first_point_and_may_read_its_lesson(world: World) -> None:
    first, second, *_ = following(world)
    assert (first.kind, first.point_id, len(first.item_ids), first.minutes) == ("practice", A, 5, 10)
    assert first.leads_to == B
    assert "后面的内容要用到它" in first.reason["zh"]
    assert "start here" in first.reason["en"]
    assert (second.kind, second.lesson_id, second.minutes, second.item_ids) == ("lesson", "algebra.l1", 15, ())


def test_a_point_under_way_says_how_many_answers_are_missing(world: World) -> None:
    world.practise(world.pupils[0], A, "+-+")
    assert following(world)[0].reason == {
        "zh": "「甲」已经答了 3 题，再答 2 题就能看出掌握程度。",
        "en": "3 answers on “Alpha” so far; 2 more will show where you stand.",
    }


def test_a_stuck_point_comes_first_with_its_evidence(world: World) -> None:
    world.practise(world.pupils[0], A, "+-------")
    first = following(world)[0]
    assert (first.kind, first.point_id) == ("practice", A)
    assert first.reason["zh"] == "最近 8 题你对了 1 题，错的多是「漏变号」。"
    assert first.reason["en"] == "1 of your last 8 answers here were right; the wrong ones mostly show “a sign slip”."


def test_what_a_stuck_point_rests_on_comes_before_it(world: World) -> None:
    world.practise(world.pupils[0], B, "--------")
    first = following(world)[0]
    assert (first.point_id, first.leads_to) == (A, B)
    assert "「乙」常出错，它要用到「甲」" in first.reason["zh"]


def test_once_a_point_is_solid_the_next_one_opens(world: World) -> None:
    world.practise(world.pupils[0], A, "+" * 12)
    first = following(world)[0]
    assert (first.point_id, first.leads_to) == (B, C)
    assert first.reason["zh"] == "「甲」已经掌握，可以开始「乙」了。"


def test_a_solid_point_comes_back_for_review_before_new_things(world: World) -> None:
    world.practise(world.pupils[0], A, "+" * 12)
    world.later(days=13)
    first = following(world)[0]
    assert (first.kind, first.point_id) == ("review", A)
    assert "13 天前，一共对过 12 题" in first.reason["zh"]


def test_an_assignment_comes_before_everything_until_it_is_done(world: World) -> None:
    pupil = world.pupils[0]
    made = world.assessment.assign(
        world.teacher,
        class_id=world.class_id,
        learner_ids=[pupil.account_id],
        course_id=COURSE,
        point_id=C,
        count=2,
        due_at=world.now + timedelta(days=2, hours=1),
    )
    first = following(world)[0]
    assert (first.kind, first.assignment_id, first.point_id) == ("assignment", made.id, C)
    assert first.reason == {"zh": "老师布置的，还有 2 天截止。", "en": "Set by your teacher, due in 2 days."}
    attempt = world.assessment.start_assignment(pupil, made.id)
    world.assessment.close_attempt(pupil, attempt.id)
    assert following(world)[0].kind != "assignment"


def test_just_answered_items_are_not_repeated_while_others_exist(world: World) -> None:
    pupil = world.pupils[0]
    done: set[str] = set()
    for expected in (5, 5, 2):
        items = following(world)[0].item_ids
        assert (len(items), done & set(items)) == (expected, set())
        attempt = world.start(pupil, list(items))
        for item_id in items:
            world.answer(pupil, attempt.id, item_id, right=False)
        done |= set(items)


def test_it_is_never_empty_even_when_all_is_solid_or_few_items_are_left(world: World) -> None:
    for point in (A, B, C):
        world.practise(world.pupils[0], point, "+" * 12)
    first = following(world)[0]
    assert (first.kind, len(first.item_ids) > 0) == ("practice", True)
    assert "least certain" in first.reason["en"]
    for name in list(world.courses.items)[1:]:
        del world.courses.items[name]
    assert following(world)[0].item_ids == (f"{A}-00",)


def test_no_point_is_offered_twice(world: World) -> None:
    world.practise(world.pupils[0], A, "--------")
    offered = [one.point_id for one in following(world, limit=20) if one.kind == "practice"]
    assert len(offered) == len(set(offered)) == 3


def test_a_wrong_answer_enters_the_notebook_and_is_due_a_day_later(world: World) -> None:
    pupil = world.pupils[0]
    world.practise(pupil, A, "-+")
    (mistake,) = world.recommendation.mistakes(pupil, pupil.account_id)
    assert (mistake.item_id, mistake.point_id, mistake.answer, mistake.misconception) == (f"{A}-00", A, "-7", SLIP)
    assert (mistake.times_wrong, mistake.due) == (1, False)
    world.later(days=1, minutes=1)
    assert world.recommendation.mistakes(pupil, pupil.account_id)[0].due
    redo = next(one for one in following(world) if one.kind == "mistakes")
    assert (redo.item_ids, redo.reason["zh"][:9]) == ((f"{A}-00",), "错题本里有 1 题")


def test_only_a_right_first_try_in_another_sitting_takes_it_out(world: World) -> None:
    pupil = world.pupils[0]
    attempt = world.start(pupil)
    for right in (False, True):
        world.answer(pupil, attempt.id, f"{A}-00", right=right)
    assert len(world.recommendation.mistakes(pupil, pupil.account_id)) == 1
    again = world.start(pupil, kind="review")
    world.answer(pupil, again.id, f"{A}-00", right=False)
    assert world.recommendation.mistakes(pupil, pupil.account_id)[0].times_wrong == 2
    third = world.start(pupil, kind="review")
    world.answer(pupil, third.id, f"{A}-00", right=True)
    assert world.recommendation.mistakes(pupil, pupil.account_id) == []


def test_items_taken_out_of_the_course_are_not_offered_again(world: World) -> None:
    world.practise(world.pupils[0], A, "-")
    world.later(days=2)
    del world.courses.items[f"{A}-00"]
    assert all(one.kind != "mistakes" for one in following(world))


def test_nobody_else_gets_a_learners_next_steps(world: World) -> None:
    mine = world.pupils[0].account_id
    for who in (world.pupils[1], world.other_teacher, world.stranger):
        with pytest.raises(errors.NotFound):
            world.recommendation.next(who, mine)
        with pytest.raises(errors.NotFound):
            world.recommendation.mistakes(who, mine)
    assert world.recommendation.next(world.teacher, mine)


def test_today_offers_as_many_questions_as_the_preview_promised_and_the_start_gives(world: World) -> None:
    pupil = world.pupils[0]
    world.practise(pupil, A, "-+")
    asked = {"class_id": world.class_id, "learner_ids": [pupil.account_id], "course_id": COURSE, "point_id": A}
    (shown,) = world.assessment.preview(world.teacher, **asked, count=7)  # type: ignore[arg-type]
    made = world.assessment.assign(world.teacher, **asked, count=7)  # type: ignore[arg-type]
    world.practise(pupil, B, "+++")  # what is chosen now would be something else
    first = following(world)[0]
    assert (first.item_ids, first.minutes) == (shown.item_ids, shown.minutes)
    attempt = world.assessment.start_assignment(pupil, made.id)
    assert tuple(slot.item_id for slot in attempt.slots) == shown.item_ids


def test_a_question_taken_out_of_the_course_leaves_the_notebook(world: World) -> None:
    pupil = world.pupils[0]
    world.practise(pupil, A, "--")
    del world.courses.items[f"{A}-00"]
    assert [one.item_id for one in world.recommendation.mistakes(pupil, pupil.account_id)] == [f"{A}-01"]


def test_a_question_that_was_retired_is_neither_redone_nor_in_the_notebook(world: World) -> None:
    pupil = world.pupils[0]
    world.practise(pupil, A, "--")
    world.later(days=2)
    world.courses.retired = {f"{A}-00"}  # a new version of the course is without it; its row is kept
    assert [one.item_id for one in world.recommendation.mistakes(pupil, pupil.account_id)] == [f"{A}-01"]
    redo = next(one for one in following(world) if one.kind == "mistakes")
    assert redo.item_ids == (f"{A}-01",)


def test_practice_set_on_a_topic_that_left_the_course_is_still_offered(world: World) -> None:
    learners = [world.pupils[0].account_id]
    made = world.assessment.assign(
        world.teacher, class_id=world.class_id, learner_ids=learners, course_id=COURSE, point_id=C, count=2
    )
    world.courses.made = world.courses.made.model_copy(update={"points": world.courses.made.points[:2]})
    first = following(world)[0]
    assert (first.kind, first.assignment_id) == ("assignment", made.id)
    assert first.title == {"zh": "作业：代数", "en": "Assignment: Algebra"}
