"""Adaptive tests: the next question by the answers so far, nothing lost on the way, results with their uncertainty."""

from datetime import timedelta
from typing import Any

import pytest
from tests.learning.assessment.world import COURSE, A, B, C, World, given

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.learning.assessment import adaptivestore, bankstore
from shuyuan.learning.assessment.interface import AdaptiveTest, Attempt
from shuyuan.learning.assessment.service import AssessmentService


def set_test(world: World, points: tuple[str, ...] = (A, B), **asked: Any) -> AdaptiveTest:
    everyone = [one.account_id for one in world.pupils]
    rules = {"least": 3, "most": 8, "each": 1, "error": 0.3} | asked
    return world.assessment.set_test(
        world.teacher, class_id=world.class_id, learner_ids=everyone, course_id=COURSE, point_ids=points, **rules
    )


def sit(world: World, pupil: Principal, attempt: Attempt, marks: str) -> list[str]:
    """Answer what is asked, as marked, until the marks or the test end; the questions in their order."""
    asked = []
    for mark in marks:
        item = world.assessment.next_of_test(pupil, attempt.id)
        if item is None:
            break
        asked.append(item)
        world.answer(pupil, attempt.id, item, right=mark == "+")
    return asked


def test_a_test_asks_one_question_after_the_other_and_ends_by_itself(world: World) -> None:
    made, pupil = set_test(world), world.pupils[0]
    attempt = world.assessment.start_test(pupil, made.id)
    assert (attempt.kind, attempt.adaptive_id, len(attempt.slots)) == ("test", made.id, 1)
    told = world.answer(pupil, attempt.id, attempt.slots[0].item_id, right=True)
    assert (told.verdict, told.saved) == (None, True)
    assert told.next_item_id not in (None, attempt.slots[0].item_id)
    asked = [attempt.slots[0].item_id, *sit(world, pupil, attempt, "+-+-+-+-+-")]
    assert len(asked) == len(set(asked)) == made.most
    assert {item.split("-")[0] for item in asked} == {A, B}
    closed = world.assessment.attempt(pupil, attempt.id)
    assert closed.closed_at is not None
    assert world.tracing.of_learner(pupil, pupil.account_id, [A])[A].n > 0
    result = world.assessment.result(pupil, attempt.id)
    assert (result.state, result.asked, result.ended) == ("done", made.most, "full length")
    assert sum(one.asked for one in result.points) == made.most


def test_a_reload_or_a_crash_comes_back_to_the_same_question_with_nothing_lost(world: World) -> None:
    made, pupil = set_test(world), world.pupils[0]
    attempt = world.assessment.start_test(pupil, made.id)
    sit(world, pupil, attempt, "+-+")
    waiting = world.assessment.next_of_test(pupil, attempt.id)
    people: Any = world.people
    courses: Any = world.courses
    again = AssessmentService(
        world.database, world.audit, people, courses, world.records, world.tracing, clock=world.clock
    )
    assert again.start_test(pupil, made.id).id == attempt.id
    assert again.next_of_test(pupil, attempt.id) == waiting
    assert waiting is not None
    told = again.answer(pupil, attempt.id, waiting, given(waiting, True), client_key="k")
    assert (told.saved, told.duplicate) == (True, False)
    assert len(again.attempt(pupil, attempt.id).slots) == 5


def test_an_answer_cut_off_before_the_next_question_was_chosen_loses_nothing(world: World) -> None:
    made, pupil = set_test(world), world.pupils[0]
    attempt = world.assessment.start_test(pupil, made.id)
    first = attempt.slots[0].item_id
    world.assessment._answering.answer(pupil, attempt.id, first, given(first, True), client_key="k")  # then it died
    told = world.assessment.answer(pupil, attempt.id, first, given(first, True), client_key="k")
    assert told.duplicate
    assert told.next_item_id not in (None, first)


def test_the_same_sitting_asks_the_same_whoever_rebuilds_it_and_another_learner_something_else(world: World) -> None:
    made = set_test(world, (A, B, C), most=12)
    asked = []
    for pupil in world.pupils:
        attempt = world.assessment.start_test(pupil, made.id)
        asked.append(tuple(sit(world, pupil, attempt, "+-" * 6)))
    assert len(set(asked)) > 1


