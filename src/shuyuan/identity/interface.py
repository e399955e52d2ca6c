"""Who someone is and what they may do: the only file of identity that other modules import."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from shuyuan.kernel import db, errors

Role = Literal["admin", "teacher", "student", "guardian", "developer"]
ROLES: tuple[Role, ...] = ("admin", "teacher", "student", "guardian", "developer")


@dataclass(frozen=True)
class Principal:
    """A caller, already known. Every query below takes one and sees only its school.

    groups: opaque ids (classes) this account belongs to.  scopes: what an API key may do ("models", "learning",
    "admin"); a signed-in page has them all.  suspended_until: the model API is closed to this person until then
    (exam mode).  priority: 0 exam, 1 class, 2 other.
    """

    account_id: str
    school_id: str
    role: Role
    groups: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset({"models", "learning", "admin"})
    key_id: str | None = None
    session_id: str | None = None
    priority: int = 2
    suspended_until: datetime | None = None
    language: Literal["zh", "en"] = "zh"

    def require(self, *roles: Role) -> None:
        """Raise Forbidden unless the role is one of `roles`."""
        if self.role not in roles:
            raise errors.Forbidden(f"role {self.role} may not do this", fix=f"sign in as {' or '.join(roles)}")


@dataclass(frozen=True)
class School:
    """A tenant."""

    id: str
    name: str
    demo: bool
    age_line: int = 13  # below this age the tutor is off unless a teacher turns it on


@dataclass(frozen=True)
class Account:
    """One person's account. `name` is decrypted for whoever may see it."""

    id: str
    school_id: str
    role: Role
    name: str
    active: bool
    language: Literal["zh", "en"]
    created_at: datetime


@dataclass(frozen=True)
class SignedIn:
    """A new session: `token` goes into the cookie and is never stored."""

    principal: Principal
    token: str
    expires_at: datetime


@dataclass(frozen=True)
class NewKey:
    """A new API key: `secret` is shown once and never stored."""

    id: str
    secret: str
    name: str
    scopes: frozenset[str]
    expires_at: datetime | None


@dataclass(frozen=True)
class KeyInfo:
    """What can be listed of a key."""

    id: str
    name: str
    prefix: str
    scopes: frozenset[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = field(default=None)


class Identity(Protocol):
    """Schools, accounts, sessions, keys, groups."""

    def school(self, school_id: str) -> School: ...
    def schools(self) -> list[School]: ...
    def create_school(self, name: str, *, demo: bool = False) -> School: ...

    def create_account(
        self, uow: db.UnitOfWork, *, school_id: str, role: Role, name: str, login: str, secret: str | None,
        actor_id: str = "system", language: Literal["zh", "en"] = "zh",
    ) -> str:
        """Create an account inside `uow`; returns its id. `login` is unique in the installation (its keyed hash
        is stored): an e-mail-like word for adults, `CLASSCODE:number` for pupils. secret None: cannot sign in yet.
        Raises Conflict when the login is taken."""
        ...

    def set_secret(
        self, uow: db.UnitOfWork, *, school_id: str, account_id: str, secret: str, actor_id: str
    ) -> None: ...
    def sign_in(self, login: str, secret: str, *, client: str = "") -> SignedIn: ...
    def sign_in_pupil(self, class_code: str, number: str, pin: str, *, client: str = "") -> SignedIn: ...
    def sign_in_as(self, account_id: str) -> SignedIn:
        """A session without a secret: the single-use link and the loopback demo only."""
        ...

    def sign_out(self, principal: Principal) -> None: ...
    def principal_of_session(self, token: str) -> Principal: ...
    def principal_of_key(self, secret: str) -> Principal: ...
    def create_key(
        self, principal: Principal, name: str, *, scopes: Iterable[str] = ("models",), expires_in_days: int | None = 90
    ) -> NewKey: ...
    def keys(self, principal: Principal) -> list[KeyInfo]: ...
    def revoke_key(self, principal: Principal, key_id: str) -> None: ...
    def revoke_sessions(self, principal: Principal, account_id: str) -> None: ...
    def account(self, principal: Principal, account_id: str) -> Account: ...
    def accounts(self, principal: Principal) -> list[Account]: ...
    def add_to_group(
        self, uow: db.UnitOfWork, *, school_id: str, group_id: str, account_ids: Iterable[str]
    ) -> None: ...
    def suspend_models(self, uow: db.UnitOfWork, *, school_id: str, group_id: str, until: datetime | None) -> None:
        """Exam mode: close the model API to every member of the group until then; None opens it again."""
        ...

    def set_language(self, principal: Principal, language: Literal["zh", "en"]) -> None: ...
