"""Who someone is and what they may do: the only file of identity that other modules import."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

from shuyuan.kernel import errors

if TYPE_CHECKING:  # children that know persons know no database
    from shuyuan.kernel import db

Role = Literal["admin", "teacher", "student", "guardian", "developer"]
ROLES: tuple[Role, ...] = ("admin", "teacher", "student", "guardian", "developer")
Language = Literal["zh", "en"]
Band = Literal["child", "teen", "adult"]  # whom the education policy protects: `science.text.policy`
KEY_SCOPES, KEY_MAX_DAYS = ("models", "learning", "admin"), 3650
RESPONSIBLE = "responsible"  # the setting that names, under `account_id`, whom signs of harm are shown to


@dataclass(frozen=True)
class Hashed:
    """A password or PIN already turned into its argon2id hash, outside any unit of work (hashing is slow)."""

    value: str


def pupil_login(class_code: str, number: str) -> str:
    """The login of a pupil: class code and student number. Full-width digits and leading zeros do not matter.

    >>> pupil_login(" ab３k7p", "０07")
    'ab3k7p:7'
    """
    code, plain = (unicodedata.normalize("NFKC", part).strip().casefold() for part in (class_code, number))
    return f"{code}:{plain.lstrip('0') or '0' if plain.isdigit() else plain}"


@dataclass(frozen=True)
class Principal:
    """A caller, already known. Every query below takes one and sees only its school.

    groups: opaque ids (classes) this account belongs to.  scopes: what an API key may do ("models", "learning",
    "admin"); a signed-in page has them all.  suspended_until: the model API is closed to this person until then
    (exam mode).  priority: 0 exam, 1 class, 2 other.  age_band: the band of the API key, where it names one.
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
    language: Language = "zh"
    age_band: Band | None = None

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
class Setting:
    """One thing a school has set or measured: ids and figures, never names or secrets."""

    name: str
    value: Mapping[str, Any]  # Any: JSON
    updated_at: datetime


@dataclass(frozen=True)
class Account:
    """One person's account. `name` is decrypted for whoever may see it."""

    id: str
    school_id: str
    role: Role
    name: str
    active: bool
    language: Language
    created_at: datetime


@dataclass(frozen=True)
class SignedIn:
    """A new session: `token` goes into the cookie and is never stored."""

    principal: Principal
    token: str
    expires_at: datetime


@dataclass(frozen=True)
class Link:
    """What a single-use link opens. `account_id` and `school_id` are empty for the first administrator."""

    purpose: str
    school_id: str
    account_id: str
    expires_at: datetime


@dataclass(frozen=True)
class NewKey:
    """A new API key: `secret` is shown once and never stored."""

    id: str
    secret: str
    name: str
    scopes: frozenset[str]
    expires_at: datetime | None
    age_band: Band | None = None


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
    age_band: Band | None = None
    account_id: str = ""  # whose it is


