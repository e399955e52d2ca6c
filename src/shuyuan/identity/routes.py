"""HTTP of identity: the session, API keys, accounts, exam mode."""

from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shuyuan.identity import http, keys, passwords
from shuyuan.identity.interface import Account, Band, Identity, KeyInfo, Language, Principal, Role, SignedIn
from shuyuan.kernel import db as kernel_db


class SignInBody(BaseModel):
    """An adult's login, or a pupil's as CODE:number."""

    login: str = Field(max_length=200)
    password: str = Field(max_length=400)


class PupilSignInBody(BaseModel):
    """What a pupil types."""

    code: str = Field(max_length=20)
    number: str = Field(max_length=64)
    pin: str = Field(max_length=400)


class LanguageBody(BaseModel):
    """The language of the pages."""

    language: Language


class PasswordBody(BaseModel):
    """One's own new password."""

    current: str = Field(max_length=400)
    new: str = Field(max_length=400)


class KeyBody(BaseModel):
    """A key to create. expires_in_days null: never. age_band: whom what is said with it is checked for."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=80)
    scopes: list[Literal["models", "learning", "admin"]] = Field(default=["models"], max_length=3)
    expires_in_days: int | None = 90
    age_band: Band = "adult"


class AccountBody(BaseModel):
    """An adult's account to create. password null: one is made up and shown once."""

    role: Literal["admin", "teacher", "guardian", "developer"]
    name: str = Field(max_length=200)
    login: str = Field(max_length=200)
    password: str | None = Field(default=None, max_length=400)
    language: Language = "zh"


class AccountChange(BaseModel):
    """What an administrator may change; what is left out stays."""

    role: Role | None = None
    active: bool | None = None


class SuspensionBody(BaseModel):
    """Until when the model API is closed to a group."""

    until: AwareDatetime


def router(identity: Identity, db: kernel_db.Database) -> APIRouter:
    """The routes under /api/session, /api/keys, /api/accounts, /api/groups."""
    api = APIRouter()
    _session_routes(api, identity)
    _key_routes(api, identity)
    _account_routes(api, identity, db)
    _group_routes(api, identity)
    return api


def _session_routes(api: APIRouter, identity: Identity) -> None:
    @api.post("/api/session")
    def sign_in(body: SignInBody, request: Request, response: Response) -> dict[str, Any]:
        """Open a session; the token comes as a cookie."""
        signed_in = identity.sign_in(body.login, body.password, client=http.client_address(request))
        return _opened(request, response, signed_in)

    @api.post("/api/session/pupil")
    def sign_in_pupil(body: PupilSignInBody, request: Request, response: Response) -> dict[str, Any]:
        """Open a pupil's session: class code, student number, PIN."""
        client = http.client_address(request)
        return _opened(request, response, identity.sign_in_pupil(body.code, body.number, body.pin, client=client))

    @api.get("/api/session")
    def whoami(principal: Principal = Depends(http.caller)) -> dict[str, Any]:
        """Who is calling, and in which school."""
        school = identity.school(principal.school_id)
        return {
            **_principal(principal),
            "name": identity.account(principal, principal.account_id).name,
            "school": {"id": school.id, "name": school.name, "demo": school.demo},
        }

    @api.delete("/api/session", status_code=204)
    def sign_out(request: Request, response: Response, principal: Principal = Depends(http.caller)) -> None:
        """End this session."""
        identity.sign_out(principal)
        http.drop_session(request, response)

    @api.put("/api/session/language", status_code=204)
    def set_language(body: LanguageBody, principal: Principal = Depends(http.caller)) -> None:
        """Choose the language of the pages."""
        identity.set_language(principal, body.language)

    @api.put("/api/session/password", status_code=204)
    def change_password(body: PasswordBody, principal: Principal = Depends(http.caller)) -> None:
        """Replace one's own password; every session ends."""
        identity.change_password(principal, body.current, body.new)


