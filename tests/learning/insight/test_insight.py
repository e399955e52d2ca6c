"""Who needs the teacher, on what evidence."""

import pytest
from tests.learning.assessment.world import COURSE, SLIP, A, B, World

from shuyuan.kernel import errors
from shuyuan.learning.insight.interface import ClassToday


def today(world: World) -> ClassToday:
    return world.insight.today(world.teacher, world.class_id, COURSE)


def test_an_empty_class_has_nobody_stuck_and_everybody_with_too_little_evidence(world: World) -> None:
    seen = today(world)
    assert (seen.point_id, seen.size, seen.stuck, seen.ready) == (None, 6, (), 0)
    assert [n for _, n in seen.too_little_evidence] == [0] * 6


def test_the_stuck_are_named_with_the_very_answers_that_say_so(world: World) -> None:
    world.practise(world.pupils[0], A, "---------")
    world.practise(world.pupils[1], A, "+--------")
    world.practise(world.pupils[2], A, "+++++++++")
    world.practise(world.pupils[3], A, "--")
    seen = today(world)
    assert seen.point_id == A
    assert [(one.learner.id, one.right, one.answers) for one in seen.stuck] == [
        (world.pupils[0].account_id, 0, 9),
        (world.pupils[1].account_id, 1, 9),
    ]
    newest = seen.stuck[0].evidence
    assert [one.item_id for one in newest] == [f"{A}-08", f"{A}-07", f"{A}-06"]
    assert not any(one.correct for one in newest)
    assert newest[0].answer == "-7"
    assert (seen.shared_misconception, seen.shared_by) == (SLIP, 2)
    assert [n for _, n in seen.too_little_evidence] == [2, 0, 0]
    assert seen.ready == 1


def test_the_point_with_the_most_stuck_is_chosen(world: World) -> None:
    world.practise(world.pupils[0], A, "---------")
    for pupil in world.pupils[1:3]:
        world.practise(pupil, B, "---------")
    assert today(world).point_id == B


def test_a_misconception_of_one_pupil_is_not_shared(world: World) -> None:
    world.practise(world.pupils[0], A, "---------")
    seen = today(world)
    assert seen.stuck[0].misconception == SLIP
    assert (seen.shared_misconception, seen.shared_by) == (None, 0)


def test_five_answers_on_what_the_class_is_at_are_enough_evidence(world: World) -> None:
    world.practise(world.pupils[0], A, "++++")
    assert (world.pupils[0].account_id, 4) in [(one.id, n) for one, n in today(world).too_little_evidence]
    world.practise(world.pupils[0], B, "+")
    assert world.pupils[0].account_id not in [one.id for one, _ in today(world).too_little_evidence]


def test_the_map_is_sorted_by_need_and_shows_the_share_correct(world: World) -> None:
    world.practise(world.pupils[4], A, "---------")
    world.practise(world.pupils[2], A, "++++++--+")
    seen = world.insight.class_map(world.teacher, world.class_id, COURSE)
    assert [learner.number for learner, _ in seen.rows] == ["04", "02", "00", "01", "03", "05"]
    assert seen.percent_correct == {A: pytest.approx(7 / 18), B: None, "algebra.c": None}
    assert seen.rows[0][1][A].stuck


def test_a_cell_opens_its_answers(world: World) -> None:
    world.practise(world.pupils[0], A, "+-")
    world.practise(world.pupils[1], B, "+")
    found = world.insight.answers(world.teacher, world.class_id, A, [world.pupils[0].account_id])
    assert [(one.item_id, one.correct) for one in found] == [(f"{A}-01", False), (f"{A}-00", True)]
    assert len(world.insight.answers(world.teacher, world.class_id, A)) == 2
    with pytest.raises(errors.NotFound):
        world.insight.answers(world.teacher, world.class_id, A, [world.other_teacher.account_id])