class Identity(Protocol):
    """Schools, accounts, sessions, keys, groups."""

    def school(self, school_id: str) -> School: ...
    def schools(self) -> list[School]: ...
    def create_school(self, name: str, *, demo: bool = False) -> School: ...
    def setting(self, school_id: str, name: str) -> Setting | None:
        """What the school has set under `name`; None while it has not."""
        ...

    def set_setting(self, uow: db.UnitOfWork, *, school_id: str, name: str, value: Mapping[str, object]) -> None:
        """Replace what stands under `name`, inside `uow`. Whoever sets it notes it in the activity log too."""
        ...

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
        """Create an account inside `uow`; returns its id. `login` is unique in the installation (its keyed hash
        is stored): an e-mail-like word for adults, `pupil_login(...)` for pupils. secret None: cannot sign in yet.
        Raises Conflict when the login is taken."""
        ...

    def hash_secret(self, secret: str, role: Role) -> Hashed:
        """Check a password (10 characters or more) or a pupil's PIN (6 digits) and hash it. Call outside units."""
        ...

    def rename(self, uow: db.UnitOfWork, *, school_id: str, account_id: str, name: str) -> None: ...
    def set_secret(
        self, uow: db.UnitOfWork, *, school_id: str, account_id: str, secret: str | Hashed, actor_id: str
    ) -> None:
        """Replace the password or PIN; every session of the account ends."""
        ...

    def change_password(self, principal: Principal, current: str, new: str) -> None:
        """Replace one's own password; every session ends."""
        ...

    def set_role(self, principal: Principal, account_id: str, role: Role) -> None: ...
    def set_active(self, principal: Principal, account_id: str, active: bool) -> None:
        """Deactivate (sessions and keys end at once) or activate again."""
        ...

    def close_account(self, uow: db.UnitOfWork, *, school_id: str, account_id: str, actor_id: str) -> None:
        """For erasure: nobody can sign in as this account again, and its login is forgotten."""
        ...

    def create_link(
        self, purpose: str, *, account_id: str = "", school_id: str = "", ttl_s: int = 900, actor_id: str = "system"
    ) -> str:
        """A single-use token, 15 minutes by default; only its hash is stored."""
        ...

    def peek_link(self, token: str) -> Link:
        """What a link opens, without using it up (for the page that asks before acting)."""
        ...

    def consume_link(self, token: str) -> Link:
        """Use the link up. Raises NotFound when unknown, expired or already used."""
        ...

    def create_first_admin(
        self, token: str, *, school_name: str, name: str, login: str, secret: str, language: Language = "zh"
    ) -> SignedIn:
        """Consume a `first_admin` link: the school and its first administrator, in one unit."""
        ...

    def sign_in(self, login: str, secret: str, *, client: str = "") -> SignedIn: ...
    def sign_in_pupil(self, class_code: str, number: str, pin: str, *, client: str = "") -> SignedIn: ...
    def sign_in_as(self, account_id: str) -> SignedIn:
        """A session without a secret: the single-use link and the loopback demo only."""
        ...

    def sign_out(self, principal: Principal) -> None: ...
    def principal_of_session(self, token: str) -> Principal: ...
    def principal_of_key(self, secret: str) -> Principal: ...
    def peek(self, secret: str) -> Principal | None:
        """Who holds this key or cookie, if that was looked up within the last second; never waits."""
        ...

    def ageing(self, secret: str) -> bool:
        """Whether what `peek` says should be looked up again, before it is forgotten; never waits."""
        ...

    def create_key(
        self,
        principal: Principal,
        name: str,
        *,
        scopes: Iterable[str] = ("models",),
        expires_in_days: int | None = 90,
        age_band: Band | None = None,
    ) -> NewKey:
        """age_band: who stands behind what calls with it, at the youngest; None: nobody under 18."""
        ...

    def keys(self, principal: Principal) -> list[KeyInfo]: ...
    def school_keys(self, principal: Principal) -> list[KeyInfo]:
        """Every key of the school, newest first, revoked ones too; administrators only."""
        ...

    def revoke_key(self, principal: Principal, key_id: str) -> None: ...
    def revoke_sessions(self, principal: Principal, account_id: str) -> None: ...
    def account(self, principal: Principal, account_id: str) -> Account: ...
    def accounts(self, principal: Principal) -> list[Account]: ...
    def holds(self, school_id: str, kind: Literal["account", "key", "group"], object_id: str) -> bool:
        """Whether the school has this account, this key, or a group of this id with anybody in it."""
        ...

    def add_to_group(
        self, uow: db.UnitOfWork, *, school_id: str, group_id: str, account_ids: Iterable[str]
    ) -> None: ...
    def remove_from_group(self, uow: db.UnitOfWork, *, school_id: str, group_id: str, account_id: str) -> None: ...
    def set_suspension(self, principal: Principal, group_id: str, until: datetime | None) -> None:
        """`suspend_models` for a caller: an administrator of the school, or a teacher of the group."""
        ...

    def exam_until(self, school_id: str) -> datetime | None:
        """When the last exam mode of the school ends; None: there is none."""
        ...

    def suspend_models(self, uow: db.UnitOfWork, *, school_id: str, group_id: str, until: datetime | None) -> None:
        """Exam mode: close the model API to the group's members until then; None opens it again.

        Teachers and administrators of the group keep theirs."""
        ...

    def set_language(self, principal: Principal, language: Language) -> None: ...


# --- doors: pure work of this module that others may use -------------------------------------------------
# Imported when called: those files build on the types above.


def new_password() -> str:
    """A random password a person can type."""
    from shuyuan.identity import passwords

    return passwords.new_password()


def new_pin() -> str:
    """A random PIN of six digits."""
    from shuyuan.identity import passwords

    return passwords.new_pin()