def _key_routes(api: APIRouter, identity: Identity) -> None:
    @api.get("/api/keys")
    def keys(of_school: bool = False, principal: Principal = Depends(http.caller)) -> dict[str, Any]:
        """One's own keys, or for administrators all `of_school`; without their secrets."""
        found = identity.school_keys(principal) if of_school else identity.keys(principal)
        return {"keys": [_key(key) for key in found]}

    @api.post("/api/keys", status_code=201)
    def create_key(body: KeyBody, principal: Principal = Depends(http.caller)) -> dict[str, Any]:
        """A new key; `secret` is shown this once."""
        key = identity.create_key(
            principal, body.name, scopes=body.scopes, expires_in_days=body.expires_in_days, age_band=body.age_band
        )
        return {
            "id": key.id,
            "secret": key.secret,
            "name": key.name,
            "scopes": sorted(key.scopes),
            "expires_at": key.expires_at,
            "age_band": key.age_band,
        }

    @api.delete("/api/keys/{key_id}", status_code=204)
    def revoke_key(key_id: str, principal: Principal = Depends(http.caller)) -> None:
        """End a key at once."""
        identity.revoke_key(principal, key_id)


def _account_routes(api: APIRouter, identity: Identity, db: kernel_db.Database) -> None:
    @api.get("/api/accounts")
    def accounts(principal: Principal = Depends(http.caller)) -> dict[str, Any]:
        """Everyone of the school."""
        return {"accounts": [_account(account) for account in identity.accounts(principal)]}

    @api.post("/api/accounts", status_code=201)
    def create_account(body: AccountBody, principal: Principal = Depends(http.caller)) -> dict[str, Any]:
        """An adult's account. Pupils come by class list."""
        password = body.password or passwords.new_password()
        hashed = identity.hash_secret(password, body.role)
        account_id = db.write(
            lambda uow: identity.create_account(
                uow,
                school_id=principal.school_id,
                role=body.role,
                name=body.name,
                login=body.login,
                secret=hashed,
                actor_id=principal.account_id,
                language=body.language,
            )
        )
        return {"id": account_id, "password": None if body.password else password}

    @api.patch("/api/accounts/{account_id}", status_code=204)
    def change_account(account_id: str, body: AccountChange, principal: Principal = Depends(http.caller)) -> None:
        """Another role, deactivate, activate."""
        identity.account(principal, account_id)
        if body.role is not None:
            identity.set_role(principal, account_id, body.role)
        if body.active is not None:
            identity.set_active(principal, account_id, body.active)

    @api.post("/api/accounts/{account_id}/reset")
    def reset(account_id: str, principal: Principal = Depends(http.caller)) -> dict[str, str]:
        """A new password, shown this once; every session of the account ends."""
        account = identity.account(principal, account_id)
        password = passwords.new_pin() if account.role == "student" else passwords.new_password()
        hashed = identity.hash_secret(password, account.role)
        db.write(
            lambda uow: identity.set_secret(
                uow, school_id=principal.school_id, account_id=account_id, secret=hashed, actor_id=principal.account_id
            )
        )
        return {"password": password}

    @api.delete("/api/accounts/{account_id}/sessions", status_code=204)
    def revoke_sessions(account_id: str, principal: Principal = Depends(http.caller)) -> None:
        """Sign the account out everywhere."""
        identity.revoke_sessions(principal, account_id)


def _group_routes(api: APIRouter, identity: Identity) -> None:
    @api.put("/api/groups/{group_id}/suspension", status_code=204)
    def suspend(group_id: str, body: SuspensionBody, principal: Principal = Depends(http.caller)) -> None:
        """Exam mode: close the model API to the group's pupils."""
        identity.set_suspension(principal, group_id, body.until)

    @api.delete("/api/groups/{group_id}/suspension", status_code=204)
    def reopen(group_id: str, principal: Principal = Depends(http.caller)) -> None:
        """End exam mode."""
        identity.set_suspension(principal, group_id, None)


def _opened(request: Request, response: Response, signed_in: SignedIn) -> dict[str, Any]:
    http.keep_session(request, response, signed_in)
    return {**_principal(signed_in.principal), "expires_at": signed_in.expires_at}


# Any below: JSON that FastAPI encodes.
def _principal(principal: Principal) -> dict[str, Any]:
    return {
        "account_id": principal.account_id,
        "school_id": principal.school_id,
        "role": principal.role,
        "language": principal.language,
        "groups": sorted(principal.groups),
        "scopes": sorted(principal.scopes & keys.GRANTABLE[principal.role]),  # none for a pupil, who has no keys
        "suspended_until": principal.suspended_until,
    }


def _account(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "role": account.role,
        "name": account.name,
        "active": account.active,
        "language": account.language,
        "created_at": account.created_at,
    }


def _key(key: KeyInfo) -> dict[str, datetime | str | list[str] | None]:
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": sorted(key.scopes),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
        "age_band": key.age_band,
        "account_id": key.account_id,
    }
