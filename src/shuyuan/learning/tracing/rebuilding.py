"""States made anew from the records: one unit of work a learner, so that answers keep flowing and none is missed."""

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
        self._db.write(lambda uow: self._finish(uow, school_id, begun.version))
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
        return len(waiting)

    def _learner(self, school_id: str, learner_id: str, begun: champion.Champion) -> int:
        made = self._before(school_id, learner_id, begun)

        def work(uow: kernel_db.UnitOfWork) -> int:
            serves = self._champions.of(uow.conn, school_id)
            start = made if serves is begun else Replay(serves.tracer)  # another one was adopted meanwhile
            whole = start.up_to(self._records.evidence_of(uow, school_id, learner_id))
            known = whole.known()
            store.forget(uow.conn, school_id, learner_id)
            if known.general is not None:
                store.save(uow.conn, school_id, learner_id, known.general, known.points, known.memories)
            if serves.tracer.net is not None:
                memorystore.forget(uow.conn, school_id, learner_id, serves.version)
                memorystore.save(uow.conn, school_id, learner_id, serves.version, whole.rows())
            return len(whole.seen)

        return self._db.write(work)

    def _canary_learner(self, school_id: str, learner_id: str, canary: champion.Canary) -> None:
        made = self._before(school_id, learner_id, canary)

        def work(uow: kernel_db.UnitOfWork) -> None:
            if self._champions.serving(uow.conn, school_id).canary is canary:
                whole = made.up_to(self._records.evidence_of(uow, school_id, learner_id))
                memorystore.save(uow.conn, school_id, learner_id, canary.version, whole.rows())

        self._db.write(work)

    def _before(self, school_id: str, learner_id: str, by: champion.Champion) -> Replay:
        office = Principal(audit.SYSTEM, school_id, "admin")
        return Replay.of(by.tracer, self._records.evidence(office, learner_id))

    def _finish(self, uow: kernel_db.UnitOfWork, school_id: str, version: str) -> None:
        store.note_rebuilt(uow, school_id, version)
        serving = self._champions.serving(uow.conn, school_id)
        kept = [one.version for one in (serving.champion, serving.canary) if one is not None]
        memorystore.forget_others(uow.conn, school_id, kept)
