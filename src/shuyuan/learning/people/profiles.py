"""Profiles: stated by the learner, sealed under their key, used only for what was agreed, purpose by purpose.

Taking a purpose back removes the row that allowed it and tells everybody who derived something, in one unit of work.
Refuses: a profile stated by anybody but the learner, and a yes of a pupil below the school's age line.
"""

import json
from dataclasses import asdict
from typing import Any, cast, get_args

from sqlalchemy import Connection

from shuyuan.identity.interface import Identity, Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import crypto, db, errors
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.learning.people import base, profilestore
from shuyuan.learning.people import interface as words
from shuyuan.learning.people.interface import People, Profile, ProfilePurpose, Stated

FIELD = "people_profile.stated"
MAX_WORDS, MAX_DISPUTED = 300, 20
ALLOWED: dict[str, tuple[str, ...]] = {
    "interests": get_args(words.Interest),
    "goals": get_args(words.Goal),
    "education": get_args(words.Education),
    "pace": get_args(words.Pace),
    "style": get_args(words.Style),
}


class ProfilesService:
    """Implements `interface.Profiles`."""

    def __init__(
        self,
        db: db.Database,
        vault: crypto.Vault,
        audit: kernel_audit.Audit,
        outbox: kernel_outbox.Outbox,
        identity: Identity,
        people: People,
    ) -> None:
        self._db, self._vault, self._audit, self._outbox = db, vault, audit, outbox
        self._identity, self._people = identity, people

    def of(self, principal: Principal, learner_id: str) -> Profile:
        """A learner's profile, for whoever may see the learner."""
        band = self._people.learner(principal, learner_id).age_band
        with self._db.read() as conn:
            row = profilestore.row(conn, learner_id)
            agreed = profilestore.agreed(conn, learner_id)
            stated = Stated() if row is None else self._opened(conn, learner_id, row.stated)
        return Profile(
            learner_id,
            stated,
            frozenset(cast(set[ProfilePurpose], agreed)),
            None if row is None else row.changed_at,
            self._may_agree(principal, band),
        )

    def state(self, principal: Principal, stated: Stated) -> None:
        """Replace what the caller states."""
        principal.require("student")
        learner_id = self._people.learner(principal, principal.account_id).id
        _checked(stated)
        self._db.write(lambda uow: self._keep(uow, principal.school_id, learner_id, stated, learner_id))

    def agree(self, principal: Principal, learner_id: str, purposes: frozenset[ProfilePurpose]) -> None:
        """From now on exactly these purposes."""
        if unknown := purposes - set(words.PROFILE_PURPOSES):
            raise errors.BadInput(f"unknown purposes {sorted(unknown)}", fix=f"use {', '.join(words.PROFILE_PURPOSES)}")
        band = self._people.learner(principal, learner_id).age_band
        may = self._may_agree(principal, band)

        def change(uow: db.UnitOfWork) -> None:
            if not may and purposes - profilestore.agreed(uow.conn, learner_id):
                raise errors.Forbidden(
                    "below the school's age line the family says yes", fix="ask your teacher to write it down"
                )
            self._set(uow, principal.school_id, learner_id, purposes, principal.account_id)

        self._db.write(change)

    def forget(self, principal: Principal) -> None:
        """Delete the caller's profile and take back every purpose."""
        principal.require("student")
        learner_id = self._people.learner(principal, principal.account_id).id

        def remove(uow: db.UnitOfWork) -> None:
            profilestore.remove(uow.conn, learner_id)
            self._set(uow, principal.school_id, learner_id, frozenset(), learner_id)
            self._record(uow, principal.school_id, learner_id, "profile.forgotten", learner_id)

        self._db.write(remove)

    def write_down(
        self,
        uow: db.UnitOfWork,
        *,
        school_id: str,
        learner_id: str,
        stated: Stated,
        purposes: frozenset[ProfilePurpose],
        by: str,
    ) -> None:
        """See Profiles.write_down."""
        self._keep(uow, school_id, learner_id, _checked(stated), by)
        self._set(uow, school_id, learner_id, purposes, by)

    def agreed(self, school_id: str, purpose: ProfilePurpose) -> dict[str, Stated]:
        """learner id → what they state, of those who agreed."""
        with self._db.read() as conn:
            rows = profilestore.rows_agreed(conn, school_id, purpose)
            self._vault.warm(conn, [row.learner_id for row in rows])
            return {row.learner_id: self._opened(conn, row.learner_id, row.stated) for row in rows}

    def _keep(self, uow: db.UnitOfWork, school_id: str, learner_id: str, stated: Stated, by: str) -> None:
        text = json.dumps(asdict(stated), ensure_ascii=False)
        sealed = self._vault.seal(uow, learner_id, FIELD, text)
        profilestore.put(uow.conn, school_id=school_id, learner_id=learner_id, stated=sealed, now=uow.now)
        self._record(uow, school_id, by, "profile.stated", learner_id)

    def _set(
        self, uow: db.UnitOfWork, school_id: str, learner_id: str, purposes: frozenset[ProfilePurpose], by: str
    ) -> None:
        gone = profilestore.set_agreed(
            uow.conn, school_id=school_id, learner_id=learner_id, purposes=purposes, now=uow.now, by=by
        )
        self._record(uow, school_id, by, "profile.consent", learner_id, purposes=" ".join(sorted(purposes)))
        if gone:
            self._outbox.emit(
                uow, words.PROFILE_WITHDRAWN, school_id=school_id, subject_id=learner_id, purposes=sorted(gone)
            )

    def _may_agree(self, principal: Principal, band: str) -> bool:
        if principal.role != "student":
            return principal.role in ("admin", "teacher")
        return base.FROM_YEARS[band] >= self._identity.school(principal.school_id).age_line

    def _opened(self, conn: Connection, learner_id: str, sealed: bytes | None) -> Stated:
        text = crypto.ERASED if sealed is None else self._vault.open(conn, learner_id, FIELD, sealed)
        if text == crypto.ERASED:
            return Stated()
        kept: dict[str, Any] = json.loads(text)  # Any: JSON of this very class
        fields: dict[str, Any] = {key: tuple(one) if isinstance(one, list) else one for key, one in kept.items()}
        return Stated(**fields)

    def _record(self, uow: db.UnitOfWork, school_id: str, by: str, action: str, learner_id: str, **detail: str) -> None:
        self._audit.record(uow, school_id=school_id, actor_id=by, action=action, object_id=learner_id, **detail)


def _checked(stated: Stated) -> Stated:
    """Raises BadInput naming the field, the value and the words there are."""
    for field, allowed in ALLOWED.items():
        value = getattr(stated, field)
        given = value if isinstance(value, tuple) else () if value is None else (value,)
        if unknown := [one for one in given if one not in allowed]:
            raise errors.BadInput(f"{field}: unknown {unknown[0][:40]!r}", fix=f"use {', '.join(allowed)}")
    if len(stated.own_words) > MAX_WORDS:
        raise errors.BadInput(f"own_words has {len(stated.own_words)} characters", fix=f"use at most {MAX_WORDS}")
    if len(stated.disputed) > MAX_DISPUTED or any(len(one) > 40 for one in stated.disputed):
        raise errors.BadInput("disputed names too much", fix=f"at most {MAX_DISPUTED} facts")
    return stated
