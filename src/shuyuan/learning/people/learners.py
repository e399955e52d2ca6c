"""Learners: added, seen, given a PIN and consent, erased."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, get_args

from sqlalchemy import Connection, Row

from shuyuan.identity import interface as identity_interface
from shuyuan.identity.interface import Hashed, Language, Principal, pupil_login
from shuyuan.kernel import clock, db, errors, ids
from shuyuan.learning.people import base, codes, roster, store, tables
from shuyuan.learning.people.interface import CONSENT_CHANGED, LEARNER_ERASED, AgeBand, Learner, Place, Purpose

PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
VIEWED, LISTED, MAX_VIEWS = "learner.viewed", "learner.listed", 200
MOST_LISTED = 100_000  # pairs of reader and learner remembered
LISTED_ONCE_IN = timedelta(hours=12)  # a list that is opened again on the same day says nothing new


class Learners(base.Base):
    """The learner verbs of `interface.People`."""

    def learners(self, principal: Principal, class_id: str) -> list[Learner]:
        """The learners of a class by number; a pupil finds only themselves."""
        with self._db.read() as conn:
            self._class_row(conn, principal, class_id)
            found = self._learners(conn, store.learners(conn, principal, class_id))
        return sorted(found, key=lambda one: (len(one.number), one.number))

    def learner(self, principal: Principal, learner_id: str) -> Learner:
        """One learner."""
        with self._db.read() as conn:
            return self._learners(conn, [self._learner_row(conn, principal, learner_id)])[0]

    def place(self, conn: Connection, principal: Principal, learner_id: str) -> Place:
        """See `interface.People.place`."""
        rows = store.place(conn, principal, learner_id)
        if not rows:
            raise base.no_learner(learner_id)
        agreed = frozenset(row.purpose for row in rows if row.purpose is not None)
        return Place(tuple(rows[0].course_ids), agreed)

    def add_learner(
        self,
        uow: db.UnitOfWork,
        *,
        school_id: str,
        class_id: str,
        number: str,
        name: str,
        pin: str | Hashed | None,
        age_band: AgeBand = "unknown",
        simulated: bool = False,
        consent: frozenset[Purpose] = frozenset({"learning"}),
        actor_id: str = "system",
        language: Language = "zh",
    ) -> str:
        """See `interface.People.add_learner`."""
        into = store.class_of_school(uow.conn, school_id, class_id)
        if into is None:
            raise base.no_class(class_id)
        learner_id = self._insert(
            uow,
            into,
            number=number,
            name=name,
            pin=pin,
            age_band=age_band,
            simulated=simulated,
            consent=consent,
            actor_id=actor_id,
            language=language,
        )
        self._identity.add_to_group(uow, school_id=school_id, group_id=class_id, account_ids=[learner_id])
        return learner_id

    def _insert(
        self,
        uow: db.UnitOfWork,
        into: Row[Any],
        *,
        number: str,
        name: str,
        pin: str | Hashed | None,  # Any: a row
        age_band: AgeBand,
        simulated: bool,
        consent: frozenset[Purpose],
        actor_id: str,
        language: Language,
    ) -> str:
        """The learner without the group: a class list joins all of its pupils at once."""
        school_id, class_id = into.school_id, into.id
        plain = codes.clean_number(number)
        number_hash = self._number_hash(into.code, plain)
        if store.number_taken(uow.conn, class_id, number_hash):
            raise errors.Conflict(f"the number {plain!r} is taken in this class", fix="give another number")
        learner_id = self._identity.create_account(
            uow,
            school_id=school_id,
            role="student",
            name=name,
            login=pupil_login(into.code, plain),
            secret=pin,
            actor_id=actor_id,
            language=language,
        )
        uow.conn.execute(
            tables.learner.insert().values(
                id=learner_id,
                school_id=school_id,
                class_id=class_id,
                number_hash=number_hash,
                number=self._vault.seal(uow, learner_id, base.NUMBER_FIELD, plain),
                name=self._vault.seal(uow, learner_id, base.NAME_FIELD, " ".join(name.split())),
                age_band=_checked_band(age_band),
                simulated=simulated,
                created_at=uow.now,
            )
        )
        store.add_consents(
            uow.conn, school_id=school_id, learner_id=learner_id, purposes=_checked(consent), now=uow.now, by=actor_id
        )
        return learner_id

    def reset_pin(self, principal: Principal, learner_id: str) -> str:
        """A new PIN, shown this once; the pupil's sessions end."""
        principal.require("admin", "teacher")
        pin = identity_interface.new_pin()
        hashed = self._identity.hash_secret(pin, "student")

        def reset(uow: db.UnitOfWork) -> str:
            self._learner_row(uow.conn, principal, learner_id)
            self._identity.set_secret(
                uow, school_id=principal.school_id, account_id=learner_id, secret=hashed, actor_id=principal.account_id
            )
            return pin

        return self._db.write(reset)

    def set_consent(self, principal: Principal, learner_id: str, consent: frozenset[Purpose]) -> None:
        """What the family agreed to, as the school records it."""
        principal.require("admin", "teacher")
        purposes = _checked(consent)

        def change(uow: db.UnitOfWork) -> None:
            self._learner_row(uow.conn, principal, learner_id)
            if "learning" in store.consents(uow.conn, [learner_id]).get(learner_id, set()) - purposes:
                raise errors.BadInput(
                    "purposes leaves out learning, which is what the school is there for",
                    fix="keep learning among them; to end it, erase the learner",
                )
            store.set_consents(
                uow.conn,
                school_id=principal.school_id,
                learner_id=learner_id,
                purposes=purposes,
                now=uow.now,
                by=principal.account_id,
            )
            self._record(uow, principal, "consent.set", learner_id, purposes=" ".join(sorted(purposes)))
            self._outbox.emit(uow, CONSENT_CHANGED, school_id=principal.school_id, subject_id=learner_id)

        self._db.write(change)

    def consented(self, school_id: str, purpose: Purpose) -> frozenset[str]:
        """Learner ids of the school who agreed to `purpose`."""
        with self._db.read() as conn:
            return store.consented(conn, school_id, purpose)

    def erase(self, principal: Principal, learner_id: str) -> None:
        """Destroy the learner's key and account; responses stay without a person. Cannot be undone."""
        principal.require("admin")

        def erase(uow: db.UnitOfWork) -> None:
            self._learner_row(uow.conn, principal, learner_id)
            self._vault.erase(uow, learner_id)
            store.change_learner(uow.conn, learner_id, erased_at=uow.now, number_hash=ids.new_id())
            store.set_consents(
                uow.conn,
                school_id=principal.school_id,
                learner_id=learner_id,
                purposes=(),
                now=uow.now,
                by=principal.account_id,
            )
            self._identity.close_account(
                uow, school_id=principal.school_id, account_id=learner_id, actor_id=principal.account_id
            )
            self._record(uow, principal, "learner.erased", learner_id)
            self._outbox.emit(uow, LEARNER_ERASED, school_id=principal.school_id, subject_id=learner_id)

        self._db.write(erase)

    def record_view(self, principal: Principal, learner_id: str) -> None:
        """Note that the caller opened this learner's pages; one's own visits are not noted."""
        if learner_id == principal.account_id:
            return

        def note(uow: db.UnitOfWork) -> None:
            self._learner_row(uow.conn, principal, learner_id)
            self._record(uow, principal, VIEWED, learner_id)

        self._db.write(note)

    def record_views(self, principal: Principal, learner_ids: Iterable[str]) -> None:
        """Note that a list showed answers of these: each once in `LISTED_ONCE_IN` to the same reader."""
        reader, since = principal.account_id, clock.now() - LISTED_ONCE_IN
        shown = [one for one in dict.fromkeys(learner_ids) if one != reader]
        new = [one for one in shown if self._listed.get((reader, one), since) <= since]
        if not new:
            return

        def note(uow: db.UnitOfWork) -> None:
            for learner_id in new:
                self._learner_row(uow.conn, principal, learner_id)
                self._record(uow, principal, LISTED, learner_id)
            uow.after_commit(lambda: self._remember_listed({(reader, one): uow.now for one in new}))

        self._db.write(note)

    def _remember_listed(self, noted: Mapping[tuple[str, str], datetime]) -> None:
        """In this process: what is forgotten is noted once more."""
        if len(self._listed) > MOST_LISTED:
            self._listed.clear()
        self._listed.update(noted)

    def seen(self, principal: Principal, learner_id: str) -> list[tuple[datetime, str]]:
        """Who opened this learner's pages or a list with their answers: (time, account id), newest first, at most
        `MAX_VIEWS`."""
        with self._db.read() as conn:
            self._learner_row(conn, principal, learner_id)
            return store.views(conn, principal.school_id, learner_id, (VIEWED, LISTED), MAX_VIEWS)


def _checked(purposes: frozenset[Purpose]) -> frozenset[Purpose]:
    if unknown := purposes - set(PURPOSES):
        raise errors.BadInput(f"unknown purposes {sorted(unknown)}", fix=f"use {', '.join(PURPOSES)}")
    return purposes


def _checked_band(band: AgeBand) -> AgeBand:
    if band not in roster.BANDS:
        raise errors.BadInput(f"unknown age band {band!r}", fix=f"use {', '.join(roster.BANDS)}")
    return band
