"""Accounts without a running server: what `shuyuan accounts create|reset` call, on the machine itself.

A server that is running sees the change within a second (its principal cache).
"""

from shuyuan.identity import base, passwords, store
from shuyuan.identity.interface import Language, Principal, Role
from shuyuan.identity.service import IdentityService
from shuyuan.kernel import audit, crypto, db, errors


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
    with database.read() as conn:
        row = store.account_by_login(conn, vault.keyed_hash("login", base.normal_login(login)))
    if row is None:
        raise errors.NotFound(f"nobody signs in as {login!r}", fix="check the login, or create the account")
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


def principal_of(database: db.Database, vault: crypto.Vault, login: str) -> Principal:
    """Who signs in as `login`, to act for them from the command line. Raises NotFound."""
    with database.read() as conn:
        row = store.account_by_login(conn, vault.keyed_hash("login", base.normal_login(login)))
    if row is None:
        raise errors.NotFound(f"nobody signs in as {login!r}", fix="check the login, or create the account")
    return Principal(row.id, row.school_id, row.role)
