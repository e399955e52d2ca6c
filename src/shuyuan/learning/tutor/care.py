"""Signs of harm reach people: the person the school named, its administrators and the teachers of that class.

Owns who may see them. A list never holds the words; whoever opens the chat leaves a mark, and so does whoever says
that it was seen. One that was seen stays in everybody's list for `KEPT_DAYS`: it was seen by one, not by all.
"""

import contextlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row

from shuyuan.identity.interface import RESPONSIBLE, Identity, Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock, db, errors, outbox
from shuyuan.learning.people.interface import People
from shuyuan.learning.tutor import carestore, interface, store

LISTED, KEPT_DAYS, CHAT_TURNS = 100, 30, 30


class Care:
    """Notes signs of harm and shows them to whoever answers for the pupil."""

    def __init__(
        self,
        database: db.Database,
        audit: kernel_audit.Audit,
        people: People,
        identity: Identity,
        transcript: store.Transcript,
        now: clock.Clock,
    ) -> None:
        self._db, self._audit, self._now = database, audit, now
        self._people, self._identity, self._transcript = people, identity, transcript

    def note_turn(self, uow: db.UnitOfWork, principal: Principal, turn_id: str, class_id: str) -> None:
        """A pupil wrote it to the tutor; in the unit that stores the turn."""
        school_id, who = principal.school_id, principal.account_id
        self._audit.record(uow, school_id=school_id, actor_id=who, action="care.needed", object_id=turn_id)
        carestore.add(
            uow,
            school_id=school_id,
            account_id=who,
            class_id=class_id,
            place="tutor",
            source=turn_id,
            turn_id=turn_id,
            at=uow.now,
        )

    def note_event(self, event: outbox.Event) -> None:
        """Somebody wrote it to the model API: handles `gateway.harm_signs`; a second delivery changes nothing."""
        account_id = str(event.subject_id)
        class_id = self._class_of(event.school_id, account_id)
        self._db.write(
            lambda uow: carestore.add(
                uow,
                school_id=event.school_id,
                account_id=account_id,
                class_id=class_id,
                place="api",
                source=f"event-{event.seq}",
                key_id=event.payload.get("key_id"),
                at=event.at,
            )
        )

    def concerns(self, principal: Principal) -> Sequence[interface.Concern]:
        """See `interface.Tutor.concerns`."""
        seen_after = self._now() - timedelta(days=KEPT_DAYS)
        within = self._within(principal)
        with self._db.read() as conn:
            rows = carestore.of_school(conn, principal.school_id, within, seen_after=seen_after, limit=LISTED)
        return [self._concern(row) for row in rows]

    def chat(self, principal: Principal, concern_id: str) -> tuple[interface.Concern, Sequence[interface.Turn]]:
        """See `interface.Tutor.concern_chat`."""
        row = self._row(principal, concern_id)
        if row.turn_id is None:
            return self._concern(row), ()
        self._note_reading(principal, row)
        with self._db.read() as conn:
            place = carestore.beside(conn, principal.school_id, row.turn_id)
            if place is None:
                return self._concern(row), ()
            turns = self._transcript.of_learner(
                conn,
                principal.school_id,
                place.learner_id,
                limit=CHAT_TURNS,
                attempt_id=place.attempt_id,
                item_id=place.item_id,
            )
        return self._concern(row), turns

    def see(self, principal: Principal, concern_id: str) -> None:
        """See `interface.Tutor.see_concern`."""
        row = self._row(principal, concern_id)

        def note(uow: db.UnitOfWork) -> None:
            if carestore.see(uow, row.id, principal.account_id):
                self._record(uow, principal, "care.seen", row.id)

        self._db.write(note)

    def _row(self, principal: Principal, concern_id: str) -> Row[Any]:  # Any: a row's values
        with self._db.read() as conn:
            row = carestore.one(conn, principal.school_id, self._within(principal), concern_id)
        if row is None:
            raise errors.NotFound(f"notice {concern_id} is not here", fix="open it from the list")
        return row

    def _within(self, principal: Principal) -> list[str] | None:
        """The classes a reader answers for; None: the whole school."""
        principal.require("admin", "teacher")
        named = self._identity.setting(principal.school_id, RESPONSIBLE)
        if principal.role == "admin" or (named and named.value.get("account_id") == principal.account_id):
            return None
        return [class_.id for class_ in self._people.classes(principal)]

    def _note_reading(self, principal: Principal, row: Row[Any]) -> None:
        with contextlib.suppress(errors.NotFound):  # the named person may teach other classes
            self._people.record_view(principal, row.account_id)
        self._db.write(lambda uow: self._record(uow, principal, "transcript.read", row.account_id))

    def _record(self, uow: db.UnitOfWork, principal: Principal, action: str, object_id: str) -> None:
        self._audit.record(
            uow, school_id=principal.school_id, actor_id=principal.account_id, action=action, object_id=object_id
        )

    def _concern(self, row: Row[Any]) -> interface.Concern:
        """With names: whoever got here may see them. Whoever was erased, or has left, has none."""
        return interface.Concern(
            id=row.id,
            account_id=row.account_id,
            name=self._name(row.school_id, row.account_id),
            class_name=self._class_name(row.school_id, row.class_id),
            place=row.place,
            has_chat=row.turn_id is not None,
            at=row.at,
            seen_at=row.seen_at,
            seen_by=self._name(row.school_id, row.seen_by) if row.seen_by else "",
        )

    def _name(self, school_id: str, account_id: str) -> str:
        try:
            return self._identity.account(_office(school_id), account_id).name
        except errors.NotFound:
            return ""

    def _class_name(self, school_id: str, class_id: str | None) -> str:
        try:
            return self._people.class_(_office(school_id), class_id).name if class_id else ""
        except errors.NotFound:
            return ""

    def _class_of(self, school_id: str, account_id: str) -> str | None:
        try:
            return self._people.learner(_office(school_id), account_id).class_id
        except errors.NotFound:
            return None


def _office(school_id: str) -> Principal:
    """The eyes of the school: what is looked up with them is shown to whoever `_within` let in."""
    return Principal(kernel_audit.SYSTEM, school_id, "admin")
