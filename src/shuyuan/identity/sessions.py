"""Signing in and out: sessions by password, PIN, link; who holds a token."""

import secrets
from datetime import timedelta
from typing import Any

from sqlalchemy import Row

from shuyuan.identity import base, passwords, store, tables, throttle
from shuyuan.identity.interface import Principal, SignedIn, pupil_login
from shuyuan.kernel import clock, db, errors

SESSION_LIFE = timedelta(hours=12)


class Sessions(base.Base):
    """The session verbs of `interface.Identity`."""

    def sign_in(self, login: str, secret: str, *, client: str = "") -> SignedIn:
        """Open a session. Wrong login and wrong password look and cost the same; too many: RateLimited."""
        login_hash, from_where = self._login_hash(login), self._vault.keyed_hash("client", client) if client else ""
        self._db.write(lambda uow: throttle.begin(uow, login_hash, from_where))
        with self._db.read() as conn:
            row = store.account_by_login(conn, login_hash)
        usable = row if row is not None and row.active else None
        pupil = usable.role == "student" if usable is not None else ":" in base.normal_login(login)
        stored = usable.secret_hash if usable is not None else None
        if not passwords.matches(self._vault, stored, secret, pupil=pupil) or usable is None:
            self._db.write(lambda uow: throttle.failed(uow, from_where))
            raise errors.Unauthenticated("the login or the password is wrong", fix="check both; after 5 tries, wait")

        def succeed(uow: db.UnitOfWork) -> SignedIn:
            throttle.succeeded(uow, login_hash, from_where)
            return self._open_session(uow, usable)

        return self._db.write(succeed)

    def sign_in_pupil(self, class_code: str, number: str, pin: str, *, client: str = "") -> SignedIn:
        """Class code + student number + PIN."""
        return self.sign_in(pupil_login(class_code, number), pin, client=client)

    def sign_in_as(self, account_id: str) -> SignedIn:
        """A session without a secret: the single-use link and the loopback demo only."""

        def enter(uow: db.UnitOfWork) -> SignedIn:
            row = store.any_account(uow.conn, account_id)
            if row is None or not row.active:
                raise base.no_account(account_id)
            return self._open_session(uow, row)

        return self._db.write(enter)

    def sign_out(self, principal: Principal) -> None:
        """End this session."""
        self._write_and_forget(lambda uow: self._sign_out(uow, principal))

    def revoke_sessions(self, principal: Principal, account_id: str) -> None:
        """End every session of an account: one's own, or as administrator anyone's of the school."""
        if account_id != principal.account_id:
            principal.require("admin")

        def revoke(uow: db.UnitOfWork) -> None:
            self._row(uow, principal.school_id, account_id)
            ended = store.end_sessions(uow.conn, account_id)
            self._record(uow, principal.school_id, principal.account_id, "sessions.revoked", account_id, ended=ended)

        self._write_and_forget(revoke)

    def principal_of_session(self, token: str) -> Principal:
        """Who holds this cookie; Unauthenticated once the session has ended."""
        token_hash = base.digest(token)

        def load() -> Principal:
            with self._db.read() as conn:
                found = store.principal_of_session(conn, token_hash, clock.now())
            if found is None:
                raise errors.Unauthenticated("the session has ended", fix="sign in again")
            return found

        return self._cache.get(token_hash, load)

    def _open_session(self, uow: db.UnitOfWork, row: Row[Any]) -> SignedIn:
        token, ends = secrets.token_urlsafe(32), uow.now + SESSION_LIFE
        store.forget_ended_sessions(uow.conn, row.id, uow.now)
        uow.conn.execute(
            tables.session.insert().values(
                school_id=row.school_id,
                account_id=row.id,
                token_hash=base.digest(token),
                created_at=uow.now,
                expires_at=ends,
            )
        )
        principal = store.principal_of_session(uow.conn, base.digest(token), uow.now)
        if principal is None:
            raise base.no_account(row.id)
        self._record(uow, row.school_id, row.id, "session.opened", principal.session_id or "")
        return SignedIn(principal, token, ends)

    def _sign_out(self, uow: db.UnitOfWork, principal: Principal) -> None:
        uow.conn.execute(
            tables.session.delete().where(
                tables.session.c.id == principal.session_id,
                tables.session.c.account_id == principal.account_id,
            )
        )
        self._record(uow, principal.school_id, principal.account_id, "session.closed", principal.session_id or "")
