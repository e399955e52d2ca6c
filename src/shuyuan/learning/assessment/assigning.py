"""Practice set by a teacher: preview, send, take back; and what a learner does with it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock as kernel_clock
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors, ids
from shuyuan.learning.assessment import assigned, store, words
from shuyuan.learning.assessment.choosing import Choice, Chooser
from shuyuan.learning.assessment.interface import Assignment, Attempt, Preview
from shuyuan.learning.assessment.sittings import Sittings, fresh_seeds
from shuyuan.learning.courses.interface import Courses, Text
from shuyuan.learning.people.interface import People

MAX_LEARNERS = 200
SECOND_PRESS = timedelta(minutes=10)  # of the button, for the same pupils


class Assigning:
    """Assignments of one installation."""

    def __init__(
        self,
        db: kernel_db.Database,
        audit: kernel_audit.Audit,
        people: People,
        courses: Courses,
        sittings: Sittings,
        chooser: Chooser,
        clock: kernel_clock.Clock,
    ) -> None:
        self._db, self._audit, self._people, self._courses = db, audit, people, courses
        self._sittings, self._chooser, self._clock = sittings, chooser, clock

    def preview(
        self,
        principal: Principal,
        *,
        class_id: str,
        learner_ids: Sequence[str],
        course_id: str,
        point_id: str,
        count: int = 6,
    ) -> list[Preview]:
        choices = self.choices(principal, class_id, learner_ids, course_id, point_id, count)
        point, troubles = self._names(principal.school_id, course_id, point_id)
        return [
            Preview(
                who,
                tuple(item.item_id for item in choice.items),
                minutes(choice),
                words.why(choice, point, troubles.get(choice.trouble or "")),
            )
            for who, choice in choices.items()
        ]

    def assign(
        self,
        principal: Principal,
        *,
        class_id: str,
        learner_ids: Sequence[str],
        course_id: str,
        point_id: str,
        count: int = 6,
        due_at: datetime | None = None,
    ) -> Assignment:
        now = self._clock()
        if due_at is not None and (due_at.tzinfo is None or due_at <= now):
            raise errors.BadInput(
                f"due_at is {due_at.isoformat()}", fix="give a time to come, with its time zone", code="due_past"
            )
        choices = self.choices(principal, class_id, learner_ids, course_id, point_id, count)
        items = {who: tuple(item.item_id for item in choice.items) for who, choice in choices.items()}
        made = Assignment(
            ids.new_id(),
            principal.school_id,
            principal.account_id,
            course_id,
            point_id,
            tuple(choices),
            due_at,
            now,
            None,
            items=items,
        )
        self._db.write(lambda uow: self._send(uow, made, class_id))
        return made

    def _refuse_twice(self, conn: Connection, class_id: str, made: Assignment) -> None:
        """The same practice for the same pupils within minutes is a second press of the button. Asked in the unit that
        sets it: both presses may come at once."""
        for one in assigned.of_classes(conn, made.school_id, [class_id]):
            same = (one.point_id, set(one.learner_ids), one.teacher_id) == (
                made.point_id,
                set(made.learner_ids),
                made.teacher_id,
            )
            if same and one.undone_at is None and made.created_at - one.created_at < SECOND_PRESS:
                raise errors.Conflict(
                    "this practice was set a moment ago for the same pupils",
                    fix="take that one back first, or wait ten minutes to set it again",
                    code="already_set",
                )

    def undo(self, principal: Principal, assignment_id: str) -> Assignment:
        """Take it back: nobody can start it any more. Work already started is kept, and `started_by` says whose."""
        class_id, _ = self._found(principal, assignment_id)
        self._teaches(principal, class_id)
        return self._db.write(partial(self._undo, principal, assignment_id))

    def assignments(self, principal: Principal, *, class_id: str | None = None) -> list[Assignment]:
        principal.require("teacher", "admin")
        classes = self._people.classes(principal) if class_id is None else [self._people.class_(principal, class_id)]
        with self._db.read() as conn:
            return assigned.of_classes(conn, principal.school_id, [one.id for one in classes])

    def assigned_to(self, principal: Principal, learner_id: str) -> list[Assignment]:
        if learner_id != principal.account_id:
            if principal.role not in ("teacher", "admin"):
                raise errors.NotFound(f"no learner {learner_id}", fix="a learner sees their own assignments only")
            self._people.learner(principal, learner_id)
        with self._db.read() as conn:
            return assigned.of_learner(conn, principal.school_id, learner_id)

    def open_for(self, conn: Connection, principal: Principal, learner_id: str) -> list[Assignment]:
        if learner_id != principal.account_id and principal.role not in ("teacher", "admin"):
            raise errors.NotFound(f"no learner {learner_id}", fix="a learner sees their own assignments only")
        return assigned.open_of(conn, principal.school_id, learner_id)

    def start_assignment(self, principal: Principal, assignment_id: str) -> Attempt:
        """The caller's attempt at it: a new one, or the one already begun."""
        attempt_id = self._db.write(partial(self._start, principal, assignment_id))
        return self._sittings.attempt(principal, attempt_id)

    def choices(
        self,
        principal: Principal,
        class_id: str,
        learner_ids: Sequence[str],
        course_id: str,
        point_id: str,
        count: int,
    ) -> dict[str, Choice]:
        """What each learner would get. Raises NotFound for a class or learner that is not the teacher's."""
        self._teaches(principal, class_id)
        wanted = list(dict.fromkeys(learner_ids))
        if not 1 <= len(wanted) <= MAX_LEARNERS:
            raise errors.BadInput(f"{len(wanted)} learners", fix=f"choose 1 to {MAX_LEARNERS} of the class")
        members = {learner.id for learner in self._people.learners(principal, class_id)}
        for learner_id in wanted:
            if learner_id not in members:
                raise errors.NotFound(f"learner {learner_id} is not in this class", fix="choose from its list")
        return self._chooser.choose(principal, wanted, course_id, point_id, count)

    def _teaches(self, principal: Principal, class_id: str) -> None:
        principal.require("teacher", "admin")
        self._people.class_(principal, class_id)

    def _names(self, school_id: str, course_id: str, point_id: str) -> tuple[Text, dict[str, Text]]:
        course = self._courses.course(school_id, course_id)
        point = next(one.name for one in course.points if one.id == point_id)
        return point, {one.id: one.name for one in course.misconceptions}

    def _found(self, principal: Principal, assignment_id: str) -> tuple[str, Assignment]:
        with self._db.read() as conn:
            found = assigned.find(conn, principal.school_id, assignment_id)
        if found is None:
            raise _unknown(assignment_id)
        return found

    def _send(self, uow: kernel_db.UnitOfWork, made: Assignment, class_id: str) -> None:
        self._refuse_twice(uow.conn, class_id, made)
        assigned.insert(uow.conn, made, class_id)
        self._audit.record(
            uow,
            school_id=made.school_id,
            actor_id=made.teacher_id,
            action="practice.set",
            object_id=made.id,
            class_id=class_id,
            learners=len(made.learner_ids),
            point_id=made.point_id,
        )

    def _undo(self, principal: Principal, assignment_id: str, uow: kernel_db.UnitOfWork) -> Assignment:
        found = assigned.find(uow.conn, principal.school_id, assignment_id)
        if found is None:
            raise _unknown(assignment_id)
        made, now = found[1], self._clock()
        if made.undone_at is not None:
            raise errors.Conflict("this assignment was already taken back", fix="nothing remains to be done")
        if made.due_at is not None and made.due_at <= now:
            raise errors.Conflict("this assignment is past its due time", fix="set a new one instead")
        assigned.undo(uow.conn, assignment_id, now)
        self._audit.record(
            uow,
            school_id=made.school_id,
            actor_id=principal.account_id,
            action="practice.taken_back",
            object_id=assignment_id,
            started=len(made.started_by),
        )
        return replace(made, undone_at=now)

    def _start(self, principal: Principal, assignment_id: str, uow: kernel_db.UnitOfWork) -> str:
        mine = assigned.lock_one(uow.conn, principal.school_id, assignment_id, principal.account_id)
        if mine is None:
            raise _unknown(assignment_id)
        if mine.attempt_id is not None:
            return str(mine.attempt_id)
        if mine.undone_at is not None:
            raise errors.Conflict("the teacher has taken this assignment back", fix="choose something else to do")
        sitting = store.new_sitting(
            principal.school_id,
            principal.account_id,
            "practice",
            mine.course_id,
            mine.item_ids,
            fresh_seeds(len(mine.item_ids)),
        )
        self._sittings.open(sitting, mine.point_id, assignment_id, uow)
        assigned.started(uow.conn, assignment_id, principal.account_id, sitting.id)
        return sitting.id


def minutes(choice: Choice) -> int:
    """Whole minutes the questions take, at least one."""
    return max(1, round(sum(item.minutes for item in choice.items)))


def _unknown(assignment_id: str) -> errors.NotFound:
    return errors.NotFound(f"no assignment {assignment_id}", fix="open the list of assignments again")
