"""Sitting an adaptive test: begin, and each next question after the answer before it.

The next question is chosen in a unit of its own, under the lock of the learner's seat, after the answer is stored:
whoever comes second (another tab, a reload after a crash) finds it chosen. An answered question is not asked again.
"""

from dataclasses import replace
from functools import partial

from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock as kernel_clock
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors, ids
from shuyuan.learning.assessment import adaptivestore, bankstore, planning, store
from shuyuan.learning.assessment.interface import Answered, Attempt
from shuyuan.learning.assessment.setting import unknown
from shuyuan.learning.assessment.sittings import Sittings, fresh_seeds
from shuyuan.learning.records.interface import Records

KEPT_PLANS = 64  # about 1 MB each


class Adapting:
    """Adaptive tests as they are sat."""

    def __init__(self, db: kernel_db.Database, sittings: Sittings, records: Records, clock: kernel_clock.Clock) -> None:
        self._db, self._sittings, self._records, self._clock = db, sittings, records, clock
        self._plans: dict[tuple[str, str], planning.Plan] = {}

    def start_test(self, principal: Principal, test_id: str) -> Attempt:
        """The caller's sitting, its next question chosen."""
        plan = self.plan(principal.school_id, test_id)
        attempt_id = self._db.write(partial(self._start, principal, test_id, plan))
        self.next_of_test(principal, attempt_id)
        return self._sittings.attempt(principal, attempt_id)

    def next_of_test(self, principal: Principal, attempt_id: str) -> str | None:
        """The question that waits; chosen now if none does, None when the test is over."""
        sitting = self._sittings.own(principal, attempt_id)
        if sitting.adaptive_id is None:
            raise errors.BadInput(f"attempt {attempt_id} is no adaptive test", fix="ask for one of its own questions")
        plan = self.plan(sitting.school_id, sitting.adaptive_id)
        return self._db.write(partial(self._next, sitting, sitting.adaptive_id, plan))

    def after(self, principal: Principal, told: Answered) -> Answered:
        """In an adaptive test, an answer is followed by the choice of the next question."""
        if not told.saved or self._sittings.own(principal, told.attempt_id).adaptive_id is None:
            return told
        return replace(told, next_item_id=self.next_of_test(principal, told.attempt_id))

    def plan(self, school_id: str, test_id: str) -> planning.Plan:
        """The test as it was set; made once and kept."""
        key = (school_id, test_id)
        if (kept := self._plans.get(key)) is not None:
            return kept
        with self._db.read() as conn:
            test = adaptivestore.find(conn, school_id, test_id)
            if test is None:
                raise unknown(test_id)
            plan = planning.Plan.of(test, adaptivestore.bank(conn, school_id, test_id))
        while len(self._plans) >= KEPT_PLANS:
            self._plans.pop(next(iter(self._plans)), None)
        self._plans[key] = plan
        return plan

    def _start(self, principal: Principal, test_id: str, plan: planning.Plan, uow: kernel_db.UnitOfWork) -> str:
        school_id, learner_id = principal.school_id, principal.account_id
        seat = adaptivestore.lock_seat(uow.conn, school_id, test_id, learner_id)
        test = adaptivestore.find(uow.conn, school_id, test_id)
        if seat is None or test is None:
            raise unknown(test_id)
        if seat.attempt_id is not None:
            return str(seat.attempt_id)
        if test.undone_at is not None:
            raise errors.Conflict("the teacher has taken this test back", fix="choose something else to do")
        if test.due_at is not None and test.due_at <= self._clock():
            raise errors.Conflict("this test is past its due time", fix="ask your teacher to set it again")
        sitting = store.Sitting(ids.new_id(), school_id, learner_id, "test", test.course_id, {}, test_id)
        self._sittings.open(sitting, test.point_ids[0] if len(test.point_ids) == 1 else None, None, uow)
        counts = _exposure(bankstore.exposures(uow.conn, school_id, plan.item_ids), plan.item_ids)
        bankstore.offered(uow.conn, school_id, plan.item_ids)
        adaptivestore.change_seat(uow.conn, test_id, learner_id, attempt_id=sitting.id, exposure=counts)
        return sitting.id

    def _next(self, sitting: store.Sitting, test_id: str, plan: planning.Plan, uow: kernel_db.UnitOfWork) -> str | None:
        standing = store.standing(uow.conn, sitting.school_id, sitting.id)
        seat = adaptivestore.lock_seat(uow.conn, sitting.school_id, test_id, sitting.learner_id)
        if seat is None or self._over(uow, sitting):
            return None
        if (waiting := next((one for one, slot in standing.slots.items() if not slot.tries), None)) is not None:
            return waiting
        answered = [(one.item_id, one.correct) for one in self._records.last_of_attempt(uow, sitting.id)]
        sat = plan.sitting(seat.seed, (seat.exposure[0], seat.exposure[1]), answered)
        place = sat.next()
        if place is None:
            adaptivestore.change_seat(uow.conn, test_id, sitting.learner_id, ended=sat.ended)
            self._sittings.close_inside(sitting, uow)
            return None
        return self._asked(uow, sitting, plan.item_ids[place], len(standing.slots))

    def _over(self, uow: kernel_db.UnitOfWork, sitting: store.Sitting) -> bool:
        """Apart from the standing, which says nothing of an attempt that has no question yet."""
        found = store.find(uow.conn, sitting.school_id, sitting.id)
        return found is None or found.closed_at is not None

    def _asked(self, uow: kernel_db.UnitOfWork, sitting: store.Sitting, item_id: str, position: int) -> str:
        (seed,) = fresh_seeds(1)
        adaptivestore.add_slot(uow.conn, sitting.school_id, sitting.id, item_id, position, seed)
        bankstore.given(uow.conn, sitting.school_id, item_id)
        kept = store.sitting_of(self._found(uow, sitting))
        uow.after_commit(lambda: self._sittings.keep(kept))
        return item_id

    def _found(self, uow: kernel_db.UnitOfWork, sitting: store.Sitting) -> Attempt:
        found = store.find(uow.conn, sitting.school_id, sitting.id)
        if found is None:
            raise errors.NotFound(f"no attempt {sitting.id}", fix="start the test again")
        return found


def _exposure(counts: dict[str, tuple[int, int]], item_ids: tuple[str, ...]) -> list[object]:
    """[sittings, times given]: as if every question had been on offer as often as the one that was most often."""
    sittings = max((offered for offered, _ in counts.values()), default=0)
    shares = [counts.get(item, (0, 0)) for item in item_ids]
    return [sittings, [round(sittings * given / offered) if offered else 0 for offered, given in shares]]
