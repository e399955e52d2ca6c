"""The gate: who is calling, and may they? Runs before every route; what the access table does not list is refused.

A caller is known by the session cookie or by `Authorization: Bearer sk-…`. A request that changes something and is
known by its cookie must come from our own pages (CSRF): `Sec-Fetch-Site: same-origin`, or an `Origin` equal
to the host.
"""

from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import urlsplit

from fastapi import Request, Response
from starlette.datastructures import Headers
from starlette.requests import cookie_parser

from shuyuan.identity import keys
from shuyuan.identity.access import ACCESS, Allow
from shuyuan.identity.interface import Principal, SignedIn
from shuyuan.kernel import errors
from shuyuan.kernel.http import Gate

COOKIE = "shuyuan_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_ARTICLE, _TITLE = {"admin": "an"}, {"admin": "administrator", "student": "pupil"}
Table = Mapping[tuple[str, str], Allow]


class Knows(Protocol):
    """What the gate asks of identity."""

    def principal_of_session(self, token: str) -> Principal: ...
    def principal_of_key(self, secret: str) -> Principal: ...


def gate(identity: Knows, table: Table = ACCESS) -> Gate:
    """The check for `kernel.http.build_app`: sets `request.state.principal` (None: nobody) or raises."""

    def check(request: Request) -> None:
        path = str(getattr(request.scope.get("route"), "path", ""))
        client = request.client.host if request.client else ""
        request.state.principal = _pass(identity, request.headers, request.method, path, client, table)

    return check


class Peeks(Protocol):
    """What a quick gate asks of identity: only what it need not wait for."""

    def peek(self, secret: str) -> Principal | None: ...
    def ageing(self, secret: str) -> bool: ...


def quick_gate(identity: Peeks, table: Table = ACCESS) -> Callable[[Request], bool]:
    """The gate for event loops: it judges as `gate` does, or says False for callers not seen within a second."""
    remembered = _Remembered(identity)

    def check(request: Request) -> bool:
        path = str(getattr(request.scope.get("route"), "path", ""))
        client = request.client.host if request.client else ""
        try:
            request.state.principal = _pass(remembered, request.headers, request.method, path, client, table)
        except _NotSeen:
            return False
        return True

    return check


def ageing(identity: Peeks) -> Callable[[Request], bool]:
    """Whether a caller whom the quick gate knows will soon have to be looked up again: better now than all at once."""
    return lambda request: identity.ageing(credential_of(request.headers)[1])


def known(identity: Knows) -> Callable[[Request], bool]:
    """Whether a request carries a credential that lives, for `kernel.http.build_app`. The gate still judges it."""

    def check(request: Request) -> bool:
        kind, credential = credential_of(request.headers)
        return _who(identity, kind, credential, must=False) is not None

    return check


def caller(request: Request) -> Principal:
    """Dependency: who calls; Unauthenticated when nobody is signed in."""
    principal = optional_caller(request)
    if principal is None:
        raise _nobody()
    return principal


def optional_caller(request: Request) -> Principal | None:
    """Dependency for public pages: who calls, or None."""
    principal: Principal | None = getattr(request.state, "principal", None)
    return principal


def client_address(request: Request) -> str:
    """Where a sign-in comes from, for throttling."""
    return request.client.host if request.client else ""


def keep_session(request: Request, response: Response, signed_in: SignedIn) -> None:
    """Put a new session into the browser's cookie."""
    response.set_cookie(
        COOKIE,
        signed_in.token,
        expires=signed_in.expires_at,
        path="/",
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )


def drop_session(request: Request, response: Response) -> None:
    """Take the cookie away."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=request.url.scheme == "https")


class _NotSeen(Exception):
    """This caller must be looked up."""


class _Remembered:
    """Knows whom `peek` knows; a dead credential is never among them."""

    def __init__(self, identity: Peeks) -> None:
        self._identity = identity

    def principal_of_session(self, token: str) -> Principal:
        return self._seen(token)

    def principal_of_key(self, secret: str) -> Principal:
        return self._seen(secret)

    def _seen(self, secret: str) -> Principal:
        principal = self._identity.peek(secret)
        if principal is None:
            raise _NotSeen
        return principal


def _pass(identity: Knows, headers: Headers, method: str, path: str, client: str, table: Table) -> Principal | None:
    rule = table.get(("GET" if method == "HEAD" else method, path))
    if rule is None:
        raise errors.Forbidden(f"{method} {path} is not open to anybody", fix="list it in identity/access.py")
    kind, credential = credential_of(headers)
    if method not in SAFE_METHODS and kind != "key":
        _require_own_page(headers, known=kind == "cookie")
    principal = _who(identity, kind, credential, must=not (rule.open or rule.loopback))
    if principal is None:
        if rule.open or (rule.loopback and _is_loopback(client)):
            return None
        raise _nobody()
    _require_allowed(rule, principal, f"{method} {path}")
    return principal


def _who(identity: Knows, kind: str, credential: str, *, must: bool) -> Principal | None:
    """The holder of a credential. On a public route a dead one counts as none."""
    try:
        if kind == "key":
            return identity.principal_of_key(credential)
        return identity.principal_of_session(credential) if kind == "cookie" else None
    except errors.Unauthenticated:
        if must:
            raise
        return None


def _require_allowed(rule: Allow, principal: Principal, what: str) -> None:
    if rule.open:
        return
    named = _ARTICLE.get(principal.role, "a") + f" {principal.role}"
    if principal.role not in rule.roles:
        those = (f"{_ARTICLE.get(role, 'a')} {_TITLE.get(role, role)}" for role in sorted(rule.roles))
        raise errors.Forbidden(f"{named} may not call {what}", fix=f"ask {' or '.join(those) or 'nobody'}")
    if principal.key_id is not None and rule.scope is not None and rule.scope not in principal.scopes:
        if rule.scope not in keys.GRANTABLE[principal.role]:
            raise errors.Forbidden(
                f"{named}'s key may not call {what}", fix="sign in on the pages instead, or ask an administrator"
            )
        raise errors.Forbidden(
            f"this key lacks the scope {rule.scope!r} for {what}", fix=f"create a key with the scope {rule.scope!r}"
        )


def _require_own_page(headers: Headers, *, known: bool) -> None:
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        ours = site in ("same-origin", "none")
    elif origin is not None:
        ours = urlsplit(origin).netloc == headers.get("host", "")
    else:
        ours = not known
    if not ours:
        raise errors.Forbidden(
            "this request did not come from our own page",
            code="cross_site",
            fix="send the Origin header of this server, or use an API key",
        )


def credential_of(headers: Headers) -> tuple[str, str]:
    """("key" | "cookie" | "", secret). A key wins over a cookie."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.casefold() == "bearer" and value.strip():
        return "key", value.strip()
    token = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
    return ("cookie", token) if token else ("", "")


def _is_loopback(client: str) -> bool:
    try:
        return ip_address(client).is_loopback
    except ValueError:
        return False


def _nobody() -> errors.Unauthenticated:
    return errors.Unauthenticated("nobody is signed in", fix="sign in, or send Authorization: Bearer sk-…")
