"""Predicted attitude and goals of learners who agreed, for their teachers, with evidence, until a date.

Learnt from learners who agreed that their results count for others (`peers`; `outlookmodel` makes the versions),
foretold for those who agreed to that (`outlook`). What is taken back is not used from that moment: every reading asks
for the agreement, the event deletes what was derived, and a run that began before gives up its result.
Refuses: a pupil as reader; a second opinion on what was dismissed.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Row

from shuyuan.identity.interface import Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock as kernel_clock
from shuyuan.kernel import crypto, db, errors, log
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.learning.people.interface import People, Profile, Profiles, Stated
from shuyuan.learning.recommendation import (
    behaviour,
    coursestore,
    evidence,
    fitting,
    outlookmodel,
    outlookrows,
    store,
)
from shuyuan.learning.recommendation.interface import Expectation, Foretold, NoOutlook
from shuyuan.learning.recommendation.outlookmodel import OutlookModel
from shuyuan.learning.records.interface import Records
from shuyuan.maas.catalogue.interface import Version
from shuyuan.science.ranking import Outlook

FIELD = "recommendation_outlook.foretold"
HOLDS, REASONS = timedelta(days=28), 3
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
        outlook_model: OutlookModel,
        *,
        clock: kernel_clock.Clock = kernel_clock.now,
    ) -> None:
        self._db, self._vault, self._audit = db, vault, audit
        self._people, self._profiles, self._records = people, profiles, records
        self._model, self._clock = outlook_model, clock

    def of(self, principal: Principal, learner_id: str) -> Expectation | None:
        """What is to be expected, for a teacher of the learner."""
        principal.require("teacher", "admin")
        profile = self._profiles.of(principal, learner_id)
        if "outlook" not in profile.agreed:
            return None
        found = self._kept(principal.school_id, profile)
        if found is None:
            return None
        kept, row = found
        foretold = tuple(_in_words(head, kept) for head in kept["heads"])
        return Expectation(learner_id, foretold, kept["learners"], row.made_at, row.expires_at, kept.get("version", ""))

    def chances(self, principal: Principal, learner_id: str) -> Mapping[str, float]:
        """See Outlooks.chances."""
        profile = self._profiles.of(principal, learner_id)
        if not {"outlook", "suggestions"} <= profile.agreed:
            return {}
        found = self._kept(principal.school_id, profile)
        return {} if found is None else dict(found[0]["heads"])

    def why_not(self, principal: Principal, learner_id: str) -> NoOutlook | None:
        """See Outlooks.why_not."""
        principal.require("teacher", "admin")
        school_id, profile, now = principal.school_id, self._profiles.of(principal, learner_id), self._clock()
        if "outlook" not in profile.agreed or self._kept(school_id, profile) is not None:
            return None
        with self._db.read() as conn:
            set_aside = learner_id in store.dismissed(conn, school_id, now)
        if set_aside:
            return NoOutlook("set_aside")
        if self._model.serves(school_id):
            known = outlookrows.now(self._records, school_id, {learner_id: profile.stated}, now)
            return NoOutlook("soon" if known else "few_answers", wanted=behaviour.FEWEST_ANSWERS)
        return self._no_model(school_id)

    def _no_model(self, school_id: str) -> NoOutlook:
        newest = self._model.newest(school_id)
        if newest is not None:
            return NoOutlook("refused", version=newest.uri, at=newest.created_at)
        agreed = self._profiles.agreed(school_id, "peers")
        behind = len(outlookrows.now(self._records, school_id, agreed, self._clock()))
        if behind < outlookmodel.FEWEST_LEARNERS:
            return NoOutlook("few_learners", behind, outlookmodel.FEWEST_LEARNERS)
        return NoOutlook("not_fitted" if fitting.is_possible() else "no_parts")

    def _kept(self, school_id: str, profile: Profile) -> tuple[dict[str, Any], Row[Any]] | None:
        """What `_foretell` kept, while it holds: not once a fact in it is disputed. Any: its JSON, a row's values."""
        learner_id = profile.learner_id
        with self._db.read() as conn:
            row = store.outlook_of(conn, school_id, learner_id, self._clock())
            text = crypto.ERASED if row is None else self._vault.open(conn, learner_id, FIELD, row.foretold)
        if row is None or text == crypto.ERASED:
            return None
        kept = json.loads(text)
        return None if kept["facts"].keys() & set(profile.stated.disputed) else (kept, row)

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

    def renew(self, school_id: str, *, learn: bool = True, strict: bool = False) -> int:
        """See Outlooks.renew."""
        wanted = self._profiles.agreed(school_id, "outlook")
        self._sweep(school_id, set(wanted))
        failed = self._learn(school_id) if learn and wanted else None
        foretold = self._foretell_all(school_id, wanted)
        if strict and failed is not None:
            raise failed
        return foretold

    def _learn(self, school_id: str) -> errors.Unavailable | None:
        """A new version, where it is time; what kept it from being made."""
        try:
            self._model.turn(school_id)
        except errors.Unavailable as failed:
            _logger.error("outlook_not_fitted", school_id=school_id, error=failed.message)
            return failed
        return None

    def _foretell_all(self, school_id: str, wanted: Mapping[str, Stated]) -> int:
        used = self._model.in_use(school_id) if wanted else None
        if used is None:
            return 0
        with self._db.read() as conn:
            left_alone = store.dismissed(conn, school_id, self._clock())
        asked = {one: stated for one, stated in wanted.items() if one not in left_alone}
        rows, foretold = outlookrows.now(self._records, school_id, asked, self._clock()), 0
        for learner_id, row in rows.items():
            if not self._model.still_serves(used[0], school_id):
                break  # somebody behind it took it back meanwhile
            foretold += self._foretell(school_id, learner_id, row, *used)
        return foretold

    def overdue(self, school_id: str) -> bool:
        """See `OutlookModel.overdue`."""
        return self._model.overdue(school_id)

    def forget(self, event: kernel_outbox.Event) -> None:
        """Somebody took something back: what was derived from it goes."""
        taken_back = set(event.payload["purposes"])

        def remove(uow: db.UnitOfWork) -> None:
            if "outlook" in taken_back and event.subject_id:
                store.remove_outlooks(uow.conn, event.school_id, [event.subject_id])
            if "peers" in taken_back:  # made anew without them
                store.remove_gains(uow.conn, event.school_id)
                coursestore.remove(uow.conn, event.school_id)

        self._db.write(remove)
        if "peers" in taken_back:
            self._model.take_back(event.school_id)

    def _sweep(self, school_id: str, agreed: set[str]) -> None:
        with self._db.read() as conn:
            gone = (store.foretold(conn, school_id) - agreed) | store.run_out(conn, school_id, self._clock())
        if gone:
            self._db.write(lambda uow: store.remove_outlooks(uow.conn, school_id, gone))

    def _foretell(
        self, school_id: str, learner_id: str, row: outlookrows.Known, version: Version, model: Outlook
    ) -> bool:
        """Whether it was kept: not for who took it back, or whose teacher disagreed, while this was made."""
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
            "learners": int(version.figures["learners"]),
            "version": version.uri,
        }

        def put(uow: db.UnitOfWork) -> bool:
            now = self._clock()
            agreed = learner_id in self._profiles.still_agreed(uow, school_id, "outlook")
            if not agreed or learner_id in store.dismissed(uow.conn, school_id, now):
                return False
            sealed = self._vault.seal(uow, learner_id, FIELD, json.dumps(kept, ensure_ascii=False))
            store.put_outlook(
                uow.conn, school_id=school_id, learner_id=learner_id, foretold=sealed, now=now, expires_at=now + HOLDS
            )
            return True

        return self._db.write(put)


def _is_news(head: str, p: float, row: outlookrows.Known) -> bool:
    return p >= LIKELY and head.removeprefix("goal:") not in row.goals


def _in_words(head: str, kept: Mapping[str, Any]) -> Foretold:  # Any: JSON of `_foretell`
    reasons = [evidence.reason(field, kept["facts"].get(field), moved > 0) for field, moved in kept["because"][head]]
    return Foretold(head, kept["heads"][head], evidence.title(head), tuple(reasons))
