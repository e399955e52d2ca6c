"""The verbs of assessment, each bound from the part that owns it."""

from collections.abc import Callable, Mapping, Sequence

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock as kernel_clock
from shuyuan.kernel import db as kernel_db
from shuyuan.learning.assessment.adapting import Adapting
from shuyuan.learning.assessment.answering import Answering
from shuyuan.learning.assessment.assigning import Assigning
from shuyuan.learning.assessment.choosing import Chooser
from shuyuan.learning.assessment.interface import Answered
from shuyuan.learning.assessment.outcomes import Outcomes
from shuyuan.learning.assessment.papers import Papers
from shuyuan.learning.assessment.setting import Setting
from shuyuan.learning.assessment.sittings import Sittings
from shuyuan.learning.courses.interface import Answer, Courses
from shuyuan.learning.people.interface import People
from shuyuan.learning.records.interface import Records, Response
from shuyuan.learning.tracing.interface import Tracing


class AssessmentService:
    """The `Assessment` of one installation."""

    def __init__(
        self,
        db: kernel_db.Database,
        audit: kernel_audit.Audit,
        people: People,
        courses: Courses,
        records: Records,
        tracing: Tracing,
        *,
        clock: kernel_clock.Clock = kernel_clock.now,
    ) -> None:
        self._chooser = Chooser(courses, records, tracing)
        sittings = Sittings(db, people, courses, records, tracing, clock)
        self.start, self.attempt, self.open_attempt = sittings.start, sittings.attempt, sittings.open_attempt
        self.question, self.hint, self.close_attempt = sittings.question, sittings.hint, sittings.close
        self.in_test = sittings.in_test
        self._answering = Answering(db, sittings, courses, records, tracing, clock)
        assigning = Assigning(db, audit, people, courses, sittings, self._chooser, clock)
        self.preview, self.assign, self.undo = assigning.preview, assigning.assign, assigning.undo
        self.assignments, self.assigned_to = assigning.assignments, assigning.assigned_to
        self.start_assignment, self.open_for = assigning.start_assignment, assigning.open_for
        self.papers = Papers(db, audit, courses, assigning, clock).papers
        setting = Setting(db, audit, people, courses, clock)
        self.set_test, self.undo_test, self.test = setting.set_test, setting.undo_test, setting.test
        self.tests, self.tests_for, self.test_stock = setting.tests, setting.tests_for, setting.test_stock
        self._adapting = Adapting(db, sittings, records, clock)
        self.start_test, self.next_of_test = self._adapting.start_test, self._adapting.next_of_test
        outcomes = Outcomes(db, setting, self._adapting, sittings, records)
        self.results, self.result = outcomes.results, outcomes.result

    def answer(
        self,
        principal: Principal,
        attempt_id: str,
        item_id: str,
        answer: Answer,
        *,
        client_key: str,
        seconds: float | None = None,
    ) -> Answered:
        told = self._answering.answer(principal, attempt_id, item_id, answer, client_key=client_key, seconds=seconds)
        return self._adapting.after(principal, told)

    def choose(
        self, principal: Principal, learner_id: str, *, course_id: str, point_id: str, count: int
    ) -> tuple[str, ...]:
        choice = self._chooser.choose(principal, [learner_id], course_id, point_id, count)[learner_id]
        return choice.fitting

    def choose_for(
        self,
        school_id: str,
        learner_id: str,
        *,
        course_id: str,
        point_id: str,
        count: int,
        answers: Sequence[Response],
        predictions: Callable[[Mapping[str, Sequence[str]]], Mapping[str, float]],
    ) -> tuple[str, ...]:
        return self._chooser.choose_for(school_id, learner_id, course_id, point_id, count, answers, predictions).fitting
