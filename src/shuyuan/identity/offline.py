"""Accounts without a running server: what `shuyuan accounts create|reset` call, on the machine itself.

A server that is running sees the change within a second (its principal cache).
"""

from typing import Any

from sqlalchemy import Row

from shuyuan.identity import base, passwords, store
from shuyuan.identity.interface import Language, Principal, Role
from shuyuan.identity.service import IdentityService
from shuyuan.kernel import audit, crypto, db, errors

_NAMED = 20  # accounts that an error names at most


def create(
    database: db.Database,
    vault: crypto.Vault,
    *,
    role: Role,
    name: str,
    login: str,
    password: str | None = None,
    school: str | None = None,
    language: Language = "zh",
) -> tuple[str, str]:
    """Create an adult's account; returns (account id, password), the password made up when None.

    school: id or exact name; None: the only school. A name that is not there yet creates the school.
    """
    identity = IdentityService(database, vault, audit.Audit(vault))
    chosen = password or passwords.new_password()
    hashed, school_id = identity.hash_secret(chosen, role), _school_id(identity, school)
    account_id = database.write(
        lambda uow: identity.create_account(
            uow, school_id=school_id, role=role, name=name, login=login, secret=hashed, language=language
        )
    )
    return account_id, chosen


def reset(database: db.Database, vault: crypto.Vault, *, login: str, password: str | None = None) -> str:
    """Give the account behind `login` a new password (made up when None) and end its sessions; returns it."""
    identity = IdentityService(database, vault, audit.Audit(vault))
    row = _account(database, vault, login)
    chosen = password or (passwords.new_pin() if row.role == "student" else passwords.new_password())
    hashed = identity.hash_secret(chosen, row.role)
    database.write(
        lambda uow: identity.set_secret(
            uow, school_id=row.school_id, account_id=row.id, secret=hashed, actor_id=audit.SYSTEM
        )
    )
    return chosen


def _school_id(identity: IdentityService, wanted: str | None) -> str:
    schools = identity.schools()
    found = [s.id for s in schools if wanted is None or wanted in (s.id, s.name)]
    if len(found) == 1:
        return found[0]
    if wanted is not None and not found:
        return identity.create_school(wanted).id
    raise errors.BadInput(f"there are {len(schools)} schools", fix="name one with --school")


def principal_of(database: db.Database, vault: crypto.Vault, who: str) -> Principal:
    """Whom `who` means (login, id of the account, or a name that only one person has), to act for them. NotFound."""
    row = _account(database, vault, who)
    return Principal(row.id, row.school_id, row.role)


def _account(database: db.Database, vault: crypto.Vault, who: str) -> Row[Any]:  # Any: a row's values
    with database.read() as conn:
        row = store.account_by_login(conn, vault.keyed_hash("login", base.normal_login(who)))
        if row is not None or (row := store.any_account(conn, who)) is not None:
            return row
        rows = [one for school in store.schools(conn) for one in store.accounts(conn, school.id)]
        vault.warm(conn, [one.id for one in rows])
        named = [(vault.open(conn, one.id, base.NAME_FIELD, one.name), one) for one in rows]
    found = [one for name, one in named if name == who]
    if len(found) == 1:
        return found[0]
    adults = [f"{name} ({one.role}, {one.id})" for name, one in named if one.role != "student"][:_NAMED]
    told = f"{len(found)} people are called" if found else "nobody signs in as"
    raise errors.NotFound(
        f"{told} {who!r}; there are {', '.join(adults) or 'no adults yet'}",
        fix="give a login, or an id or a name of these (logins are kept as hashes and cannot be listed)",
    )
