"""Adaptive tests as a teacher sets them: which topics, how long, how sure; listed, and taken back."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock as kernel_clock
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors, ids
from shuyuan.learning.assessment import adaptivestore, analysing, bankstore, itembank, planning
from shuyuan.learning.assessment.assigning import SECOND_PRESS
from shuyuan.learning.assessment.calibrating import Number
from shuyuan.learning.assessment.interface import AdaptiveTest
from shuyuan.learning.assessment.sittings import fresh_seeds
from shuyuan.learning.courses.interface import Courses, Item
from shuyuan.learning.people.interface import People

MOST_LEARNERS = 200


class Setting:
    """Adaptive tests of one installation."""

    def __init__(
        self,
        db: kernel_db.Database,
        audit: kernel_audit.Audit,
        people: People,
        courses: Courses,
        clock: kernel_clock.Clock,
    ) -> None:
        self._db, self._audit, self._people, self._courses, self._clock = db, audit, people, courses, clock

    def set_test(
        self,
        principal: Principal,
        *,
        class_id: str,
        learner_ids: Sequence[str],
        course_id: str,
        point_ids: Sequence[str],
        least: int = 5,
        most: int = 16,
        each: int = 1,
        error: float | None = 0.4,
        due_at: datetime | None = None,
    ) -> AdaptiveTest:
        """See Assessment.set_test."""
        learners = self._members(principal, class_id, learner_ids)
        now = self._clock()
        if due_at is not None and (due_at.tzinfo is None or due_at <= now):
            raise errors.BadInput(
                f"due_at is {due_at.isoformat()}", fix="give a time to come, with its time zone", code="due_past"
            )
        points = self._points(principal.school_id, course_id, point_ids)
        bank = self._bank(principal.school_id, course_id, points)
        made = AdaptiveTest(
            ids.new_id(),
            principal.school_id,
            class_id,
            principal.account_id,
            course_id,
            tuple(points),
            tuple(learners),
            least,
            most,
            each,
            error,
            len(bank),
            due_at,
            now,
            None,
        )
        planning.check(made, bank)
        self._db.write(lambda uow: self._send(uow, made, bank))
        return made

    def undo_test(self, principal: Principal, test_id: str) -> AdaptiveTest:
        """Nobody can begin it any more; sittings under way go on, and what was answered is kept."""
        self.test(principal, test_id)
        return self._db.write(partial(self._undo, principal, test_id))

    def test(self, principal: Principal, test_id: str) -> AdaptiveTest:
        """One test: for a teacher of its class, and whoever sits it."""
        with self._db.read() as conn:
            found = adaptivestore.find(conn, principal.school_id, test_id)
        if found is None or (principal.role == "student" and principal.account_id not in found.learner_ids):
            raise unknown(test_id)
        if principal.role == "student":
            return _own(found, principal.account_id)
        self._teaches(principal, found.class_id)
        return found

    def still_here(self, principal: Principal, test: AdaptiveTest) -> frozenset[str]:
        """Those of a test who are in its class today."""
        members = {one.id for one in self._people.learners(principal, test.class_id)}
        return frozenset(members.intersection(test.learner_ids))

    def tests(self, principal: Principal, class_id: str) -> list[AdaptiveTest]:
        """See Assessment.tests."""
        self._teaches(principal, class_id)
        with self._db.read() as conn:
            return adaptivestore.of_class(conn, principal.school_id, class_id)

    def tests_for(self, principal: Principal, learner_id: str) -> list[AdaptiveTest]:
        """See Assessment.tests_for."""
        self._people.learner(principal, learner_id)
        with self._db.read() as conn:
            found = adaptivestore.of_learner(conn, principal.school_id, learner_id)
        return [_own(one, learner_id) for one in found]

    def _teaches(self, principal: Principal, class_id: str) -> None:
        principal.require("teacher", "admin")
        self._people.class_(principal, class_id)

    def _members(self, principal: Principal, class_id: str, learner_ids: Sequence[str]) -> list[str]:
        self._teaches(principal, class_id)
        wanted = list(dict.fromkeys(learner_ids))
        if not 1 <= len(wanted) <= MOST_LEARNERS:
            raise errors.BadInput(f"{len(wanted)} learners", fix=f"choose 1 to {MOST_LEARNERS} of the class")
        members = {one.id for one in self._people.learners(principal, class_id)}
        for learner_id in wanted:
            if learner_id not in members:
                raise errors.NotFound(f"learner {learner_id} is not in this class", fix="choose from its list")
        return wanted

    def _points(self, school_id: str, course_id: str, point_ids: Sequence[str]) -> list[str]:
        known = [one.id for one in self._courses.graph(school_id, course_id).points]
        for point_id in point_ids:
            if point_id not in known:
                raise errors.NotFound(
                    f"course {course_id} has no point {point_id[:80]}", fix="use points of this course"
                )
        if not point_ids:
            raise errors.BadInput("no topic was chosen", fix="choose at least one")
        return [one for one in known if one in set(point_ids)]

    def test_stock(self, principal: Principal, course_id: str) -> dict[str, int]:
        """See Assessment.test_stock."""
        principal.require("teacher", "admin")
        points = [one.id for one in self._courses.graph(principal.school_id, course_id).points]
        bank = self._bank(principal.school_id, course_id, points)
        stock = Counter(points[row[4]] for row in bank)
        return {point: stock[point] for point in points}

    def _bank(self, school_id: str, course_id: str, points: Sequence[str]) -> list[planning.Row]:
        """What may be asked: every question that is about one of these points, its first (what else it needs may not be
        among them), apart from those that tell strong from weak wrongly."""
        with self._db.read() as conn:
            known = bankstore.numbers(conn, school_id, course_id)
        of_point: dict[str, list[str]] = {}
        items: list[Item] = []
        for point in points:
            there = (self._courses.item(school_id, one) for one in self._courses.items_of_point(school_id, point))
            about = [one for one in there if one.points[0] == point and _sound(known.get(one.id))]
            of_point[point] = [one.id for one in about]
            items += about
        return planning.rows(of_point, itembank.numbers_of(items, known))

    def _send(self, uow: kernel_db.UnitOfWork, made: AdaptiveTest, bank: Sequence[planning.Row]) -> None:
        if any(_is_same(one, made) for one in adaptivestore.of_class(uow.conn, made.school_id, made.class_id)):
            raise errors.Conflict(
                "this test was set a moment ago for the same pupils",
                fix="take that one back first, or wait ten minutes to set it again",
                code="already_set",
            )
        adaptivestore.insert(uow.conn, made, bank, fresh_seeds(len(made.learner_ids)))
        self._audit.record(
            uow,
            school_id=made.school_id,
            actor_id=made.teacher_id,
            action="test.set",
            object_id=made.id,
            class_id=made.class_id,
            learners=len(made.learner_ids),
            questions=len(bank),
        )

    def _undo(self, principal: Principal, test_id: str, uow: kernel_db.UnitOfWork) -> AdaptiveTest:
        made = adaptivestore.find(uow.conn, principal.school_id, test_id)
        if made is None:
            raise unknown(test_id)
        if made.undone_at is not None:
            raise errors.Conflict("this test was already taken back", fix="nothing remains to be done")
        now = self._clock()
        adaptivestore.undo(uow.conn, test_id, now)
        self._audit.record(
            uow,
            school_id=made.school_id,
            actor_id=principal.account_id,
            action="test.taken_back",
            object_id=test_id,
            started=len(made.attempts),
        )
        return replace(made, undone_at=now)


def unknown(test_id: str) -> errors.NotFound:
    """What is told of a test that is not there, or not for the caller."""
    return errors.NotFound(f"no adaptive test {test_id[:80]}", fix="open the list of tests again")


def _is_same(one: AdaptiveTest, made: AdaptiveTest) -> bool:
    """Whether one of the two is a second press of the button."""
    what = ((each.teacher_id, set(each.point_ids), set(each.learner_ids)) for each in (one, made))
    return next(what) == next(what) and one.undone_at is None and made.created_at - one.created_at < SECOND_PRESS


def _own(test: AdaptiveTest, learner_id: str) -> AdaptiveTest:
    """As one learner may see it: the others stay unnamed."""
    mine = {who: attempt for who, attempt in test.attempts.items() if who == learner_id}
    return replace(test, learner_ids=(learner_id,), attempts=mine)


def _sound(number: Number | None) -> bool:
    return number is None or not analysing.tells_wrongly(number.rest, number.answers)
