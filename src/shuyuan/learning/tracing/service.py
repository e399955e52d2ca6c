"""Move mastery with an answer, read it for people, replay it from the records."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock as kernel_clock
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors
from shuyuan.learning.records.interface import Records, Response
from shuyuan.learning.tracing import champion, store
from shuyuan.learning.tracing.interface import MINIMUM_EVIDENCE, SOLID_LEVEL, Mastery, Step
from shuyuan.science import memory
from shuyuan.science.tracing import online


class TracingService:
    """The `Tracing` of one installation."""

    def __init__(
        self, db: kernel_db.Database, records: Records, *, clock: kernel_clock.Clock = kernel_clock.now
    ) -> None:
        self._db, self._records, self._clock = db, records, clock
        self._champions = champion.Champions()

    def update(
        self,
        uow: kernel_db.UnitOfWork,
        *,
        school_id: str,
        learner_id: str,
        item_id: str,
        points: Sequence[str],
        correct: bool,
        at: datetime,
        helped: bool = False,
    ) -> Step:
        serving = self._champions.of(uow.conn, school_id)
        known = store.of_learner(uow.conn, learner_id, points)
        told = _step(serving.params, known, item_id, points, correct, at)
        moved = dict(zip(points, told.points, strict=True))
        after = store.Known(told.learner, moved, _remembered(known, points, correct, helped, at))
        store.save(uow.conn, school_id, learner_id, told.learner, moved, after.memories)
        return Step(
            told.p_before,
            _read_all(serving.params, known, points, at),
            _read_all(serving.params, after, points, at),
            serving.version,
        )

    def of_learner(self, principal: Principal, learner_id: str, points: Sequence[str]) -> dict[str, Mastery]:
        return self.of_learners(principal, [learner_id], points)[learner_id]

    def of_learners(
        self, principal: Principal, learner_ids: Sequence[str], points: Sequence[str]
    ) -> dict[str, dict[str, Mastery]]:
        _may_see(principal, learner_ids)
        with self._db.read() as conn:
            serving = self._champions.of(conn, principal.school_id)
            known = store.of_learners(conn, principal, learner_ids, points)
        now = self._clock()
        return {learner_id: _read_all(serving.params, known[learner_id], points, now) for learner_id in learner_ids}

    def around(
        self, principal: Principal, learner_id: str, attempt_id: str, points: Sequence[str]
    ) -> dict[str, tuple[Mastery, Mastery]]:
        _may_see(principal, [learner_id])
        params, known = self.params(principal.school_id), store.Known()
        before, after = dict[str, Mastery](), dict[str, Mastery]()
        for response in self._records.evidence(principal, learner_id):
            here, at = response.attempt_id == attempt_id, response.counted_at or response.at
            if here and not before:
                before = _read_all(params, known, points, at)
            _learn(params, known, response)
            if here:
                after = _read_all(params, known, points, at)
        return {point: (before[point], after[point]) for point in points if before}

    def predict(self, principal: Principal, learner_id: str, item_id: str, points: Sequence[str]) -> float:
        return self.predictions(principal, [learner_id], {item_id: points})[learner_id][item_id]

    def predictions(
        self, principal: Principal, learner_ids: Sequence[str], items: Mapping[str, Sequence[str]]
    ) -> dict[str, dict[str, float]]:
        _may_see(principal, learner_ids)
        wanted = sorted({point for points in items.values() for point in points})
        with self._db.read() as conn:
            params = self._champions.of(conn, principal.school_id).params
            known = store.of_learners(conn, principal, learner_ids, wanted)
        return {
            learner_id: {item: _predict(params, known[learner_id], item, points) for item, points in items.items()}
            for learner_id in learner_ids
        }

    def version(self, school_id: str) -> str:
        with self._db.read() as conn:
            return self._champions.of(conn, school_id).version

    def params(self, school_id: str) -> online.Params:
        with self._db.read() as conn:
            return self._champions.of(conn, school_id).params

    def adopt(self, uow: kernel_db.UnitOfWork, school_id: str, version: str, arrays: bytes) -> None:
        self._champions.adopt(uow, school_id, version, arrays)

    def rebuild(self, school_id: str) -> int:
        """One unit of work per learner, so that answers keep flowing meanwhile and none is missed."""
        version = self.version(school_id)
        replayed = sum(
            self._db.write(partial(self._rebuild_one, school_id, learner_id))
            for learner_id in self._records.learners(school_id)
        )
        self._db.write(lambda uow: store.note_rebuilt(uow, school_id, version))
        return replayed

    def finish_rebuild(self, school_id: str) -> bool:
        with self._db.read() as conn:
            waits = store.waits_for_rebuild(conn, school_id)
        if waits:
            self.rebuild(school_id)
        return waits

    def _rebuild_one(self, school_id: str, learner_id: str, uow: kernel_db.UnitOfWork) -> int:
        params = self._champions.of(uow.conn, school_id).params
        known, replayed = _replay(params, self._records.evidence_of(uow, school_id, learner_id))
        store.forget(uow.conn, school_id, learner_id)
        if known.general is not None:
            store.save(uow.conn, school_id, learner_id, known.general, known.points, known.memories)
        return replayed


def _replay(params: online.Params, responses: Iterable[Response]) -> tuple[store.Known, int]:
    known, replayed = store.Known(), 0
    for response in responses:
        _learn(params, known, response)
        replayed += 1
    return known, replayed


def _learn(params: online.Params, known: store.Known, response: Response) -> None:
    at = response.counted_at or response.at
    told = _step(params, known, response.item_id, response.points, response.correct, at)
    known.general = told.learner
    known.points.update(zip(response.points, told.points, strict=True))
    helped = response.hints_used > 0
    known.memories.update(_remembered(known, response.points, response.correct, helped, at))


def _step(
    params: online.Params, known: store.Known, item_id: str, points: Sequence[str], correct: bool, at: datetime
) -> online.Step:
    general, specific = _states(params, known, points)
    return online.update(params, general, specific, item_id, points, correct, at.timestamp())


def _predict(params: online.Params, known: store.Known, item_id: str, points: Sequence[str]) -> float:
    general, specific = _states(params, known, points)
    return online.predict(params, general, specific, item_id, points)


def _remembered(
    known: store.Known, points: Sequence[str], correct: bool, helped: bool, at: datetime
) -> dict[str, memory.Trace]:
    return {
        point: memory.answered(known.memories.get(point), right=correct, helped=helped, at_s=at.timestamp())
        for point in points
    }


def _states(
    params: online.Params, known: store.Known, points: Sequence[str]
) -> tuple[online.LearnerState, list[online.PointState]]:
    unseen = online.new_point(params)
    return known.general or online.new_learner(params), [known.points.get(point, unseen) for point in points]


def _read_all(params: online.Params, known: store.Known, points: Sequence[str], now: datetime) -> dict[str, Mastery]:
    general, specific = _states(params, known, points)
    pairs = zip(points, specific, strict=True)
    return {point: read(params, general, state, known.memories.get(point), point, now) for point, state in pairs}


def read(
    params: online.Params,
    general: online.LearnerState,
    state: online.PointState,
    trace: memory.Trace | None,
    point_id: str,
    now: datetime,
) -> Mastery:
    """What the states of one learner say of a point at a time."""
    told = online.mastery(params, general, state, point_id, now.timestamp())
    level = online.level(told.p, state.evidence, told.uncertainty, MINIMUM_EVIDENCE)
    last_at = datetime.fromtimestamp(state.last_at_s, UTC) if state.evidence else None
    shown = Mastery(point_id, told.p, told.uncertainty, state.evidence, int(state.wins), level, last_at)
    return shown if trace is None else _with_memory(shown, trace, now)


def _with_memory(shown: Mastery, trace: memory.Trace, now: datetime) -> Mastery:
    """What is solid is due once the chance that it comes to mind has fallen; the rest is practised, not reviewed."""
    review_at = datetime.fromtimestamp(memory.review_at_s(trace), UTC) if (shown.level or 0) >= SOLID_LEVEL else None
    return replace(
        shown,
        due=review_at is not None and now > review_at,
        retrievability=memory.retrievability(trace, now.timestamp()),
        review_at=review_at,
        stability_days=trace.stability_days,
    )


def _may_see(principal: Principal, learner_ids: Sequence[str]) -> None:
    if principal.role in ("teacher", "admin"):
        return
    for learner_id in learner_ids:
        if learner_id != principal.account_id:
            raise errors.NotFound(f"no learner {learner_id}", fix="a learner sees their own understanding only")
