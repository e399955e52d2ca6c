"""States made anew from the records: one unit of work a learner, so that answers keep flowing and none is missed."""

import functools

from sqlalchemy import Connection

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit
from shuyuan.kernel import db as kernel_db
from shuyuan.learning.records.interface import Records
from shuyuan.learning.tracing import champion, memorystore, store
from shuyuan.learning.tracing.replaying import Replay


class Rebuilding:
    """Of the version in use, and of the one that is tried."""

    def __init__(self, db: kernel_db.Database, records: Records, champions: champion.Champions) -> None:
        self._db, self._records, self._champions = db, records, champions

    def of_champion(self, school_id: str) -> int:
        """Every learner's; the number of responses replayed."""
        with self._db.read() as conn:
            begun = self._champions.of(conn, school_id)
        replayed = sum(self._learner(school_id, one, begun) for one in self._records.learners(school_id))
        self._db.write(lambda uow: store.note_rebuilt(uow, school_id, begun.version))
        self.tidy(school_id)
        return replayed

    def of_canary(self, school_id: str) -> int:
        """Learners of the canary of whom it remembers nothing yet; how many they were."""
        with self._db.read() as conn:
            canary = self._champions.serving(conn, school_id).canary
            if canary is None:
                return 0
            waiting = sorted(canary.learners - memorystore.known(conn, school_id, canary.version))
        for learner_id in waiting:
            self._canary_learner(school_id, learner_id, canary)
        if waiting:
            self.tidy(school_id)
        return len(waiting)

    def tidy(self, school_id: str) -> None:
        """What versions remember that are neither in use nor tried goes, one short unit of work a learner."""
        with self._db.read() as conn:
            over = memorystore.others(conn, school_id, self._kept(conn, school_id))
        for learner_id, version in over:
            self._db.write(functools.partial(self._forget, school_id, learner_id, version))

    def waits(self, school_id: str) -> bool:
        """Whether states of the version in use, or of the one that is tried, are still to be made."""
        with self._db.read() as conn:
            canary = self._champions.serving(conn, school_id).canary
            if canary is not None and canary.learners - memorystore.known(conn, school_id, canary.version):
                return True
            return store.waits_for_rebuild(conn, school_id)

    def _learner(self, school_id: str, learner_id: str, begun: champion.Champion) -> int:
        made = self._before(school_id, learner_id, begun)

        def work(uow: kernel_db.UnitOfWork) -> int:
            serves = self._champions.of(uow.conn, school_id)
            start = made if serves is begun else Replay(serves.tracer)  # another one was adopted meanwhile
            whole = self._caught_up(uow, school_id, learner_id, start)
            known = whole.known()
            store.forget(uow.conn, school_id, learner_id)
            if known.general is not None:
                store.save(uow.conn, school_id, learner_id, known.general, known.points, known.memories)
            if serves.tracer.net is not None:
                memorystore.forget(uow.conn, school_id, learner_id, serves.version)
                memorystore.save(uow.conn, school_id, learner_id, serves.version, whole.rows())
            return whole.seen

        return self._db.write(work)

    def _canary_learner(self, school_id: str, learner_id: str, canary: champion.Canary) -> None:
        made = self._before(school_id, learner_id, canary)

        def work(uow: kernel_db.UnitOfWork) -> None:
            now = self._champions.serving(uow.conn, school_id).canary
            if now is not None and now.version == canary.version and learner_id in now.learners:
                whole = self._caught_up(uow, school_id, learner_id, made)
                memorystore.save(uow.conn, school_id, learner_id, canary.version, whole.rows())

        self._db.write(work)

    def _before(self, school_id: str, learner_id: str, by: champion.Champion) -> Replay:
        office = Principal(audit.SYSTEM, school_id, "admin")
        return Replay.of(by.tracer, self._records.evidence(office, learner_id))

    def _caught_up(self, uow: kernel_db.UnitOfWork, school_id: str, learner_id: str, made: Replay) -> Replay:
        """With what was answered meanwhile, which alone is read; all anew where something came to count before that."""
        new, every = self._records.evidence_of(uow, school_id, learner_id, after=made.last)
        if made.seen + len(new) != every:
            return Replay.of(made.tracer, self._records.evidence_of(uow, school_id, learner_id)[0])
        for response in new:
            made.learn(response)
        return made

    def _forget(self, school_id: str, learner_id: str, version: str, uow: kernel_db.UnitOfWork) -> None:
        if version not in self._kept(uow.conn, school_id):  # it may serve again by now
            memorystore.forget(uow.conn, school_id, learner_id, version)

    def _kept(self, conn: Connection, school_id: str) -> list[str]:
        serving = self._champions.serving(conn, school_id)
        return [one.version for one in (serving.champion, serving.canary) if one is not None]
