"""Profiles: stated by the learner, sealed under their key, used only for what was agreed, purpose by purpose.

Taking a purpose back removes the row that allowed it and tells everybody who derived something, in one unit of work.
Refuses: a profile stated by anybody but the learner, a yes that is neither the learner's own nor, below the school's
age line, an administrator's with the family's paper. Anybody who may see the learner may take back.
"""

import json
import re
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any, cast, get_args

from sqlalchemy import Connection, Row

from shuyuan.identity.interface import Identity, Principal
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import clock, crypto, db, errors
from shuyuan.kernel import outbox as kernel_outbox
from shuyuan.learning.people import base, profilestore
from shuyuan.learning.people import interface as words
from shuyuan.learning.people.interface import Decided, Decision, People, Profile, ProfilePurpose, Stated

FIELD, DECIDED = "people_profile.stated", "profile.consent"
MAX_WORDS, MAX_DISPUTED = 300, 20
EARLIEST_ZONE = timedelta(hours=14)  # where a day begins first
PRIVATE = re.compile(r"\d{7,}|\d(?:[ .()/-]{0,2}\d){8,}|[^\s@]+@[^\s@]+\.[^\s@]+")  # no date is as long
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

    def decided(self, principal: Principal, learner_id: str) -> Decided:
        """See Profiles.decided."""
        self._people.learner(principal, learner_id)
        with self._db.read() as conn:
            given = profilestore.given(conn, learner_id)
            rows = profilestore.decisions(conn, principal.school_id, learner_id, DECIDED)
        changes = [_decision(one) for one in rows]
        papers = {(one.at, one.by): one.paper_dated for one in changes}
        told = {cast(ProfilePurpose, one): Decision(*said, papers.get(said)) for one, said in given.items()}
        return Decided(told, changes[0] if changes else None)

    def state(self, principal: Principal, stated: Stated) -> None:
        """Replace what the caller states."""
        principal.require("student")
        learner_id = self._people.learner(principal, principal.account_id).id
        _checked(stated)
        self._db.write(lambda uow: self._keep(uow, principal.school_id, learner_id, stated, learner_id))

    def agree(
        self,
        principal: Principal,
        learner_id: str,
        purposes: frozenset[ProfilePurpose],
        *,
        paper_dated: date | None = None,
    ) -> None:
        """See Profiles.agree."""
        if unknown := purposes - set(words.PROFILE_PURPOSES):
            raise errors.BadInput(f"unknown purposes {sorted(unknown)}", fix=f"use {', '.join(words.PROFILE_PURPOSES)}")
        band = self._people.learner(principal, learner_id).age_band
        may = self._may_agree(principal, band)

        def change(uow: db.UnitOfWork) -> None:
            fresh = purposes - profilestore.agreed(uow.conn, learner_id)
            if fresh and not may:
                raise _refused(principal, fresh)
            paper = _paper(paper_dated) if fresh and principal.role != "student" else {}
            self._set(uow, principal.school_id, learner_id, purposes, principal.account_id, **paper)

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

    def still_agreed(self, uow: db.UnitOfWork, school_id: str, purpose: ProfilePurpose) -> frozenset[str]:
        """See Profiles.still_agreed."""
        return profilestore.who_agreed(uow.conn, school_id, purpose)

    def _keep(self, uow: db.UnitOfWork, school_id: str, learner_id: str, stated: Stated, by: str) -> None:
        text = json.dumps(asdict(stated), ensure_ascii=False)
        sealed = self._vault.seal(uow, learner_id, FIELD, text)
        profilestore.put(uow.conn, school_id=school_id, learner_id=learner_id, stated=sealed, now=uow.now)
        self._record(uow, school_id, by, "profile.stated", learner_id)

    def _set(
        self,
        uow: db.UnitOfWork,
        school_id: str,
        learner_id: str,
        purposes: frozenset[ProfilePurpose],
        by: str,
        **paper: str,
    ) -> None:
        if purposes == profilestore.agreed(uow.conn, learner_id):
            return  # nobody decided anything
        gone = profilestore.set_agreed(
            uow.conn, school_id=school_id, learner_id=learner_id, purposes=purposes, now=uow.now, by=by
        )
        detail = {"purposes": " ".join(sorted(purposes)), **paper}
        self._record(uow, school_id, by, DECIDED, learner_id, **detail)
        if gone:
            self._outbox.emit(
                uow, words.PROFILE_WITHDRAWN, school_id=school_id, subject_id=learner_id, purposes=sorted(gone)
            )

    def _may_agree(self, principal: Principal, band: str) -> bool:
        old_enough = base.FROM_YEARS[band] >= self._identity.school(principal.school_id).age_line
        return principal.role == ("student" if old_enough else "admin")

    def _opened(self, conn: Connection, learner_id: str, sealed: bytes | None) -> Stated:
        text = crypto.ERASED if sealed is None else self._vault.open(conn, learner_id, FIELD, sealed)
        if text == crypto.ERASED:
            return Stated()
        kept: dict[str, Any] = json.loads(text)  # Any: JSON of this very class
        fields: dict[str, Any] = {key: tuple(one) if isinstance(one, list) else one for key, one in kept.items()}
        return Stated(**fields)

    def _record(self, uow: db.UnitOfWork, school_id: str, by: str, action: str, learner_id: str, **detail: str) -> None:
        self._audit.record(uow, school_id=school_id, actor_id=by, action=action, object_id=learner_id, **detail)


def _refused(principal: Principal, fresh: frozenset[ProfilePurpose]) -> errors.Forbidden:
    if principal.role == "student":
        fix = "ask the school's office to note the paper your family signed"
        return errors.Forbidden("below the school's age line the family says yes", fix=fix)
    fix = "leave that out; below the age line an administrator notes the family's paper"
    return errors.Forbidden(f"only the learner says yes to {', '.join(sorted(fresh))}", fix=fix)


def _paper(dated: date | None) -> dict[str, str]:
    """What is noted of the family's paper. Raises BadInput unless there is one, signed by today."""
    if dated is None:
        raise errors.BadInput("no paper of the family is named", fix="give paper_dated, the day it was signed")
    if dated > (clock.now() + EARLIEST_ZONE).date():
        raise errors.BadInput(f"paper_dated is {dated}, a day to come", fix="give the day the paper was signed")
    return {"paper_dated": dated.isoformat()}


def _decision(row: Row[Any]) -> Decision:  # Any: a row's values
    paper = row.detail.get("paper_dated")
    return Decision(row.at, row.actor_id, None if paper is None else date.fromisoformat(paper))


def _checked(stated: Stated) -> Stated:
    """Raises BadInput naming the field, the value and the words there are."""
    for field, allowed in ALLOWED.items():
        value = getattr(stated, field)
        given = value if isinstance(value, tuple) else () if value is None else (value,)
        if unknown := [one for one in given if one not in allowed]:
            raise errors.BadInput(f"{field}: unknown {unknown[0][:40]!r}", fix=f"use {', '.join(allowed)}")
    if len(stated.own_words) > MAX_WORDS:
        raise errors.BadInput(f"own_words has {len(stated.own_words)} characters", fix=f"use at most {MAX_WORDS}")
    if PRIVATE.search(stated.own_words):
        raise errors.BadInput(
            "own_words holds what looks like a telephone number or an e-mail address",
            fix="leave it out; teachers read this",
            code="own_words_private",
        )
    if len(stated.disputed) > MAX_DISPUTED or any(len(one) > 40 for one in stated.disputed):
        raise errors.BadInput("disputed names too much", fix=f"at most {MAX_DISPUTED} facts")
    return stated
