"""Question numbers are fitted at night on agreed answers; teachers read them in words, with what was chosen instead."""

import random
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from tests.learning.assessment.world import COURSE, SLIP, A, B, World

from shuyuan.kernel import errors, settings
from shuyuan.learning.assessment import analysing, favouring, itembank
from shuyuan.learning.assessment.calibrating import Number
from shuyuan.learning.assessment.interface import CourseAnalysis
from shuyuan.learning.courses.interface import PointGraph
from shuyuan.learning.people.interface import AgeBand, Learner
from shuyuan.learning.records.interface import Response

NIGHT, NOON = datetime(2026, 3, 3, 14, tzinfo=UTC), datetime(2026, 3, 3, 4, tzinfo=UTC)  # 22:00 and 12:00 in Shanghai


class Office:
    """People and identity as the item bank asks them: who agreed, and until when an exam runs."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.exam: datetime | None = None
        self.agreed = frozenset(one.account_id for one in world.pupils)

    def exam_until(self, school_id: str) -> datetime | None:
        return self.exam

    def consented(self, school_id: str, purpose: str) -> frozenset[str]:
        return self.agreed

    def __getattr__(self, name: str) -> Any:
        return getattr(self.world.people, name)


class Shelf:
    """The world's courses, listed."""

    def __init__(self, world: World) -> None:
        self.inner = world.courses
        self.latin = ""  # a second course: "there", or "broken"

    def courses(self, school_id: str) -> tuple[Any, ...]:
        return (self.inner.made, *([SimpleNamespace(id="latin")] if self.latin else []))

    def graph(self, school_id: str, course_id: str) -> PointGraph:
        if course_id != "latin":
            return self.inner.graph(school_id, course_id)
        if self.latin == "broken":
            raise RuntimeError("the machine went down")
        return PointGraph(course_id=course_id, points=())

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@pytest.fixture
def office(world: World) -> Office:
    return Office(world)


def bank_of(world: World, office: Any, now: datetime = NIGHT, shelf: Shelf | None = None) -> itembank.ItemBankService:
    given: Any = office
    courses: Any = shelf or Shelf(world)
    told = settings.Settings(timezone="Asia/Shanghai")
    return itembank.ItemBankService(
        world.database, world.audit, given, given, courses, world.records, told, clock=lambda: now
    )


def of_item(seen: CourseAnalysis, item_id: str) -> Any:
    return next(one for one in seen.items if one.item_id == item_id)


def test_before_the_first_night_every_question_says_it_has_too_few_answers(world: World, office: Office) -> None:
    seen = bank_of(world, office).analysis(world.teacher, COURSE)
    assert (seen.calibrated, seen.groups, len(seen.items)) == (None, (), 36)
    assert {(one.hard, one.telling, one.fit, one.flags) for one in seen.items} == {("unknown",) * 3 + ((),)}
    one = bank_of(world, office).analysis(world.teacher, COURSE, point_id=B)
    assert len(one.items) == 12
    with pytest.raises(errors.NotFound, match="no point"):
        bank_of(world, office).analysis(world.teacher, COURSE, point_id="algebra.zz")


def test_a_calibration_keeps_numbers_for_every_question_and_uses_first_meetings_of_who_agreed(
    world: World, office: Office
) -> None:
    for pupil in world.pupils:
        world.practise(pupil, A, "+" * 12)
        world.practise(pupil, A, "-" * 12)  # the second meeting does not count
    office.agreed = frozenset(one.account_id for one in world.pupils[:4])
    bank = bank_of(world, office)
    (made,) = bank.calibrate(world.school)
    assert (made.learners, made.answers, made.items, made.fitted) == (4, 48, 36, 0)
    seen = bank.analysis(world.teacher, COURSE)
    assert seen.calibrated == made
    assert of_item(seen, f"{A}-00").share_right == 1.0
    assert not any(one.fitted for one in seen.items)


def test_it_is_due_at_night_after_enough_answers_once_a_night_and_never_in_an_exam(
    world: World, office: Office
) -> None:
    assert bank_of(world, office).calibrate_if_due(world.school) == []
    for pupil in world.pupils:
        world.practise(pupil, A, "+-" * 12)
    office.exam = NIGHT + timedelta(hours=1)
    assert bank_of(world, office, NOON).calibrate_if_due(world.school) == []
    assert bank_of(world, office).calibrate_if_due(world.school) == []
    office.exam = None
    assert len(bank_of(world, office).calibrate_if_due(world.school)) == 1
    for pupil in world.pupils:
        world.practise(pupil, B, "+-" * 12)
    assert bank_of(world, office).calibrate_if_due(world.school) == []
    assert bank_of(world, office, NOON + timedelta(days=1)).calibrate_if_due(world.school) == [], (
        "a night may still come"
    )
    assert len(bank_of(world, office, NIGHT + timedelta(days=1)).calibrate_if_due(world.school)) == 1


def test_it_is_done_by_day_where_no_night_came(world: World, office: Office) -> None:
    for pupil in world.pupils:
        world.practise(pupil, A, "+-" * 12)
    assert len(bank_of(world, office, NOON).calibrate_if_due(world.school)) == 1, "it never ran"
    for pupil in world.pupils:
        world.practise(pupil, B, "+-" * 12)
    late = NOON + timedelta(days=3)
    assert len(bank_of(world, office, late).calibrate_if_due(world.school)) == 1


