"""The owner's key: lets commands on this machine talk to the server that runs on it, as nobody's account.

A server writes it into its home (`server.key`, mode 0600) when it is ready and removes it when it stops. Whoever can
read the home could read its master key and database anyway. It opens only the routes that the access table marks
`owner`, and what it does is noted as done by the system.
"""

import contextlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fastapi import Request

from shuyuan.identity.access import ACCESS, Allow
from shuyuan.identity.interface import Principal, School
from shuyuan.kernel import audit, errors
from shuyuan.kernel.http import Gate

FILE, PREFIX = "server.key", "owner-"
SCHOOL = "x-shuyuan-school"  # header: for which school the owner acts, where there are several
NO_SCHOOL = "shared"


class Schools(Protocol):
    """What the gate asks of identity."""

    def schools(self) -> list[School]: ...


@dataclass(frozen=True)
class Way:
    """How to reach the server of a home. cert: the certificate it shows; empty: it speaks plain HTTP."""

    key: str
    url: str
    cert: str


def open_way(home: Path, url: str, cert: Path | None) -> Way:
    """Write a fresh key into the home."""
    way = Way(PREFIX + secrets.token_urlsafe(32), url, str(cert.resolve()) if cert else "")
    partial = home / f"{FILE}.partial"
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump({"key": way.key, "url": way.url, "cert": way.cert}, out)
    partial.replace(home / FILE)
    return way


def close_way(home: Path) -> None:
    """The server stops: its key is worth nothing any more."""
    (home / FILE).unlink(missing_ok=True)


def way(home: Path) -> Way | None:
    """The way to the server of a home; None while there is none."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        told = json.loads((home / FILE).read_text())
        return Way(str(told["key"]), str(told["url"]), str(told["cert"]))
    return None


def gate(others: Gate, identity: Schools, home: Path, table: Mapping[tuple[str, str], Allow] = ACCESS) -> Gate:
    """The gate that knows the owner's key; anybody else is left to `others`."""

    def check(request: Request) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.casefold() != "bearer" or not given.startswith(PREFIX):
            others(request)
            _require_alone(request, identity, table)
            return
        found = way(home)
        if found is None or not hmac.compare_digest(found.key.encode(), given.strip().encode()):
            raise errors.Unauthenticated("this is not the key of the running server", fix="run the command again")
        path = str(getattr(request.scope.get("route"), "path", ""))
        rule = table.get((request.method, path))
        if rule is None or not rule.owner:
            raise errors.Forbidden(
                f"the owner's key does not open {request.method} {path}", fix="use an API key: `shuyuan keys create`"
            )
        request.state.principal = Principal(
            audit.SYSTEM, _school(identity, request.headers.get(SCHOOL)), "admin", scopes=frozenset()
        )

    return check


def _require_alone(request: Request, identity: Schools, table: Mapping[tuple[str, str], Allow]) -> None:
    """Raise Forbidden for an account that asks of the whole machine where several schools share it."""
    path = str(getattr(request.scope.get("route"), "path", ""))
    rule = table.get(("GET" if request.method == "HEAD" else request.method, path))
    if rule is not None and rule.machine and request.state.principal is not None and len(identity.schools()) > 1:
        raise errors.Forbidden(
            f"{path} tells of every school on this machine", fix="ask from the machine itself, or with its owner's key"
        )


def _school(identity: Schools, wanted: str | None) -> str:
    """The school it acts for: the one named, else the only one, else none: shared models alone."""
    known = [school.id for school in identity.schools()]
    if wanted is not None and wanted not in known:
        raise errors.NotFound(f"no school has the id {wanted[:40]!r}", fix="give --school with its id or name")
    return wanted or (known[0] if len(known) == 1 else NO_SCHOOL)
