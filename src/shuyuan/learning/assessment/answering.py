"""One answer: grade it, then store everything it changes in one unit of work.

Grading happens before the unit, so a slow grader never holds the writer. An answer that cannot be read is no
answer: nothing is stored and the learner is asked again. The same client key twice gives the first result.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock as kernel_clock
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors, ids
from shuyuan.learning.assessment import store
from shuyuan.learning.assessment.interface import Answered, Slot
from shuyuan.learning.assessment.sittings import Sittings, closed, seed_of
from shuyuan.learning.courses.interface import Answer, Courses, Verdict
from shuyuan.learning.records.interface import Records, Response
from shuyuan.learning.tracing.interface import Mastery, Step, Tracing

MAX_KEY_CHARACTERS = 64
MAX_ANSWER_CHARACTERS = 4_000
MAX_SECONDS = 86_400.0
EXPLAIN_AFTER_TRIES = 3  # wrong ones, in practice; after a right answer or a closed attempt at once


@dataclass(frozen=True)
class _Given:
    """A graded answer on its way into the unit."""

    sitting: store.Sitting
    item_id: str
    points: tuple[str, ...]
    text: str
    verdict: Verdict
    client_key: str
    seconds: float | None


@dataclass(frozen=True)
class _Stored:
    """What the unit did. `first`: the response that already had this client key."""

    tries: int
    next_item_id: str | None
    step: Step | None = None
    first: Response | None = None


class Answering:
    """Takes answers."""

    def __init__(
        self,
        db: kernel_db.Database,
        sittings: Sittings,
        courses: Courses,
        records: Records,
        tracing: Tracing,
        clock: kernel_clock.Clock,
    ) -> None:
        self._db, self._sittings, self._courses = db, sittings, courses
        self._records, self._tracing, self._clock = records, tracing, clock

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
        text = _readable(answer, client_key, seconds)
        sitting = self._sittings.own(principal, attempt_id, item_id)
        seed = seed_of(sitting, item_id)
        verdict = self._courses.grade(sitting.school_id, item_id, seed, answer)
        if verdict.malformed:
            self._sittings.require_open(principal, attempt_id)
            return Answered(attempt_id, item_id, False, False, verdict, None, {}, {}, item_id)
        points = tuple(dict.fromkeys(self._courses.item(sitting.school_id, item_id).points))
        given = _Given(sitting, item_id, points, text, verdict, client_key, seconds)
        return self._told(principal, given, self._db.write(partial(self._store, given)))

    def _store(self, given: _Given, uow: kernel_db.UnitOfWork) -> _Stored:
        standing = store.standing(uow.conn, given.sitting.school_id, given.sitting.id)
        slot, at = standing.slots[given.item_id], self._clock()
        following = _next_open(standing.slots, given.item_id)
        if standing.closed_at is not None:
            return _Stored(slot.tries, following, first=self._already_stored(uow, given, slot, closed()))
        if given.sitting.adaptive_id is not None and slot.tries:
            return _Stored(slot.tries, following, first=self._already_stored(uow, given, slot, _answered()))
        step = self._trace(uow, given, slot, at) if _counts_now(given.sitting, slot) else None
        if not self._records.append(uow, _response(given, slot, step, at)):
            return _Stored(slot.tries, following, first=self._find(uow, given))
        store.tried(uow.conn, given.sitting.id, given.item_id, _state_after(given, slot))
        return _Stored(slot.tries + 1, following, step)

    def _already_stored(
        self, uow: kernel_db.UnitOfWork, given: _Given, slot: Slot, refusal: errors.Conflict
    ) -> Response:
        """A repeated send of a stored answer is acknowledged even now; a new one is refused, and told so."""
        first = self._find(uow, given) if slot.tries else None
        if first is None:
            raise refusal
        return first

    def _find(self, uow: kernel_db.UnitOfWork, given: _Given) -> Response | None:
        return self._records.find(uow, given.sitting.id, given.item_id, given.client_key)

    def _trace(self, uow: kernel_db.UnitOfWork, given: _Given, slot: Slot, at: datetime) -> Step:
        return self._tracing.update(
            uow,
            school_id=given.sitting.school_id,
            learner_id=given.sitting.learner_id,
            item_id=given.item_id,
            points=given.points,
            correct=given.verdict.correct,
            at=at,
            helped=slot.hints_used > 0,
        )

    def _told(self, principal: Principal, given: _Given, stored: _Stored) -> Answered:
        verdict = given.verdict if stored.first is None else _verdict_of(stored.first)
        before, after = self._moved(principal, given, stored)
        hidden = given.sitting.kind == "test"
        return Answered(
            given.sitting.id,
            given.item_id,
            True,
            stored.first is not None,
            None if hidden else verdict,
            None if hidden else self._explanation(principal, given, verdict, stored.tries),
            before,
            after,
            stored.next_item_id,
        )

    def _moved(
        self, principal: Principal, given: _Given, stored: _Stored
    ) -> tuple[Mapping[str, Mastery], Mapping[str, Mastery]]:
        if stored.step is not None:
            return stored.step.before, stored.step.after
        if given.sitting.kind == "test":
            return {}, {}
        now = self._tracing.of_learner(principal, given.sitting.learner_id, given.points)
        return now, now

    def _explanation(self, principal: Principal, given: _Given, verdict: Verdict, tries: int) -> str | None:
        if not verdict.correct and tries < EXPLAIN_AFTER_TRIES:
            return None
        seed = given.sitting.seeds[given.item_id]
        question = self._courses.question(given.sitting.school_id, given.item_id, seed, principal.language)
        return question.explanation or None


def _readable(answer: Answer, client_key: str, seconds: float | None) -> str:
    if not 1 <= len(client_key) <= MAX_KEY_CHARACTERS:
        raise errors.BadInput(
            f"client_key has {len(client_key)} characters",
            fix=f"send 1 to {MAX_KEY_CHARACTERS}, new for each answer and the same when repeating it",
        )
    text = answer if isinstance(answer, str) else ",".join(answer)
    if len(text) > MAX_ANSWER_CHARACTERS:
        raise errors.BadInput(f"the answer has {len(text)} characters", fix=f"at most {MAX_ANSWER_CHARACTERS}")
    if seconds is not None and not (math.isfinite(seconds) and 0 <= seconds <= MAX_SECONDS):
        raise errors.BadInput(f"seconds is {seconds}", fix=f"send the time spent, 0 to {MAX_SECONDS:.0f}, or nothing")
    return text


def _response(given: _Given, slot: Slot, step: Step | None, at: datetime) -> Response:
    sitting, verdict = given.sitting, given.verdict
    return Response(
        id=ids.new_id(),
        school_id=sitting.school_id,
        learner_id=sitting.learner_id,
        attempt_id=sitting.id,
        item_id=given.item_id,
        points=given.points,
        seed=slot.seed,
        answer=given.text,
        correct=verdict.correct,
        misconception=verdict.misconception,
        hints_used=slot.hints_used,
        seconds=given.seconds,
        p_before=step.p_before if step else None,
        tracer_version=step.tracer_version if step else None,
        client_key=given.client_key,
        at=at,
        tries=slot.tries + 1,
        counts=step is not None,
        withheld=sitting.kind == "test",
    )


def _verdict_of(first: Response) -> Verdict:
    return Verdict(correct=first.correct, misconception=first.misconception, normalised=first.answer)


def _counts_now(sitting: store.Sitting, slot: Slot) -> bool:
    """Practice: the first try. A test counts when it closes."""
    return sitting.kind != "test" and slot.tries == 0


def _state_after(given: _Given, slot: Slot) -> str:
    if given.sitting.kind == "test":
        return "open"
    return "right" if given.verdict.correct or slot.state == "right" else "wrong"


def _answered() -> errors.Conflict:
    return errors.Conflict(
        "this question of an adaptive test was answered already: the next one was chosen by that answer",
        fix="answer the question that is open now",
        code="answered_already",
    )


def _next_open(slots: Mapping[str, Slot], item_id: str) -> str | None:
    """The next question without a try, after this one and then from the start."""
    order = list(slots)
    here = order.index(item_id)
    rest = order[here + 1 :] + order[:here]
    return next((other for other in rest if slots[other].tries == 0), None)
