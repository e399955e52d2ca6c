"""What the verbs of identity share: the database, the cache, the audit trail, logins and names in normal form."""

import hashlib
import unicodedata
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Row, update

from shuyuan.identity import store, tables
from shuyuan.identity.cache import PrincipalCache
from shuyuan.identity.interface import Principal, pupil_login
from shuyuan.kernel import audit as kernel_audit
from shuyuan.kernel import crypto, db, errors

T = TypeVar("T")
MAX_NAME, MAX_LOGIN = 64, 120
NAME_FIELD = "identity_account.name"


class Base:
    """One per process: it holds the principal cache."""

    def __init__(self, db: db.Database, vault: crypto.Vault, audit: kernel_audit.Audit) -> None:
        self._db, self._vault, self._audit = db, vault, audit
        self._cache = PrincipalCache()

    def peek(self, secret: str) -> Principal | None:
        """Who holds this key or cookie, if that was looked up within the last second; never waits."""
        return self._cache.peek(digest(secret))

    def ageing(self, secret: str) -> bool:
        """Whether what `peek` says should be looked up again, before it is forgotten; never waits."""
        return self._cache.ageing(digest(secret))

    def _write_and_forget(self, work: Callable[[db.UnitOfWork], T]) -> T:
        """Run a unit, then empty the cache."""

        def unit(uow: db.UnitOfWork) -> T:
            uow.after_commit(self._cache.clear)
            return work(uow)

        return self._db.write(unit)

    def _change(self, uow: db.UnitOfWork, account_id: str, **values: object) -> None:
        uow.conn.execute(update(tables.account).where(tables.account.c.id == account_id).values(**values))
        uow.after_commit(self._cache.clear)

    def _set_active(self, uow: db.UnitOfWork, account_id: str, active: bool) -> None:
        self._change(uow, account_id, active=active)
        if not active:
            store.end_sessions(uow.conn, account_id)
            store.revoke_keys_of(uow.conn, account_id, uow.now)

    def _row(self, uow: db.UnitOfWork, school_id: str, account_id: str) -> Row[Any]:
        row = store.account_by_id(uow.conn, school_id, account_id)
        if row is None:
            raise no_account(account_id)
        return row

    def _login_hash(self, login: str) -> str:
        return self._vault.keyed_hash("login", normal_login(login))

    def _record(
        self,
        uow: db.UnitOfWork,
        school_id: str,
        actor_id: str,
        action: str,
        object_id: str,
        **detail: str | int | float | bool | None,
    ) -> None:
        self._audit.record(uow, school_id=school_id, actor_id=actor_id, action=action, object_id=object_id, **detail)


def digest(secret: str) -> str:
    """What is stored of a token or key: 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def clean_name(name: str) -> str:
    """A person's name with single spaces; BadInput when empty, too long or not printable."""
    plain = " ".join(unicodedata.normalize("NFC", name).split())
    if not 0 < len(plain) <= MAX_NAME or not plain.isprintable():
        raise errors.BadInput(f"a name of {len(plain)} characters", fix=f"use 1 to {MAX_NAME} printable characters")
    return plain


def normal_login(login: str) -> str:
    """The form in which logins are compared; a pupil's is CODE:number, leading zeros aside."""
    code, colon, number = login.partition(":")
    return pupil_login(code, number) if colon else unicodedata.normalize("NFKC", login).strip().casefold()


def checked_login(login: str) -> str:
    """The normal form of a new login; BadInput when it is too short, too long or has spaces."""
    plain = normal_login(login)
    if not 2 <= len(plain) <= MAX_LOGIN or not plain.isprintable() or " " in plain:
        raise errors.BadInput(f"the login {login[:40]!r} does not do", fix="use 2 to 120 characters without spaces")
    return plain


def no_account(account_id: str) -> errors.NotFound:
    """The same words for an account that is not there and one of another school."""
    return errors.NotFound(f"account {account_id} is not here", fix="check the id")
