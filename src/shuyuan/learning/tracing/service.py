"""Move mastery with an answer, read it for people, replay it from the records."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from shuyuan.identity.interface import Principal
from shuyuan.kernel import clock as kernel_clock
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors
from shuyuan.learning.records.interface import Records
from shuyuan.learning.tracing import champion, memorystore, moving, reading, store
from shuyuan.learning.tracing.interface import Foretold, Mastery, Step
from shuyuan.learning.tracing.rebuilding import Rebuilding
from shuyuan.learning.tracing.replaying import Replay
from shuyuan.learning.tracing.standing import StandingNow
from shuyuan.science.tracing import serving


class TracingService:
    """The `Tracing` of one installation."""

    def __init__(
        self, db: kernel_db.Database, records: Records, *, clock: kernel_clock.Clock = kernel_clock.now
    ) -> None:
        self._db, self._records, self._clock = db, records, clock
        self._champions = champion.Champions()
        self._rebuilding = Rebuilding(db, records, self._champions)

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
        meets = self._champions.serving(uow.conn, school_id)
        given = moving.Given(school_id, learner_id, item_id, points, correct, helped, at)
        known = store.of_learner(uow.conn, learner_id, points)
        told = moving.moved(uow.conn, meets, known, given)
        moved = dict(zip(points, told.points, strict=True))
        after = store.Known(told.learner, moved, moving.remembered(known, given))
        store.save(uow.conn, school_id, learner_id, told.learner, moved, after.memories)
        params = meets.champion.params
        return Step(
            told.p_before,
            reading.all_of(params, known, points, at),
            reading.all_of(params, after, points, at),
            meets.champion.version,
        )

    def of_learner(self, principal: Principal, learner_id: str, points: Sequence[str]) -> dict[str, Mastery]:
        return self.of_learners(principal, [learner_id], points)[learner_id]

    def standing(self, conn: Connection, principal: Principal, learner_id: str) -> StandingNow:
        _may_see(principal, [learner_id])
        serves = self._champions.of(conn, principal.school_id)
        known = store.whole(conn, principal.school_id, learner_id)
        return StandingNow(conn, principal.school_id, learner_id, serves, known, self._clock())

    def of_learners(
        self, principal: Principal, learner_ids: Sequence[str], points: Sequence[str]
    ) -> dict[str, dict[str, Mastery]]:
        _may_see(principal, learner_ids)
        with self._db.read() as conn:
            params = self._champions.of(conn, principal.school_id).params
            known = store.of_learners(conn, principal, learner_ids, points)
        now = self._clock()
        return {learner_id: reading.all_of(params, known[learner_id], points, now) for learner_id in learner_ids}

    def around(
        self, principal: Principal, learner_id: str, attempt_id: str, points: Sequence[str]
    ) -> dict[str, tuple[Mastery, Mastery]]:
        _may_see(principal, [learner_id])
        params = self.tracer(principal.school_id).params
        replay = Replay(serving.Tracer(params))  # mastery is read from the Kalman states, which need no net
        before, after = dict[str, Mastery](), dict[str, Mastery]()
        for response in self._records.evidence(principal, learner_id):
            here, at = response.attempt_id == attempt_id, response.counted_at or response.at
            if here and not before:
                before = reading.all_of(params, replay.known(), points, at)
            replay.learn(response)
            if here:
                after = reading.all_of(params, replay.known(), points, at)
        return {point: (before[point], after[point]) for point in points if before}

    def predict(self, principal: Principal, learner_id: str, item_id: str, points: Sequence[str]) -> float:
        return self.predictions(principal, [learner_id], {item_id: points})[learner_id][item_id]

    def predictions(
        self, principal: Principal, learner_ids: Sequence[str], items: Mapping[str, Sequence[str]]
    ) -> dict[str, dict[str, float]]:
        _may_see(principal, learner_ids)
        wanted, school_id = sorted({point for points in items.values() for point in points}), principal.school_id
        with self._db.read() as conn:
            serves = self._champions.of(conn, school_id)
            known = store.of_learners(conn, principal, learner_ids, wanted)
            owned = dict[str, serving.Memory]()
            if serves.tracer.net is not None:
                who = (conn, school_id, learner_ids, serves.version)
                owned = memorystore.of_learners(*who, wanted, list(items))
        now, unseen = self._clock(), serving.Memory()
        return {
            learner_id: {
                item: moving.said(serves, known[learner_id], owned.get(learner_id, unseen), item, points, now)
                for item, points in items.items()
            }
            for learner_id in learner_ids
        }

    def version(self, school_id: str) -> str:
        with self._db.read() as conn:
            return self._champions.of(conn, school_id).version

    def tracer(self, school_id: str) -> serving.Tracer:
        with self._db.read() as conn:
            return self._champions.of(conn, school_id).tracer

    def adopt(self, uow: kernel_db.UnitOfWork, school_id: str, version: str, arrays: bytes) -> None:
        self._champions.adopt(uow, school_id, version, arrays)

    def adopt_built_in(self, uow: kernel_db.UnitOfWork, school_id: str) -> None:
        self._champions.adopt_built_in(uow, school_id)

    def rebuild(self, school_id: str) -> int:
        return self._rebuilding.of_champion(school_id)

    def finish_rebuild(self, school_id: str) -> bool:
        with self._db.read() as conn:
            waits = store.waits_for_rebuild(conn, school_id)
        if waits:
            self.rebuild(school_id)
        self.fill_canary(school_id)
        return waits

    def begin_canary(
        self, uow: kernel_db.UnitOfWork, school_id: str, version: str, arrays: bytes, learner_ids: Sequence[str]
    ) -> None:
        self._champions.begin(uow, school_id, version, arrays, learner_ids)

    def fill_canary(self, school_id: str) -> int:
        return self._rebuilding.of_canary(school_id)

    def keep_in_canary(self, uow: kernel_db.UnitOfWork, school_id: str, learner_ids: frozenset[str]) -> int | None:
        return self._champions.keep_in_canary(uow, school_id, learner_ids)

    def tidy(self, school_id: str) -> None:
        self._rebuilding.tidy(school_id)

    def waits(self, school_id: str) -> bool:
        return self._rebuilding.waits(school_id)

    def end_canary(self, uow: kernel_db.UnitOfWork, school_id: str) -> None:
        self._champions.end(uow, school_id)

    def foretold(self, school_id: str, version: str) -> list[Foretold]:
        with self._db.read() as conn:
            rows = memorystore.noted(conn, school_id, version)
        return [Foretold(row.learner_id, row.correct, row.p_in_use, row.p_tried, row.at) for row in rows]


def _may_see(principal: Principal, learner_ids: Sequence[str]) -> None:
    if principal.role in ("teacher", "admin"):
        return
    for learner_id in learner_ids:
        if learner_id != principal.account_id:
            raise errors.NotFound(f"no learner {learner_id}", fix="a learner sees their own understanding only")
