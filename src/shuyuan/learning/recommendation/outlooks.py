"""Predicted attitude and goals of learners who agreed, for their teachers, with evidence, until a date.

Trained on learners who agreed that their results count for others (`peers`), foretold for those who agreed to that
(`outlook`). What is taken back is not used from that moment: every reading asks for the agreement, the event deletes
what was derived, and a run that began before gives up its result.
Refuses: a pupil as reader; a head that foretells no better than a mere share; a second opinion on what was dismissed.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock as kernel_clock
from shuyuan.kernel import crypto, db, errors, log
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.learning.people.interface import People, Profiles
from shuyuan.learning.recommendation import evidence, fitting, outlookrows, store
from shuyuan.learning.recommendation.interface import Expectation, Foretold
from shuyuan.learning.records.interface import Records
from shuyuan.science.ranking import Outlook

FIELD = "recommendation_outlook.foretold"
HOLDS, RETRAIN_AFTER = timedelta(days=28), timedelta(days=7)
FEWEST_LEARNERS, REASONS = 20, 3
LIKELY = 0.5  # a goal below it is not mentioned
_logger = log.get("recommendation.outlooks")


class OutlooksService:
    """Implements `interface.Outlooks`."""

    def __init__(
        self,
        db: db.Database,
        vault: crypto.Vault,
        audit: kernel_audit.Audit,
        people: People,
        profiles: Profiles,
        records: Records,
        *,
        train: fitting.Train = fitting.train,
        clock: kernel_clock.Clock = kernel_clock.now,
    ) -> None:
        self._db, self._vault, self._audit = db, vault, audit
        self._people, self._profiles, self._records = people, profiles, records
        self._train, self._clock = train, clock

    def of(self, principal: Principal, learner_id: str) -> Expectation | None:
        """What is to be expected, for a teacher of the learner."""
        principal.require("teacher", "admin")
        if "outlook" not in self._profiles.of(principal, learner_id).agreed:
            return None
        with self._db.read() as conn:
            row = store.outlook_of(conn, principal.school_id, learner_id, self._clock())
            text = crypto.ERASED if row is None else self._vault.open(conn, learner_id, FIELD, row.foretold)
        if row is None or text == crypto.ERASED:
            return None
        kept = json.loads(text)
        foretold = tuple(_in_words(head, kept) for head in kept["heads"])
        return Expectation(learner_id, foretold, kept["learners"], row.made_at, row.expires_at)

    def dismiss(self, principal: Principal, learner_id: str) -> None:
        """The teacher disagrees."""
        principal.require("teacher", "admin")
        self._people.learner(principal, learner_id)

        def change(uow: db.UnitOfWork) -> None:
            school_id, by = principal.school_id, principal.account_id
            if not store.dismiss(uow.conn, school_id, learner_id, now=uow.now, by=by):
                raise errors.NotFound(f"nothing is foretold of {learner_id}", fix="it may have run out already")
            self._audit.record(uow, school_id=school_id, actor_id=by, action="outlook.dismissed", object_id=learner_id)

        self._db.write(change)

    def renew(self, school_id: str) -> int:
        """Train where it is time, foretell for who agreed, delete what is no longer agreed to."""
        wanted = self._profiles.agreed(school_id, "outlook")
        self._sweep(school_id, set(wanted))
        model = self._model(school_id) if wanted else None
        if model is None:
            return 0
        learnt, learners = model
        with self._db.read() as conn:
            left_alone = store.dismissed(conn, school_id, self._clock())
        asked = {one: stated for one, stated in wanted.items() if one not in left_alone}
        rows = outlookrows.now(self._records, school_id, asked, self._clock())
        for learner_id, row in rows.items():
            self._foretell(school_id, learner_id, row, learnt, learners)
        return len(rows)

    def forget(self, event: kernel_outbox.Event) -> None:
        """Somebody took something back: what was derived from it goes."""
        taken_back = set(event.payload["purposes"])

        def remove(uow: db.UnitOfWork) -> None:
            if "outlook" in taken_back and event.subject_id:
                store.remove_outlooks(uow.conn, event.school_id, [event.subject_id])
            if "peers" in taken_back:  # made anew without them
                store.remove_model(uow.conn, event.school_id)
                store.remove_gains(uow.conn, event.school_id)

        self._db.write(remove)

    def _sweep(self, school_id: str, agreed: set[str]) -> None:
        with self._db.read() as conn:
            gone = store.foretold(conn, school_id) - agreed
        if gone:
            self._db.write(lambda uow: store.remove_outlooks(uow.conn, school_id, gone))

    def _model(self, school_id: str) -> tuple[Outlook, int] | None:
        with self._db.read() as conn:
            row = store.model_of(conn, school_id)
        if row is not None and self._clock() - row.made_at < RETRAIN_AFTER:
            return Outlook.from_bytes(row.arrays), row.learners
        job = outlookrows.job(self._records, school_id, self._profiles.agreed(school_id, "peers"), self._clock())
        behind = set(job.person)
        if len(behind) < FEWEST_LEARNERS:
            return None
        arrays = self._train(job)
        if arrays is None:
            _logger.info("nothing_learnt", school_id=school_id, learners=len(behind))
            return None
        return (Outlook.from_bytes(arrays), len(behind)) if self._keep(school_id, arrays, behind) else None

    def _keep(self, school_id: str, arrays: bytes, behind: set[str]) -> bool:
        """False when somebody behind the model took it back meanwhile."""

        def keep(uow: db.UnitOfWork) -> bool:
            if not behind <= self._profiles.agreed(school_id, "peers").keys():
                return False
            store.put_model(
                uow.conn, school_id=school_id, arrays=arrays, learners=len(behind), figures={}, now=self._clock()
            )
            return True

        return self._db.write(keep)

    def _foretell(self, school_id: str, learner_id: str, row: outlookrows.Known, model: Outlook, learners: int) -> None:
        chances = dict(zip(model.heads, model.predict([row.values])[0].tolist(), strict=True))
        heads = [head for head, p in chances.items() if not head.startswith("goal:") or _is_news(head, p, row)]
        because = {
            head: [[field, moved] for field, moved in model.because(row.values, head)[:REASONS]] for head in heads
        }
        facts = {field: value for field, value in row.values.items() if value is not None}
        kept = {
            "heads": {head: round(chances[head], 3) for head in heads},
            "because": because,
            "facts": facts,
            "learners": learners,
        }

        def put(uow: db.UnitOfWork) -> None:
            if learner_id not in self._profiles.agreed(school_id, "outlook"):
                return
            sealed = self._vault.seal(uow, learner_id, FIELD, json.dumps(kept, ensure_ascii=False))
            now = self._clock()
            store.put_outlook(
                uow.conn, school_id=school_id, learner_id=learner_id, foretold=sealed, now=now, expires_at=now + HOLDS
            )

        self._db.write(put)


def _is_news(head: str, p: float, row: outlookrows.Known) -> bool:
    return p >= LIKELY and head.removeprefix("goal:") not in row.goals


def _in_words(head: str, kept: Mapping[str, Any]) -> Foretold:  # Any: JSON of `_foretell`
    reasons = [evidence.reason(field, kept["facts"].get(field), moved > 0) for field, moved in kept["because"][head]]
    return Foretold(head, kept["heads"][head], evidence.title(head), tuple(reasons))
