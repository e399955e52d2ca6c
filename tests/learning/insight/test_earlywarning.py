"""The early warning of a school: fitted on its own weeks, told to the teachers of the class, dismissed by them."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.learning.assessment.world import COURSE, A, B, World

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors, ids, outbox
from shuyuan.kernel.settings import Settings
from shuyuan.learning.insight import store, warning, weeks
from shuyuan.learning.insight.earlywarning import EarlyWarningService

MODEL = warning.Model(0.0, (-1.0, 0, 0, 0.5, -0.5, 0, 0, 0), (0.0,) * 8, (0.1,) + (1.0,) * 7, 0.0, 1.0)


class School(World):
    """The small school with an early warning; everybody agreed to improvement, unless taken out of `agreed`."""

    def __init__(self, database: Any, vault: Any) -> None:  # Any: fixtures
        super().__init__(database, vault)
        self.agreed = {one.account_id for one in self.pupils}
        self.exam: datetime | None = None
        cast(Any, self.people).consented = lambda school_id, purpose: frozenset(self.agreed)
        identity: Any = SimpleNamespace(exam_until=lambda school_id: self.exam)
        people: Any = self.people
        self.warnings = EarlyWarningService(
            database, self.audit, identity, people, self.records, self.assessment, Settings(), clock=self.clock
        )

    def keep(self, model: warning.Model) -> None:
        """As if it had been fitted and found good."""
        there = warning.evidence([])
        values = {"model": model.to_json(), "trust": {}, "evidence": vars(there), "made_at": self.now}
        self.database.write(lambda uow: store.put_model(uow.conn, self.school, values))

    def three_weeks(self) -> None:
        """Everybody works once a week; it is the day before a fourth time."""
        for days in (7, 7, 6):
            for pupil in self.pupils:
                self.practise(pupil, A, "+++--+")
            self.later(days=days)

    def warned(self, who: Principal) -> list[str]:
        """Numbers of the pupils who are warned of, as this person sees it."""
        return [one.learner.number for one in self.warnings.of_class(who, self.class_id, COURSE).warned]


@pytest.fixture
def school(database: Any, vault: Any) -> School:  # Any: fixtures of the root
    return School(database, vault)


def test_with_too_little_evidence_only_the_rules_stand_and_it_says_how_much_there_is(school: School) -> None:
    before = school.warnings.of_class(school.teacher, school.class_id, COURSE)
    assert (before.until, before.warned, before.evidence) == (None, (), None)
    school.three_weeks()
    there = school.warnings.renew(school.school)
    assert (there.weeks, there.learners, there.enough) == (1, 6, False)  # one had a week before it, and is over
    after = school.warnings.of_class(school.teacher, school.class_id, COURSE)
    assert (after.until, after.warned, after.evidence, after.trust) == (None, (), there, None)


def test_who_did_not_agree_to_improvement_is_in_no_row_of_the_fit(school: School) -> None:
    school.three_weeks()
    school.agreed.remove(school.pupils[0].account_id)
    assert school.warnings.renew(school.school).learners == 5


def test_a_warning_has_counted_reasons_an_end_and_teachers_of_the_class_as_its_only_readers(school: School) -> None:
    school.keep(MODEL)
    for pupil in school.pupils[1:]:
        school.practise(pupil, A, "++++++++++")
    school.practise(school.pupils[0], A, "+---------")
    seen = school.warnings.of_class(school.teacher, school.class_id, COURSE)
    (risk,) = seen.warned
    assert risk.learner.id == school.pupils[0].account_id
    assert risk.chance > 0.9
    assert (risk.because[0].fact, risk.because[0].mine) == ("right", 0.1)
    assert risk.because[0].usual == pytest.approx(51 / 60)
    assert seen.until is not None
    assert seen.until - school.now <= weeks.WEEK
    with pytest.raises(errors.NotFound):
        school.warned(school.other_teacher)
    for who in (school.pupils[0], school.stranger, Principal(ids.new_id(), school.school, "admin")):
        with pytest.raises(errors.Forbidden):
            school.warned(who)
        with pytest.raises(errors.Forbidden):
            school.warnings.dismiss(who, school.class_id, COURSE, school.pupils[0].account_id)
    with pytest.raises(errors.Forbidden):
        school.warnings.trust(school.teacher)


def test_what_a_teacher_dismissed_is_not_said_again_that_week_and_goes_with_an_erased_learner(school: School) -> None:
    school.keep(MODEL)
    mine = school.pupils[0].account_id
    for pupil in school.pupils[1:]:
        school.practise(pupil, A, "++++++++++")
    school.practise(school.pupils[0], A, "+---------")
    with pytest.raises(errors.NotFound):
        school.warnings.dismiss(school.other_teacher, school.class_id, COURSE, mine)
    with pytest.raises(errors.NotFound):
        school.warnings.dismiss(school.teacher, school.class_id, COURSE, ids.new_id())
    school.warnings.dismiss(school.teacher, school.class_id, COURSE, mine)
    assert school.warned(school.teacher) == []
    school.later(days=7, minutes=1)
    assert school.warned(school.teacher) == ["00"]
    school.warnings.dismiss(school.teacher, school.class_id, COURSE, mine)
    erased = cast(outbox.Event, SimpleNamespace(school_id=school.school, subject_id=mine))
    school.warnings.forget(erased)
    assert school.warned(school.teacher) == ["00"]


def test_nobody_is_warned_of_before_anybody_has_answered_or_by_another_course(school: School) -> None:
    school.keep(MODEL)
    assert school.warned(school.teacher) == []
    school.practise(school.pupils[0], B, "---------")
    assert school.warnings.of_class(school.teacher, school.class_id, "geometry").warned == ()


def test_it_is_fitted_at_night_once_a_week_and_never_in_an_exam(school: School) -> None:
    school.now = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # noon in the school
    assert not school.warnings.renew_if_due(school.school)
    school.later(hours=12)
    school.exam = school.now + timedelta(hours=1)
    assert not school.warnings.renew_if_due(school.school)
    school.exam = None
    assert school.warnings.renew_if_due(school.school)
    assert not school.warnings.renew_if_due(school.school)
    school.later(days=1, minutes=1)  # without a model: every night
    assert school.warnings.renew_if_due(school.school)
    school.keep(MODEL)
    school.later(days=6)
    assert not school.warnings.renew_if_due(school.school)


def test_it_is_fitted_by_day_where_no_night_came_and_there_are_answers(school: School) -> None:
    school.practise(school.pupils[0], A, "---------")
    school.now = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # noon in the school
    school.exam = school.now + timedelta(hours=1)
    assert not school.warnings.renew_if_due(school.school)
    school.exam = None
    assert school.warnings.renew_if_due(school.school), "it never ran"
    school.later(days=1)
    assert not school.warnings.renew_if_due(school.school), "a night may still come"
    school.later(days=1)
    assert school.warnings.renew_if_due(school.school)