def test_an_answered_question_is_not_taken_twice_but_a_repeated_send_is_acknowledged(world: World) -> None:
    made, pupil = set_test(world), world.pupils[0]
    attempt = world.assessment.start_test(pupil, made.id)
    first = attempt.slots[0].item_id
    world.answer(pupil, attempt.id, first, right=False, key="k1")
    assert world.answer(pupil, attempt.id, first, right=False, key="k1").duplicate
    with pytest.raises(errors.Conflict, match="answered already"):
        world.answer(pupil, attempt.id, first, right=True, key="k2")
    assert len(world.records.of_attempt(world.teacher, attempt.id)) == 1


@pytest.mark.parametrize(("marks", "low"), [("+" * 30, False), ("-" * 30, True)])
def test_all_right_and_all_wrong_have_a_finite_result(world: World, marks: str, low: bool) -> None:
    made, pupil = set_test(world, (A,), most=12, error=None), world.pupils[0]
    attempt = world.assessment.start_test(pupil, made.id)
    assert len(sit(world, pupil, attempt, marks)) == 12
    result = world.assessment.result(pupil, attempt.id)
    assert abs(result.ability) < 4
    assert (result.ability < -1) == low
    assert result.share is not None
    assert 0 <= result.share[0] < result.share[1] < result.share[2] <= 1


def test_a_bank_smaller_than_the_longest_test_ends_when_it_is_empty(world: World) -> None:
    made, pupil = set_test(world, (A,), most=40, error=None), world.pupils[0]
    attempt = world.assessment.start_test(pupil, made.id)
    assert len(sit(world, pupil, attempt, "+-" * 20)) == 12
    assert world.assessment.result(pupil, attempt.id).asked == 12


