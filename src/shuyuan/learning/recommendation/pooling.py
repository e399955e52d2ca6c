"""What activities brought, pooled over the learners of a school who agreed that their results count for others."""

import numpy as np

from shuyuan.kernel import clock as kernel_clock
from shuyuan.kernel import db
from shuyuan.learning.people.interface import Profiles
from shuyuan.learning.recommendation import gains, store
from shuyuan.learning.recommendation.due import Due
from shuyuan.learning.records.interface import Records, Response
from shuyuan.science.ranking import Bandit


class Pooling:
    """Makes the table anew from all answers, and hands it to whoever ranks. Callable: see `choosing.Learnt`."""

    def __init__(
        self, db: db.Database, profiles: Profiles, records: Records, *, clock: kernel_clock.Clock = kernel_clock.now
    ) -> None:
        self._db, self._profiles, self._records, self._clock = db, profiles, records, clock
        self._due = Due(profiles, records)

    def __call__(self, school_id: str) -> Bandit | None:
        """What was pooled; None while fewer than `gains.PEERS` learners stand behind it."""
        with self._db.read() as conn:
            row = store.gains_of(conn, school_id)
        if row is None or row.learners < gains.PEERS or len(row.weighted) != len(gains.PRIOR):
            return None
        return Bandit(np.array(row.inverse), np.array(row.weighted), row.tried)

    def renew_if_due(self, school_id: str) -> bool:
        """For background work: see `due`."""
        return self._due.turn(school_id, self.renew, lambda: self(school_id) is not None)

    def renew(self, school_id: str) -> int:
        """Pool again from those who agree now; how many learners stand behind it. Below `PEERS` nothing is kept."""
        tries: dict[str, list[gains.Try]] = {}
        answers: dict[str, list[Response]] = {}
        for one in self._records.history(school_id, frozenset(self._profiles.agreed(school_id, "peers"))):
            answers.setdefault(one.learner_id, []).append(one)
        for learner_id, mine in answers.items():
            if found := gains.tries(mine):
                tries[learner_id] = found
        pooled = gains.learnt(gains.new(), [one for mine in tries.values() for one in mine])

        def keep(uow: db.UnitOfWork) -> int:
            still = tries.keys() <= self._profiles.still_agreed(uow, school_id, "peers")
            if len(tries) < gains.PEERS or not still:
                store.remove_gains(uow.conn, school_id)
                return 0
            store.put_gains(
                uow.conn,
                school_id=school_id,
                inverse=pooled.inverse.tolist(),
                weighted=pooled.weighted.tolist(),
                tried=pooled.tried,
                learners=len(tries),
                now=self._clock(),
            )
            return len(tries)

        return self._db.write(keep)