def test_only_teachers_of_the_class_see_it(world: World) -> None:
    for who in (world.other_teacher, world.stranger):
        for ask in (world.insight.today, world.insight.class_map):
            with pytest.raises(errors.NotFound):
                ask(who, world.class_id, COURSE)
        with pytest.raises(errors.NotFound):
            world.insight.answers(who, world.class_id, A)
    with pytest.raises(errors.Forbidden):
        world.insight.today(world.pupils[0], world.class_id, COURSE)


def test_a_learners_answers_are_for_them_and_their_teacher(world: World) -> None:
    world.practise(world.pupils[0], A, "+-")
    mine = world.pupils[0].account_id
    assert len(world.insight.responses(world.pupils[0], mine)) == 2
    assert len(world.insight.responses(world.teacher, mine, limit=1)) == 1
    for who in (world.pupils[1], world.other_teacher, world.stranger):
        with pytest.raises(errors.NotFound):
            world.insight.responses(who, mine)


def reasons_of(world: World, number: int) -> list[str]:
    found = {one.learner.id: one for one in world.insight.help(world.teacher, world.class_id, COURSE)}
    who = world.pupils[number].account_id
    return [one.kind for one in found[who].reasons] if who in found else []


def test_nobody_needs_help_where_nobody_has_answered(world: World) -> None:
    assert world.insight.help(world.teacher, world.class_id, COURSE) == ()
    assert world.insight.mistakes(world.teacher, world.class_id, COURSE) == ()


def test_who_needs_help_comes_with_every_reason_and_the_answers_behind_it(world: World) -> None:
    world.practise(world.pupils[0], A, "---------")
    world.practise(world.pupils[1], A, "++++++++++")
    world.practise(world.pupils[1], B, "+--+-+-+-+")
    world.practise(world.pupils[2], A, "+++++++++")
    found = world.insight.help(world.teacher, world.class_id, COURSE)
    assert found[0].learner.id == world.pupils[0].account_id
    stuck, mistake = found[0].reasons[:2]
    assert (stuck.kind, stuck.point_id, stuck.right, stuck.answers, len(stuck.evidence)) == ("stuck", A, 0, 9, 3)
    assert (mistake.kind, mistake.misconception, mistake.answers) == ("mistake", SLIP, 7)
    slipping = next(one for one in found if one.learner.id == world.pupils[1].account_id).reasons
    assert [(one.kind, one.right, one.before) for one in slipping if one.kind == "slipping"] == [("slipping", 5, 10)]
    assert reasons_of(world, 2) == []
    assert reasons_of(world, 3) == ["silent"]


def test_who_fell_silent_while_the_class_goes_on_is_named_and_who_forgets_as_well(world: World) -> None:
    for point in (A, B, "algebra.c"):
        world.practise(world.pupils[0], point, "+++++++++")
    world.later(days=20)
    world.practise(world.pupils[1], A, "+")
    assert reasons_of(world, 0) == ["faded", "silent"]
    assert reasons_of(world, 1) == []
    world.later(days=20)  # the whole class is away: nobody is silent by themselves
    assert reasons_of(world, 0) == ["faded"]
    for pupil in world.pupils[1:]:
        for point in (A, B, "algebra.c"):
            world.practise(pupil, point, "+++++++++")
    world.later(days=20)  # everybody has it to review: a matter for a lesson
    assert reasons_of(world, 0) == []


def test_mistakes_of_a_class_have_an_example_each_of_different_learners(world: World) -> None:
    world.practise(world.pupils[0], A, "---------")
    world.practise(world.pupils[1], A, "-----")
    world.practise(world.pupils[2], A, "+++++")
    (found,) = world.insight.mistakes(world.teacher, world.class_id, COURSE)
    assert (found.misconception, found.point_id, len(found.learners), found.times) == (SLIP, A, 2, 11)
    assert {one.learner_id for one in found.examples} == {one.id for one in found.learners}
    for who in (world.pupils[0], world.other_teacher):
        with pytest.raises((errors.NotFound, errors.Forbidden)):
            world.insight.mistakes(who, world.class_id, COURSE)
        with pytest.raises((errors.NotFound, errors.Forbidden)):
            world.insight.help(who, world.class_id, COURSE)
