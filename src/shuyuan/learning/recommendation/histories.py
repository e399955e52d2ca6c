"""What a learner's answers come to, kept in memory and brought up to date by those that are new.

The rules ask for the newest answers, the mistakes that stand and the runs. All of that over thousands of answers,
after every single one, would grow with the history; so it is kept for the learners seen last, and an answer costs the
reading of what came since. It is read anew when the tracer counted other answers than were seen here: a test was
closed, and older answers count from now on. Nothing in it is what a learner wrote.
"""

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from shuyuan.identity.interface import Principal
from shuyuan.learning.recommendation import runs
from shuyuan.learning.recommendation.interface import Mistake
from shuyuan.learning.records.interface import Records, Response

REDO_AFTER = timedelta(days=1)
RECENT = 200  # answers looked at for reasons
KEPT = 500  # learners; a fifth of a megabyte each at most


@dataclass(frozen=True)
class History:
    """Never changed; `after` makes the next one. newest: newest first. wrong: mistakes that stand, oldest first."""

    newest: tuple[Response, ...] = ()
    counting: tuple[Response, ...] = ()  # of the newest, those that count
    wrong: Mapping[str, Mistake] = field(default_factory=dict)  # item id → what stands, all as if due
    times_wrong: Mapping[str, int] = field(default_factory=dict)
    runs: Mapping[str, float] = field(default_factory=dict)
    counted: int = 0
    unseen: int = 0  # answers that the tracer counted and this does not hold
    mark: tuple[datetime, str] | None = None

    def after(self, answers: Sequence[Response]) -> "History":
        """With these answers, the oldest first."""
        counts = [one for one in answers if one.counts]
        wrong, times = dict(self.wrong), dict(self.times_wrong)
        for one in counts:
            wrong.pop(one.item_id, None)
            if not one.correct:
                times[one.item_id] = times.get(one.item_id, 0) + 1
                wrong[one.item_id] = _mistake(one, times[one.item_id])
        newest = (*reversed(answers[-RECENT:]), *self.newest)[:RECENT]
        return History(
            newest,
            tuple([one for one in newest if one.counts]),  # a list first: twice as fast
            wrong,
            times,
            runs.of(sorted(counts, key=lambda one: (one.counted_at or one.at, one.id)), self.runs),
            self.counted + len(counts),
            self.unseen,
            (answers[-1].at, answers[-1].id) if answers else self.mark,
        )

    def due(self, now: datetime) -> list[Mistake]:
        """Mistakes that have rested, newest first."""
        found = list(self.wrong.values())
        rested = bisect_right(found, now - REDO_AFTER, key=lambda one: one.at)
        return found[rested - 1 :: -1] if rested else []


class Histories:
    """The histories of the learners seen last."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._kept: OrderedDict[tuple[str, bool], History] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, conn: Connection, principal: Principal, learner_id: str, counted: int) -> History:
        """Of a learner the caller may see. counted: answers the tracer has counted, in the same read."""
        key = (learner_id, principal.role in ("teacher", "admin"))  # teachers see answers of an open test
        with self._lock:
            kept = self._kept.get(key)
        found = None
        if kept is not None:
            answers = self._records.since(conn, principal, learner_id, kept.mark)
            found = kept.after(answers) if answers else kept
        if found is None or counted - found.counted != found.unseen:
            found = self._anew(conn, principal, learner_id, counted)
        if found is not kept:
            self._keep(key, found)
        return found

    def _anew(self, conn: Connection, principal: Principal, learner_id: str, counted: int) -> History:
        answers = self._records.since(conn, principal, learner_id, None)
        seen = sum(one.counts for one in answers)
        return History(unseen=counted - seen).after(answers)

    def _keep(self, key: tuple[str, bool], found: History) -> None:
        with self._lock:
            self._kept[key] = found
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)


def _mistake(one: Response, times: int) -> Mistake:
    point, seed = one.points[0], one.seed
    return Mistake(one.item_id, point, seed, one.answer, one.misconception, one.at, times, due=True)
