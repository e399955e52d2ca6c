"""`shuyuan accounts create|reset|list`, `shuyuan keys create|list|revoke`: offline, for whoever owns the machine."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich import markup
from rich.console import Console

from shuyuan import compose
from shuyuan.entrypoints import installation
from shuyuan.entrypoints.commands import data, listing
from shuyuan.identity import offline
from shuyuan.identity.interface import KEY_MAX_DAYS, KEY_SCOPES, Band, Identity, Principal, Role
from shuyuan.kernel import errors

_out = Console(highlight=False, soft_wrap=True)
Home = Annotated[Path | None, typer.Option("--home", help="Folder of database, keys and artefacts.")]
ADULT_ROLES: tuple[Role, ...] = ("admin", "teacher", "guardian", "developer")
Login = Annotated[str, typer.Argument(help="What the person types to sign in.")]
Who = Annotated[str, typer.Argument(metavar="WHO", help="Login, id of the account, or name.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    accounts = typer.Typer(help="Accounts of this installation.", no_args_is_help=True)
    accounts.command("create")(create)
    accounts.command("reset")(reset)
    accounts.command("list")(list_)
    app.add_typer(accounts, name="accounts")
    keys = typer.Typer(help="API keys.", no_args_is_help=True)
    keys.command("create")(create_key)
    keys.command("list")(list_keys)
    keys.command("revoke")(revoke_key)
    app.add_typer(keys, name="keys")


def create(
    login: Login,
    role: Annotated[str, typer.Option(help=f"One of {', '.join(ADULT_ROLES)}.")] = "teacher",
    name: Annotated[str | None, typer.Option(help="The person's name; the login if not given.")] = None,
    school: Annotated[str | None, typer.Option(help="School id or name; a new name makes a new school.")] = None,
    home: Home = None,
) -> None:
    """Create an account and print its first password once."""
    chosen = _adult_role(role)
    with installation.opened(home, new=True) as platform:
        account_id, password = offline.create(
            platform.get("db"), platform.get("vault"), role=chosen, name=name or login, login=login, school=school
        )
    _out.print(f"created {role} {login} ({account_id})\npassword (shown once): {password}", markup=False)


def reset(login: Who, home: Home = None) -> None:
    """Give an account a new password, print it once, and end its sessions."""
    with installation.opened(home) as platform:
        password = offline.reset(platform.get("db"), platform.get("vault"), login=login)
    _out.print(f"new password of {login} (shown once): {password}", markup=False)


def list_(
    role: Annotated[Role | None, typer.Option(help="Only those of this role.")] = None,
    school: Annotated[str | None, typer.Option(help="Only those of this school: id or name.")] = None,
    home: Home = None,
) -> None:
    """List the accounts of this installation."""
    table = listing.of("school", "id", "role", "name", "active")
    with installation.opened(home) as platform:
        identity: Identity = platform.get("identity")
        known = identity.schools()
        for one in known if school is None else [data.chosen_school(known, school)]:
            for account in identity.accounts(Principal("system", one.id, "admin")):
                if role in (None, account.role):
                    active = "yes" if account.active else "no"
                    table.add_row(*map(markup.escape, (one.name, account.id, account.role, account.name, active)))
    listing.show(table)
    _out.print("logins are kept as hashes and cannot be listed; commands take the id or the name as well")


def create_key(
    login: Who,
    name: Annotated[str, typer.Option(help="What the key is for.")] = "command line",
    scope: Annotated[
        list[str] | None,
        typer.Option(help=f"What it opens: {', '.join(KEY_SCOPES)}. Repeat it for several. Left out: models."),
    ] = None,
    days: Annotated[str, typer.Option(help=f"Days until it expires, 1 to {KEY_MAX_DAYS}; or never.")] = "90",
    age_band: Annotated[Band, typer.Option(help="The youngest who stand behind its calls.")] = "adult",
    home: Home = None,
) -> None:
    """Create an API key and print it once."""
    lasts = _days(days)
    with installation.opened(home) as platform:
        key = platform.get("identity").create_key(
            _principal(platform, login), name, scopes=scope or ("models",), expires_in_days=lasts, age_band=age_band
        )
    _out.print(f"key {key.id} (shown once): {key.secret}")
    _out.print(f"scopes: {', '.join(sorted(key.scopes))}; expires: {_ends(key.expires_at)}", markup=False)


def list_keys(login: Who, home: Home = None) -> None:
    """List a person's API keys."""
    table = listing.of("id", "name", "starts", "scopes", "expires", "revoked")
    with installation.opened(home) as platform:
        for key in platform.get("identity").keys(_principal(platform, login)):
            scopes, revoked = " ".join(sorted(key.scopes)), "yes" if key.revoked_at else "no"
            table.add_row(key.id, markup.escape(key.name), key.prefix, scopes, _ends(key.expires_at), revoked)
    listing.show(table)


def revoke_key(login: Who, key_id: Annotated[str, typer.Argument(help="The key's id.")], home: Home = None) -> None:
    """Revoke a key: a running server refuses it within a second."""
    with installation.opened(home) as platform:
        platform.get("identity").revoke_key(_principal(platform, login), key_id)
    _out.print(f"revoked {key_id}")


def _days(written: str) -> int | None:
    """None: it never expires. The number itself is judged where keys are made."""
    if written.lower() == "never":
        return None
    if not (written.isascii() and written.isdigit()):
        raise errors.BadInput(f"--days {written!r} is no number of days", fix=f"give 1 to {KEY_MAX_DAYS}, or never")
    return int(written)


def _ends(moment: datetime | None) -> str:
    return moment.date().isoformat() if moment else "never"


def _adult_role(role: str) -> Role:
    for known in ADULT_ROLES:
        if role == known:
            return known
    if role == "student":
        raise errors.BadInput("--role 'student': a pupil belongs to a class", fix="import a class list instead")
    raise errors.BadInput(f"--role {role!r} is unknown", fix=f"choose one of {', '.join(ADULT_ROLES)}")


def _principal(platform: compose.Platform, login: str) -> Principal:
    return offline.principal_of(platform.get("db"), platform.get("vault"), login)