def test_a_test_ends_early_once_it_is_sure_enough(world: World) -> None:
    made, pupil = set_test(world, (A, B, C), most=30, error=0.7), world.pupils[0]
    attempt = world.assessment.start_test(pupil, made.id)
    assert 3 <= len(sit(world, pupil, attempt, "+-" * 15)) < 15
    result = world.assessment.result(pupil, attempt.id)
    assert (result.ended, result.sure) == ("sure enough", "a first idea")
    assert result.error <= 0.7


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"least": 9}, "between 9 and 8"),
        ({"most": 61}, "between 3 and 61"),
        ({"error": 0.01}, "error is 0.01"),
        ({"least": 20, "most": 20, "points": (A,)}, "have 12 questions"),
        ({"each": 5}, "5 of each of 2 topics is 10"),
        ({"points": ()}, "no topic"),
    ],
)
def test_what_no_test_can_be_is_named(world: World, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(errors.BadInput, match=said):
        set_test(world, **asked)


def test_topics_without_questions_are_refused(world: World) -> None:
    world.courses.items = {}
    with pytest.raises(errors.BadInput, match="no question that can be asked"):
        set_test(world)


def test_a_question_belongs_to_a_test_when_the_point_it_is_about_is_chosen(world: World) -> None:
    leaning = next(name for name in world.courses.items if name.startswith(B))
    world.courses.items[leaning] = world.courses.items[leaning].model_copy(update={"points": (B, A)})
    made = {one: set_test(world, (one,)).id for one in (A, B)}
    with world.database.read() as conn:
        banks = {one: {row[0] for row in adaptivestore.bank(conn, world.school, made[one])} for one in made}
    assert [leaning in banks[one] for one in (A, B)] == [False, True]
    assert world.assessment.test_stock(world.teacher, COURSE) == {A: 12, B: 12, C: 12}


def test_exposure_is_counted_and_spreads_the_first_question_over_the_bank(world: World) -> None:
    made = set_test(world, (A, B, C), most=4, each=0)
    firsts = set()
    for pupil in world.pupils:
        attempt = world.assessment.start_test(pupil, made.id)
        firsts.add(attempt.slots[0].item_id)
        sit(world, pupil, attempt, "+-+-")
    with world.database.read() as conn:
        counts = bankstore.exposures(conn, world.school, list(world.courses.items))
    assert {offered for offered, _ in counts.values()} == {6}
    assert sum(shown for _, shown in counts.values()) == 6 * 4
    assert max(shown for _, shown in counts.values()) <= 3
    assert len(firsts) > 2


def test_the_teacher_sees_everybody_live_and_the_learner_only_their_own_when_it_is_over(world: World) -> None:
    made = set_test(world)
    pupil, other = world.pupils[:2]
    attempt = world.assessment.start_test(pupil, made.id)
    sit(world, pupil, attempt, "++")
    live = {one.learner_id: one for one in world.assessment.results(world.teacher, made.id)}
    assert (live[pupil.account_id].state, live[pupil.account_id].right) == ("working", 2)
    assert (live[other.account_id].state, live[other.account_id].share) == ("waiting", None)
    with pytest.raises(errors.Conflict, match="still open"):
        world.assessment.result(pupil, attempt.id)
    for stranger in (other, world.stranger, world.other_teacher):
        with pytest.raises(errors.NotFound):
            world.assessment.result(stranger, attempt.id)
    for who in (world.stranger, world.other_teacher):
        with pytest.raises((errors.NotFound, errors.Forbidden)):
            world.assessment.results(who, made.id)
    with pytest.raises(errors.Forbidden):
        world.assessment.results(pupil, made.id)
    assert world.assessment.tests_for(pupil, pupil.account_id)[0].learner_ids == (pupil.account_id,)


def test_while_it_is_open_there_is_no_hint_and_nothing_else_begins(world: World) -> None:
    made, pupil = set_test(world), world.pupils[0]
    attempt = world.assessment.start_test(pupil, made.id)
    assert world.assessment.in_test(pupil.account_id)
    with pytest.raises(errors.Conflict, match="no hints"):
        world.assessment.hint(pupil, attempt.id, attempt.slots[0].item_id)
    with pytest.raises(errors.Conflict, match="a test is open"):
        world.start(pupil)
    world.assessment.close_attempt(pupil, attempt.id)
    assert world.assessment.next_of_test(pupil, attempt.id) is None
    assert world.assessment.result(pupil, attempt.id).share is None


def test_a_test_taken_back_or_past_its_due_time_cannot_be_begun_but_goes_on_for_who_began(world: World) -> None:
    made = set_test(world, due_at=world.now + timedelta(hours=1))
    begun = world.assessment.start_test(world.pupils[0], made.id)
    world.later(hours=2)
    with pytest.raises(errors.Conflict, match="past its due time"):
        world.assessment.start_test(world.pupils[1], made.id)
    assert world.assessment.undo_test(world.teacher, made.id).undone_at is not None
    with pytest.raises(errors.Conflict, match="taken this test back"):
        world.assessment.start_test(world.pupils[1], made.id)
    with pytest.raises(errors.Conflict, match="already taken back"):
        world.assessment.undo_test(world.teacher, made.id)
    assert world.assessment.next_of_test(world.pupils[0], begun.id) is not None
    with pytest.raises(errors.NotFound):
        world.assessment.start_test(world.stranger, made.id)


def test_who_left_the_class_is_not_in_the_results_and_the_others_still_are(world: World) -> None:
    made, pupil = set_test(world), world.pupils[0]
    attempt = world.assessment.start_test(pupil, made.id)
    sit(world, pupil, attempt, "++")
    del world.people.pupils[pupil.account_id]  # erased
    found = [one.learner_id for one in world.assessment.results(world.teacher, made.id)]
    assert sorted(found) == sorted(one.account_id for one in world.pupils[1:])


def test_however_sure_it_is_each_topic_gets_the_questions_that_were_promised(world: World) -> None:
    made, pupil = set_test(world, (A, B, C), most=30, each=3, error=0.9), world.pupils[0]
    attempt = world.assessment.start_test(pupil, made.id)
    sit(world, pupil, attempt, "+-" * 15)
    result = world.assessment.result(pupil, attempt.id)
    assert result.ended == "sure enough"
    assert min(one.asked for one in result.points) == 3
    assert result.asked < 15  # and not many more than these


def test_two_servers_take_turns_at_one_sitting(world: World) -> None:
    made, pupil = set_test(world), world.pupils[0]
    attempt = world.assessment.start_test(pupil, made.id)
    people: Any = world.people
    courses: Any = world.courses
    other = AssessmentService(
        world.database, world.audit, people, courses, world.records, world.tracing, clock=world.clock
    )
    first = attempt.slots[0].item_id
    other.question(pupil, attempt.id, first)  # it remembers the sitting as it is now
    second = world.answer(pupil, attempt.id, first, right=True).next_item_id
    assert second is not None
    assert other.question(pupil, attempt.id, second).item_id == second
    assert other.answer(pupil, attempt.id, second, given(second, True), client_key="k").saved
    with pytest.raises(errors.NotFound, match="not part of this attempt"):
        other.question(pupil, attempt.id, f"{C}-00")


def test_a_second_press_sets_no_second_test(world: World) -> None:
    made = set_test(world)
    with pytest.raises(errors.Conflict, match="set a moment ago"):
        set_test(world)
    set_test(world, (A,))
    world.assessment.undo_test(world.teacher, made.id)
    set_test(world)
    world.later(minutes=11)
    set_test(world)
