"""API keys: shown once, kept as hashes, scoped, expiring, revoked at once."""

import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, get_args

from sqlalchemy import Row

from shuyuan.identity import base, store, tables
from shuyuan.identity.interface import KEY_MAX_DAYS, KEY_SCOPES, Band, KeyInfo, NewKey, Principal, Role
from shuyuan.kernel import clock, db, errors, ids

PREFIX, SHOWN = "sk-", 10
MAX_DAYS, MAX_KEYS = KEY_MAX_DAYS, 50
USE_NOTED_EVERY = timedelta(hours=1)  # `last_used_at` costs one write an hour, not one a request
GRANTABLE: dict[Role, frozenset[str]] = {
    "admin": frozenset(KEY_SCOPES),
    "teacher": frozenset({"models", "learning"}),
    "developer": frozenset({"models", "learning"}),
    "student": frozenset(),  # models reach pupils through the tutor, never by key
    "guardian": frozenset(),
}


class Keys(base.Base):
    """The key verbs of `interface.Identity`."""

    def create_key(
        self,
        principal: Principal,
        name: str,
        *,
        scopes: Iterable[str] = ("models",),
        expires_in_days: int | None = 90,
        age_band: Band | None = None,
    ) -> NewKey:
        """A key that acts as `principal` within `scopes`. None: never expires. The secret is not stored."""
        wanted, plain = _granted(principal, scopes), base.clean_name(name)
        if age_band not in (None, *get_args(Band)):
            raise errors.BadInput(f"age_band {age_band!r}", fix=f"use {', '.join(get_args(Band))}")
        if expires_in_days is not None and not 1 <= expires_in_days <= MAX_DAYS:
            raise errors.BadInput(
                f"expires_in_days: a key cannot last {expires_in_days} days",
                fix=f"give 1 to {MAX_DAYS}, or say that it never expires",
            )
        secret, key_id = PREFIX + secrets.token_urlsafe(32), ids.new_id()

        def create(uow: db.UnitOfWork) -> NewKey:
            if len([k for k in store.keys_of(uow.conn, principal) if k.revoked_at is None]) >= MAX_KEYS:
                raise errors.Conflict(f"there are {MAX_KEYS} keys already", fix="revoke one that is not used")
            ends = None if expires_in_days is None else uow.now + timedelta(days=expires_in_days)
            uow.conn.execute(
                tables.key.insert().values(
                    id=key_id,
                    school_id=principal.school_id,
                    account_id=principal.account_id,
                    name=plain,
                    prefix=secret[:SHOWN],
                    secret_hash=base.digest(secret),
                    scopes=sorted(wanted),
                    age_band=age_band,
                    created_at=uow.now,
                    expires_at=ends,
                )
            )
            noted = {"scopes": " ".join(sorted(wanted))} | ({"age_band": age_band} if age_band else {})
            self._record(uow, principal.school_id, principal.account_id, "key.created", key_id, **noted)
            return NewKey(key_id, secret, plain, wanted, ends, age_band)

        return self._db.write(create)

    def keys(self, principal: Principal) -> list[KeyInfo]:
        """One's own keys, newest first, revoked ones too."""
        with self._db.read() as conn:
            return [_info(row) for row in store.keys_of(conn, principal)]

    def school_keys(self, principal: Principal) -> list[KeyInfo]:
        """See `interface.Identity.school_keys`."""
        principal.require("admin")
        with self._db.read() as conn:
            return [_info(row) for row in store.keys_of_school(conn, principal.school_id)]

    def revoke_key(self, principal: Principal, key_id: str) -> None:
        """End a key at once: one's own, or as administrator any of the school."""

        def revoke(uow: db.UnitOfWork) -> None:
            if not store.revoke_key(uow.conn, principal, key_id, uow.now):
                raise errors.NotFound(f"key {key_id} is not here", fix="list your keys")
            self._record(uow, principal.school_id, principal.account_id, "key.revoked", key_id)

        self._write_and_forget(revoke)

    def principal_of_key(self, secret: str) -> Principal:
        """Who holds this API key; Unauthenticated when it is unknown, expired or revoked."""
        secret_hash = base.digest(secret)

        def load() -> Principal:
            now = clock.now()
            with self._db.read() as conn:
                found = store.principal_of_key(conn, secret_hash, now)
            if found is None:
                raise errors.Unauthenticated("the API key is unknown, expired or revoked", fix="create a new key")
            principal, last_used_at = found
            if last_used_at is None or now - last_used_at > USE_NOTED_EVERY:
                self._db.write(lambda uow: store.note_use(uow.conn, secret_hash, uow.now))
            return principal

        return self._cache.get(secret_hash, load)


def _info(row: Row[Any]) -> KeyInfo:  # Any: a row's values
    return KeyInfo(
        row.id,
        row.name,
        row.prefix,
        frozenset(row.scopes),
        row.created_at,
        row.expires_at,
        row.revoked_at,
        row.last_used_at,
        row.age_band,
        row.account_id,
    )


def _granted(principal: Principal, scopes: Iterable[str]) -> frozenset[str]:
    if not GRANTABLE[principal.role]:
        raise errors.Forbidden(
            f"a {principal.role}'s account has no API keys: no address would accept one",
            fix="create the key with the account of a developer, teacher or administrator",
        )
    wanted = frozenset(scopes)
    if unknown := sorted(wanted - frozenset(KEY_SCOPES)):
        raise errors.BadInput(f"scope {unknown[0][:40]!r} is unknown", fix=f"use {', '.join(KEY_SCOPES)}")
    may = GRANTABLE[principal.role] & principal.scopes
    if not wanted or wanted - may:
        named = ", ".join(repr(one[:40]) for one in sorted(wanted - may)) or "none at all"
        raise errors.Forbidden(
            f"scope: a {principal.role}'s key cannot have {named}", fix=f"choose among {', '.join(sorted(may))}"
        )
    return wanted
