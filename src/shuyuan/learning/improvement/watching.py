"""Whether the version in use still does what its report said, told by what it said before the latest answers.

"It got worse": log loss or AUC of those predictions is past that of its report by more than both intervals. "Drift": it
no longer is as sure as it should be, or other questions are answered than it was fitted on. Only answers of learners
who agreed to improvement are looked at; below the minimum evidence nothing is said. An alarm is raised once a version.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock as kernel_clock
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors, log
from shuyuan.learning.improvement import gate, store, watchstore
from shuyuan.learning.improvement.interface import (
    WATCH_ANSWERS,
    WATCH_LEARNERS,
    Alarm,
    Condition,
    TracerVersion,
    Watch,
)
from shuyuan.learning.people.interface import People
from shuyuan.learning.records.interface import Records, Response
from shuyuan.learning.tracing.interface import Tracing
from shuyuan.science import metrics
from shuyuan.science.tracing import online
from shuyuan.science.tracing.serving import stability

WINDOW, MOST_ANSWERS = timedelta(days=14), 2000  # as far back as it looks
EVERY = timedelta(hours=6)
SEED = 7
_logger = log.get("improvement.watching")


class Watching:
    """See `interface.Watching`."""

    def __init__(
        self,
        db: kernel_db.Database,
        audit: kernel_audit.Audit,
        people: People,
        records: Records,
        tracing: Tracing,
        clock: kernel_clock.Clock,
    ) -> None:
        self._db, self._audit, self._clock = db, audit, clock
        self._people, self._records, self._tracing = people, records, tracing

    def look(self, school_id: str) -> Watch | None:
        with self._db.read() as conn:
            found = store.in_state(conn, school_id, "champion")
            reference = {} if found is None else store.reference(conn, school_id, found[0].id)
        if found is None:
            return None
        champion, params = found[0], self._tracing.tracer(school_id).params
        said = self._latest(school_id, champion.version)
        learners = len({one.learner_id for one in said})
        enough = len(said) >= WATCH_ANSWERS and learners >= WATCH_LEARNERS
        conditions = judged(champion, reference, params, said) if enough else ()
        since = (said[0].counted_at or said[0].at) if said else None
        watch = Watch(champion.version, self._clock(), len(said), learners, since, conditions)
        self._db.write(lambda uow: self._keep(uow, school_id, watch, champion))
        return watch

    def look_if_due(self, school_id: str) -> Watch | None:
        with self._db.read() as conn:
            last = watchstore.last(conn, school_id)
        if last is not None and last.version == self._tracing.version(school_id) and self._clock() < last.at + EVERY:
            return None
        return self.look(school_id)

    def last(self, principal: Principal) -> Watch | None:
        principal.require("admin", "teacher", "developer")
        with self._db.read() as conn:
            found = watchstore.last(conn, principal.school_id)
        return found if found and found.version == self._tracing.version(principal.school_id) else None

    def alarms(self, principal: Principal) -> list[Alarm]:
        principal.require("admin", "teacher", "developer")
        with self._db.read() as conn:
            return watchstore.alarms(conn, principal.school_id)

    def see(self, principal: Principal, alarm_id: str) -> None:
        principal.require("admin")

        def note(uow: kernel_db.UnitOfWork) -> None:
            if not watchstore.known(uow.conn, principal.school_id, alarm_id):
                raise errors.NotFound(f"there is no alarm {alarm_id[:40]!r} in this school", fix="open /loop again")
            if watchstore.see(uow, principal.school_id, alarm_id, principal.account_id):
                self._record(uow, principal.school_id, principal.account_id, "tracer.alarm_seen", alarm_id)

        self._db.write(note)

    def _latest(self, school_id: str, version: str) -> list[Response]:
        """Answers that the version foretold when they were given, the oldest first."""
        agreed = self._people.consented(school_id, "improvement")
        since = self._clock() - WINDOW
        told = self._records.history(school_id, agreed, since=since)
        mine = (one for one in told if one.tracer_version == version and one.p_before is not None)
        return list(deque(mine, MOST_ANSWERS))

    def _keep(self, uow: kernel_db.UnitOfWork, school_id: str, watch: Watch, champion: TracerVersion) -> None:
        watchstore.keep(uow, school_id, watch)
        watchstore.ended(uow, school_id, watch)
        for alarm_id in watchstore.raised(uow, school_id, watch):
            _logger.warning("tracer_alarm", school=school_id, version=champion.version, alarm=alarm_id)
            self._record(uow, school_id, kernel_audit.SYSTEM, "tracer.alarm", alarm_id)

    def _record(self, uow: kernel_db.UnitOfWork, school_id: str, by: str, action: str, object_id: str) -> None:
        self._audit.record(uow, school_id=school_id, actor_id=by, action=action, object_id=object_id)


def judged(
    champion: TracerVersion,
    reference: Mapping[str, Any],  # Any: JSON
    params: online.Params,
    said: Sequence[Response],
) -> tuple[Condition, ...]:
    """Each live figure beside its limit. What its report did not hold (a version from before) is left out."""
    correct = np.asarray([one.correct for one in said])
    p = np.asarray([one.p_before for one in said], np.float64)
    learner = np.unique([one.learner_id for one in said], return_inverse=True)[1]
    found = list[Condition]()
    report = champion.figures
    if "log_loss_low" in report and 0 < correct.sum() < len(correct):
        loss, auc = (
            metrics.bootstrap_by_group(figure, correct, p, learner, seed=SEED)
            for figure in (metrics.log_loss, metrics.auc)
        )
        found.append(Condition("live_log_loss", loss.value, report["log_loss"] + _both(report, "log_loss", loss), "<="))
        found.append(Condition("live_auc", auc.value, report["auc"] - _both(report, "auc", auc), ">="))
    expected = max(report.get("calibration_error", 0.0), gate.calibration_by_chance(p, SEED))
    error = metrics.expected_calibration_error(correct, p)
    found.append(Condition("live_calibration", error, expected + gate.MARGIN_CALIBRATION, "<="))
    if "population" in reference:
        then = stability.Population(**reference["population"])
        table = online.Interactions.of(
            online.Answer(one.learner_id, one.item_id, one.points, one.correct) for one in said
        )
        shift = stability.index(then, stability.counted(params, table, then.edges))
        found.append(Condition("live_population", shift, stability.MAJOR_SHIFT, "<="))
    return tuple(found)


def _both(report: Mapping[str, float], name: str, live: metrics.Interval) -> float:
    """Half the interval of a difference between the two: of report and of life, as of independent figures."""
    return math.hypot((report[f"{name}_high"] - report[f"{name}_low"]) / 2, (live.high - live.low) / 2)
