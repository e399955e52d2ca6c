"""How the learners of an adaptive test stand: computed from their answers whenever somebody looks."""

from typing import Literal

from shuyuan.identity.interface import Principal
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors
from shuyuan.learning.assessment import adaptivestore
from shuyuan.learning.assessment.adapting import Adapting
from shuyuan.learning.assessment.interface import AdaptiveResult
from shuyuan.learning.assessment.planning import Answer
from shuyuan.learning.assessment.setting import Setting, unknown
from shuyuan.learning.assessment.sittings import Sittings
from shuyuan.learning.records.interface import Records


class Outcomes:
    """Results, live and in the end."""

    def __init__(
        self, db: kernel_db.Database, setting: Setting, adapting: Adapting, sittings: Sittings, records: Records
    ) -> None:
        self._db, self._setting, self._adapting = db, setting, adapting
        self._sittings, self._records = sittings, records

    def results(self, principal: Principal, test_id: str) -> list[AdaptiveResult]:
        """See Assessment.results. Of who left the class or was erased nothing is shown."""
        principal.require("teacher", "admin")
        here = self._setting.still_here(principal, self._setting.test(principal, test_id))
        plan = self._adapting.plan(principal.school_id, test_id)
        with self._db.read() as conn:
            seats = adaptivestore.seats(conn, principal.school_id, test_id)
        found = []
        for seat in (one for one in seats if one.learner_id in here):
            state: Literal["waiting", "working", "done"] = "working" if seat.closed_at is None else "done"
            answered = self._answered(principal, seat.attempt_id) if seat.attempt_id else []
            found.append(
                plan.result(
                    seat.learner_id,
                    seat.attempt_id,
                    answered,
                    state=state if seat.attempt_id else "waiting",
                    ended=seat.ended,
                )
            )
        return found

    def result(self, principal: Principal, attempt_id: str) -> AdaptiveResult:
        """See Assessment.result."""
        attempt = self._sittings.attempt(principal, attempt_id)
        if attempt.adaptive_id is None:
            raise unknown(attempt_id)
        if attempt.closed_at is None and principal.role == "student":
            raise errors.Conflict("this test is still open", fix="hand it in first", code="test_open")
        with self._db.read() as conn:
            seats = adaptivestore.seats(conn, principal.school_id, attempt.adaptive_id)
        ended = next((one.ended for one in seats if one.attempt_id == attempt_id), None)
        plan = self._adapting.plan(principal.school_id, attempt.adaptive_id)
        answered = self._answered(principal, attempt_id)
        state: Literal["working", "done"] = "working" if attempt.closed_at is None else "done"
        return plan.result(attempt.learner_id, attempt_id, answered, state=state, ended=ended)

    def _answered(self, principal: Principal, attempt_id: str) -> list[Answer]:
        """The last answer to each question, in the order they were given."""
        last: dict[str, bool] = {}
        for one in self._records.of_attempt(principal, attempt_id):
            last[one.item_id] = one.correct
        return list(last.items())
