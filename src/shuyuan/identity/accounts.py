"""Accounts: created, given a secret or a role, closed; seen by whoever may see them."""

from typing import Any

from sqlalchemy import Connection, Row

from shuyuan.identity import base, passwords, store, tables
from shuyuan.identity.interface import ROLES, Account, Hashed, Language, Principal, Role
from shuyuan.kernel import db, errors, ids


class Accounts(base.Base):
    """The account verbs of `interface.Identity`."""

    def hash_secret(self, secret: str, role: Role) -> Hashed:
        """Check and hash a password or PIN; slow, so outside units of work."""
        return passwords.hash_secret(self._vault, secret, role)

    def create_account(
        self,
        uow: db.UnitOfWork,
        *,
        school_id: str,
        role: Role,
        name: str,
        login: str,
        secret: str | Hashed | None,
        actor_id: str = "system",
        language: Language = "zh",
    ) -> str:
        """See `interface.Identity.create_account`."""
        if role not in ROLES:
            raise errors.BadInput(f"role {role!r} is unknown", fix=f"use one of {', '.join(ROLES)}")
        login_hash, account_id = self._login_hash(base.checked_login(login)), ids.new_id()
        if store.account_by_login(uow.conn, login_hash) is not None:
            raise errors.Conflict(f"the login {login!r} is taken", fix="choose another", code="login_taken")
        uow.conn.execute(
            tables.account.insert().values(
                id=account_id,
                school_id=school_id,
                role=role,
                login_hash=login_hash,
                active=True,
                language=language,
                name=self._vault.seal(uow, account_id, base.NAME_FIELD, base.clean_name(name)),
                secret_hash=self._hashed(secret, role),
                created_at=uow.now,
            )
        )
        self._record(uow, school_id, actor_id, "account.created", account_id, role=role)
        return account_id

    def rename(self, uow: db.UnitOfWork, *, school_id: str, account_id: str, name: str) -> None:
        """Correct a person's name."""
        self._row(uow, school_id, account_id)
        self._change(uow, account_id, name=self._vault.seal(uow, account_id, base.NAME_FIELD, base.clean_name(name)))

    def set_secret(
        self, uow: db.UnitOfWork, *, school_id: str, account_id: str, secret: str | Hashed, actor_id: str
    ) -> None:
        """Replace the password or PIN; every session of the account ends."""
        row = self._row(uow, school_id, account_id)
        self._change(uow, account_id, secret_hash=self._hashed(secret, row.role))
        store.end_sessions(uow.conn, account_id)
        self._record(uow, school_id, actor_id, "secret.set", account_id)

    def change_password(self, principal: Principal, current: str, new: str) -> None:
        """Replace one's own password; every session ends, this one too."""
        with self._db.read() as conn:
            row = store.account_by_id(conn, principal.school_id, principal.account_id)
        pupil = principal.role == "student"
        if not passwords.matches(self._vault, row.secret_hash if row else None, current, pupil=pupil):
            raise errors.Forbidden("the current password is wrong", fix="type the password you sign in with")
        hashed, who = self.hash_secret(new, principal.role), principal.account_id
        self._db.write(
            lambda uow: self.set_secret(uow, school_id=principal.school_id, account_id=who, secret=hashed, actor_id=who)
        )

    def set_role(self, principal: Principal, account_id: str, role: Role) -> None:
        """Make an adult's account something else. Pupils come and go by class list only."""
        principal.require("admin")
        if role not in ROLES or role == "student":
            raise errors.BadInput(f"role {role!r} cannot be given", fix="import pupils with a class list")

        def change(uow: db.UnitOfWork) -> None:
            row = self._row(uow, principal.school_id, account_id)
            if row.role == "student":
                raise errors.Conflict(f"account {account_id} is a pupil", fix="create an account for the adult")
            self._keep_an_admin(uow, row, stays=role == "admin")
            self._change(uow, account_id, role=role)
            store.revoke_keys_of(uow.conn, account_id, uow.now)  # a key's scopes were those of the old role
            self._record(uow, principal.school_id, principal.account_id, "role.set", account_id, role=role)

        self._db.write(change)

    def set_active(self, principal: Principal, account_id: str, active: bool) -> None:
        """Deactivate an account (sessions and keys end at once) or activate it again."""
        principal.require("admin")

        def change(uow: db.UnitOfWork) -> None:
            self._keep_an_admin(uow, self._row(uow, principal.school_id, account_id), stays=active)
            self._set_active(uow, account_id, active)
            action = "account.activated" if active else "account.deactivated"
            self._record(uow, principal.school_id, principal.account_id, action, account_id)

        self._db.write(change)

    def close_account(self, uow: db.UnitOfWork, *, school_id: str, account_id: str, actor_id: str) -> None:
        """For erasure: nobody can sign in as this account again, and its login is forgotten."""
        self._row(uow, school_id, account_id)
        self._set_active(uow, account_id, False)
        self._change(uow, account_id, login_hash=self._login_hash(f"closed {account_id}"), secret_hash=None)
        store.remove_members(uow.conn, school_id, account_id)
        self._record(uow, school_id, actor_id, "account.closed", account_id)

    def account(self, principal: Principal, account_id: str) -> Account:
        """Oneself, the staff of one's school, people of one's groups (teachers), anyone (administrators)."""
        with self._db.read() as conn:
            row = store.account_by_id(conn, principal.school_id, account_id)
            seen = row is not None and (
                principal.role == "admin"
                or row.id == principal.account_id
                or row.role in store.OPEN_TO_STAFF
                or (
                    principal.role == "teacher"
                    and store.share_a_group(conn, principal.school_id, principal.account_id, account_id)
                )
            )
            if row is None or not seen:
                raise base.no_account(account_id)
            return self._account(conn, row)

    def accounts(self, principal: Principal) -> list[Account]:
        """Everyone of the school, by role; administrators only."""
        principal.require("admin")
        with self._db.read() as conn:
            rows = store.accounts(conn, principal.school_id)
            self._vault.warm(conn, [row.id for row in rows])
            return [self._account(conn, row) for row in rows]

    def set_language(self, principal: Principal, language: Language) -> None:
        """The language of the pages for this person."""
        if language not in ("zh", "en"):
            raise errors.BadInput(f"language {language!r} is not here", fix="use zh or en")
        self._db.write(lambda uow: self._change(uow, principal.account_id, language=language))

    def _keep_an_admin(self, uow: db.UnitOfWork, row: Row[Any], *, stays: bool) -> None:  # Any: a row's values
        last = row.role == "admin" and row.active and store.active_admins(uow.conn, row.school_id) == 1
        if last and not stays:
            raise errors.Conflict(f"account {row.id} is the last administrator", fix="appoint another one first")

    def _account(self, conn: Connection, row: Row[Any]) -> Account:
        return Account(
            id=row.id,
            school_id=row.school_id,
            role=row.role,
            active=row.active,
            language=row.language,
            name=self._vault.open(conn, row.id, base.NAME_FIELD, row.name),
            created_at=row.created_at,
        )

    def _hashed(self, secret: str | Hashed | None, role: Role) -> str | None:
        return self.hash_secret(secret, role).value if isinstance(secret, str) else secret.value if secret else None
