"""The verbs of assessment, each bound from the part that owns it."""

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock as kernel_clock
from shuyuan.kernel import db as kernel_db
from shuyuan.learning.assessment.answering import Answering
from shuyuan.learning.assessment.assigning import Assigning
from shuyuan.learning.assessment.choosing import Chooser
from shuyuan.learning.assessment.papers import Papers
from shuyuan.learning.assessment.sittings import Sittings
from shuyuan.learning.courses.interface import Courses
from shuyuan.learning.people.interface import People
from shuyuan.learning.records.interface import Records
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
        self.answer = Answering(db, sittings, courses, records, tracing, clock).answer
        assigning = Assigning(db, audit, people, courses, sittings, self._chooser, clock)
        self.preview, self.assign, self.undo = assigning.preview, assigning.assign, assigning.undo
        self.assignments, self.assigned_to = assigning.assignments, assigning.assigned_to
        self.start_assignment = assigning.start_assignment
        self.papers = Papers(db, audit, courses, assigning, clock).papers

    def choose(
        self, principal: Principal, learner_id: str, *, course_id: str, point_id: str, count: int
    ) -> tuple[str, ...]:
        choice = self._chooser.choose(principal, [learner_id], course_id, point_id, count)[learner_id]
        return tuple(item.item_id for item in choice.items[: choice.fresh] or choice.items)
