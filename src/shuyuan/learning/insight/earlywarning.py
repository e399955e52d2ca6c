"""The early warning of a school: fitted on its past weeks, told to the teachers of a class, for a week.

Learnt from learners who agreed that their answers improve the school's models; said of the pupils of one's own class.
Refuses: every reader but a teacher of the class; a warning without a reason that can be counted; one that a teacher
dismissed this week.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shuyuan.identity.interface import Identity, Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock as kernel_clock
from shuyuan.kernel import db as kernel_db
from shuyuan.kernel import errors
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.kernel import settings as kernel_settings
from shuyuan.learning.assessment.interface import Assessment, Assignment
from shuyuan.learning.insight import store, warning, weeks
from shuyuan.learning.insight.interface import Because, ClassRisks, Evidence, Risk, Trust
from shuyuan.learning.people.interface import Learner, People
from shuyuan.learning.records.interface import Records, Response
from shuyuan.science.metrics import Bin

BACK = 16  # weeks a fit looks back at
LATELY = 10_000
RENEW_AFTER, TRY_AFTER = timedelta(days=7), timedelta(days=1)  # with a model; without
WARN_AT, MOST_WARNED = 0.5, 1 / 3  # more likely than not; of a class


class EarlyWarningService:
    """Implements `interface.EarlyWarning`."""

    def __init__(
        self,
        db: kernel_db.Database,
        audit: kernel_audit.Audit,
        identity: Identity,
        people: People,
        records: Records,
        assessment: Assessment,
        settings: kernel_settings.Settings,
        *,
        clock: kernel_clock.Clock = kernel_clock.now,
    ) -> None:
        self._db, self._audit, self._identity, self._clock = db, audit, identity, clock
        self._people, self._records, self._assessment = people, records, assessment
        self._school_time = ZoneInfo(settings.timezone)

    def of_class(self, principal: Principal, class_id: str, course_id: str) -> ClassRisks:
        """See `EarlyWarning.of_class`."""
        principal.require("teacher")
        learners = self._people.learners(principal, class_id)
        now = self._clock()
        with self._db.read() as conn:
            kept = store.model_of(conn, principal.school_id)
            silent = store.dismissed(conn, principal.school_id, course_id, now)
        if kept is None or not kept.model:
            return ClassRisks(None, (), *_told(kept)[:2])
        ids = [one.id for one in learners]
        rows = self._records.of_learners(principal, ids, since=now - weeks.REACH, limit=LATELY)
        assigned = self._assessment.assignments(principal, class_id=class_id)
        book = _book(rows, ids, assigned, course_id)
        risks = _risks(warning.Model.from_json(kept.model), learners, weeks.known(book, now))
        most = int(len(learners) * MOST_WARNED)
        warned = [one for one in risks[:most] if one.learner.id not in silent]
        return ClassRisks(now + weeks.WEEK, tuple(warned), *_told(kept)[:2])

    def dismiss(self, principal: Principal, class_id: str, course_id: str, learner_id: str) -> None:
        """See `EarlyWarning.dismiss`."""
        principal.require("teacher")
        if learner_id not in {one.id for one in self._people.learners(principal, class_id)}:
            raise errors.NotFound(f"learner {learner_id[:40]} is not in this class", fix="choose from its list")

        def change(uow: kernel_db.UnitOfWork) -> None:
            school_id, by = principal.school_id, principal.account_id
            store.dismiss(uow.conn, school_id, learner_id, course_id, self._clock() + weeks.WEEK, by)
            self._audit.record(uow, school_id=school_id, actor_id=by, action="warning.dismissed", object_id=learner_id)

        self._db.write(change)

    def trust(self, principal: Principal) -> tuple[Evidence | None, Trust | None, datetime | None]:
        """See `EarlyWarning.trust`."""
        principal.require("admin", "developer")
        with self._db.read() as conn:
            return _told(store.model_of(conn, principal.school_id))

    def renew_if_due(self, school_id: str) -> bool:
        """See `EarlyWarning.renew_if_due`."""
        now = self._clock()
        with self._db.read() as conn:
            kept = store.model_of(conn, school_id)
        late = None if kept is None else now - kept.made_at - (RENEW_AFTER if kept.model else TRY_AFTER)
        if late is not None and late < timedelta():
            return False
        overdue = late is None or late >= kernel_clock.OVERDUE
        by_day = overdue and 0 < self._records.count(school_id) <= kernel_clock.MOST_BY_DAY
        if not kernel_clock.may_change(now, self._school_time, self._identity.exam_until(school_id), overdue=by_day):
            return False
        self.renew(school_id)
        return True

    def renew(self, school_id: str) -> Evidence:
        """See `EarlyWarning.renew`."""
        agreed = self._people.consented(school_id, "improvement")
        rows = list(self._rows(school_id, agreed))
        there, made = warning.evidence(rows), warning.fit(rows)
        model = made[0].to_json() if made is not None and made[1].used else {}
        values = {
            "model": model,
            "trust": {} if made is None else asdict(made[1]),
            "evidence": asdict(there),
            "made_at": self._clock(),
        }

        def keep(uow: kernel_db.UnitOfWork) -> None:
            store.put_model(uow.conn, school_id, values)
            self._audit.record(
                uow,
                school_id=school_id,
                actor_id=kernel_audit.SYSTEM,
                action="warning.fitted",
                object_id=school_id,
                learners=there.learners,
                weeks=there.weeks,
                used=bool(model),
            )

        self._db.write(keep)
        return there

    def forget(self, event: kernel_outbox.Event) -> None:
        """A learner was erased: what teachers dismissed of them goes too."""
        self._db.write(lambda uow: store.forget(uow.conn, event.school_id, event.subject_id or ""))

    def _rows(self, school_id: str, agreed: frozenset[str]) -> Iterator[warning.Row]:
        """A row a learner and past week, of every class and course."""
        system, now = Principal(kernel_audit.SYSTEM, school_id, "admin"), self._clock()
        of_learner: dict[str, list[Response]] = {}
        for one in self._records.history(school_id, agreed, since=now - BACK * weeks.WEEK - weeks.REACH):
            of_learner.setdefault(one.learner_id, []).append(one)
        for each in self._people.classes(system):
            mine = [one.id for one in self._people.learners(system, each.id) if one.id in of_learner]
            rows = [row for one in mine for row in of_learner[one]]
            assigned = self._assessment.assignments(system, class_id=each.id) if rows else []
            for course_id in each.course_ids:
                yield from _past(_book(rows, mine, assigned, course_id), now)


def _book(
    rows: Iterable[Response], learner_ids: list[str], assigned: Iterable[Assignment], course_id: str
) -> weeks.ClassBook:
    here = [one for one in rows if one.item_id.startswith(f"{course_id}.")]
    return weeks.ClassBook.of(here, learner_ids, [one for one in assigned if one.course_id == course_id])


def _past(book: weeks.ClassBook, now: datetime) -> Iterator[warning.Row]:
    """Whole weeks that are over and had a week of answers before them."""
    first = book.first()
    for back in range(1, BACK + 1):
        moment = now - back * weeks.WEEK
        if first is None or moment - first < weeks.WEEK:
            return
        if (came := weeks.came(book, moment)) is not None:
            for who, known in weeks.known(book, moment).items():
                yield warning.Row(who, back - 1, known.values, came[who])


def _risks(model: warning.Model, learners: Iterable[Learner], known: Mapping[str, weeks.Known]) -> list[Risk]:
    """Those more likely than not to fall below, with a reason that can be counted, most at risk first."""
    asked = [one for one in learners if one.id in known]
    if not asked:
        return []
    chances = model.chances([known[one.id].values for one in asked]).tolist()
    found = [
        Risk(one, chance, _because(model, known[one.id]))
        for one, chance in zip(asked, chances, strict=True)
        if chance >= WARN_AT
    ]
    return sorted((one for one in found if one.because), key=lambda one: (-one.chance, one.learner.number))


def _because(model: warning.Model, one: weeks.Known) -> tuple[Because, ...]:
    return tuple(Because(fact, one.mine[fact], one.usual[fact], by) for fact, by in model.because(one))


def _told(kept: Any) -> tuple[Evidence | None, Trust | None, datetime | None]:  # Any: a row's values
    """What is kept of the last fit."""
    if kept is None:
        return None, None, None
    there = Evidence(**kept.evidence)
    if not kept.trust:
        return there, None, kept.made_at
    told = {**kept.trust, "evidence": Evidence(**kept.trust["evidence"])}
    return there, Trust(**{**told, "bins": tuple(Bin(*one) for one in told["bins"])}), kept.made_at