def test_a_night_that_broke_off_between_two_courses_is_made_up_for_the_next(world: World, office: Office) -> None:
    shelf = Shelf(world)
    shelf.latin = "broken"
    for pupil in world.pupils:
        world.practise(pupil, A, "+-" * 12)
    with pytest.raises(RuntimeError):
        bank_of(world, office, shelf=shelf).calibrate_if_due(world.school)
    shelf.latin = "there"
    made = bank_of(world, office, NIGHT + timedelta(days=1), shelf).calibrate_if_due(world.school)
    assert [one.course_id for one in made] == [COURSE, "latin"]
    assert bank_of(world, office, NIGHT + timedelta(days=2), shelf).calibrate_if_due(world.school) == []


def test_what_was_chosen_is_counted_by_choice_or_by_known_mistake(world: World, office: Office) -> None:
    world.practise(world.pupils[0], A, "----")
    world.practise(world.pupils[1], A, "+++-")
    seen = bank_of(world, office).analysis(world.teacher, COURSE)
    choice = of_item(seen, f"{A}-01")
    assert [(one.choice, one.times, one.misconception) for one in choice.chosen] == [("r", 1, None), ("w", 1, SLIP)]
    assert choice.by_chance == 0.5
    written = of_item(seen, f"{A}-00")
    assert [(one.choice, one.times, one.by_strong) for one in written.chosen] == [("", 1, 1), (SLIP, 1, 0)]


def test_only_a_teacher_reads_it_and_only_of_their_own_learners(world: World, office: Office) -> None:
    world.practise(world.pupils[0], A, "++")
    bank = bank_of(world, office)
    with pytest.raises(errors.Forbidden):
        bank.analysis(world.pupils[0], COURSE)
    assert of_item(bank.analysis(world.other_teacher, COURSE), f"{A}-00").answers == 0


def number(rest: float | None, answers: int = 200, infit: float = 1.0) -> Number:
    return Number(1.0, 0.0, 0.0, 0.1, 0.1, answers, fitted=True, infit=infit, outfit=1.0, rest=rest)


@pytest.mark.parametrize(
    ("rest", "answers", "word"),
    [(0.4, 200, "well"), (0.1, 200, "somewhat"), (0.0, 200, "hardly"), (-0.3, 200, "wrongly"), (-0.3, 20, "hardly")],
)
def test_a_question_tells_in_words_and_is_not_condemned_by_chance(
    world: World, rest: float, answers: int, word: str
) -> None:
    seen = analysing.analysis(world.courses.items[f"{A}-01"], number(rest, answers), [], {})
    assert seen.telling == word
    assert ("check the key" in seen.flags) == (word == "wrongly")


def test_a_question_that_fits_badly_is_flagged(world: World) -> None:
    seen = analysing.analysis(world.courses.items[f"{A}-01"], number(0.3, infit=1.4), [], {})
    assert (seen.fit, "answers look like chance" in seen.flags) == ("noisy", True)


def pupils_of_two_bands(each: int) -> tuple[list[Learner], list[Response]]:
    """Of equal ability; the younger ones get question 0 wrong."""
    learners, answers = [], []
    bands: tuple[AgeBand, AgeBand] = ("13_15", "under_13")
    for n in range(2 * each):
        band = bands[n % 2]
        learners.append(Learner(f"l{n}", "s", "c", str(n), "", band, True, frozenset({"learning", "improvement"})))
        for item in range(6):
            right = (n // 2 + item) % 3 > 0 and not (item == 0 and n % 2 and (n // 2) % 5)
            answers.append(response(f"l{n}", f"x.{item}", right))
    return learners, answers


def response(who: str, item: str, right: bool) -> Response:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Response("", "s", who, "", item, ("p",), 1, "", right, None, 0, None, None, None, "", at)


def test_groups_are_compared_only_when_known_agreed_and_large_enough() -> None:
    learners, answers = pupils_of_two_bands(80)
    items = [f"x.{n}" for n in range(6)]
    groups, found, compared = favouring.favours(learners, answers, items)
    assert set(groups) == {"13_15", "under_13"}
    assert compared > 1
    assert [(one.harder, one.size) for one in found["x.0"]] == [(groups[1] == "under_13", "C")]
    assert favouring.favours(learners[:90], answers, items) == ((), {}, 0)
    silent = [Learner(**{**vars(one), "consent": frozenset({"learning"})}) for one in learners]
    assert favouring.favours(silent, answers, items) == ((), {}, 0)


def test_where_hardly_two_learners_are_of_equal_score_no_question_counts_as_compared() -> None:
    learners, _ = pupils_of_two_bands(60)
    dice = random.Random(4)
    answers = [
        response(one.id, f"x.{item}", dice.random() < 0.6)
        for one in learners
        for item in dice.sample(range(60), dice.randrange(20, 40))
    ]
    groups, found, compared = favouring.favours(learners, answers, [f"x.{n}" for n in range(60)])
    assert (len(groups), compared, found) == (2, 0, {})
