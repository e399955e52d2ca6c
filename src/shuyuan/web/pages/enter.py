"""Coming in: pupils with class code, number and PIN; adults with login and password; single-use links; the demo.

The demo's link opens "Enter as". Choosing somebody uses the link up and leaves a fresh one in this browser
(cookie `door`), so one can come back and change; no other browser has it.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from shuyuan.identity import http as identity_http
from shuyuan.identity.interface import Account, Identity, Link, Principal, Role, SignedIn
from shuyuan.kernel import errors
from shuyuan.web import nav, preferences
from shuyuan.web import needs as web_needs
from shuyuan.web.pages import setup

DEMO = "demo"  # purpose of the link that opens the chooser
FIRST_ADMIN = "first_admin"
DOOR = "door"  # cookie with the next link of this browser's demo
DOOR_S = 12 * 3600
SEE_OTHER = 303
DEMO_ROLES: tuple[Role, ...] = ("teacher", "student", "admin", "developer")

Maybe = Annotated[Principal | None, Depends(identity_http.optional_caller)]


@dataclass(frozen=True)
class Refused:
    """Why a sign-in failed: which form, how long to wait (0: no wait), and the login to show again."""

    form: str
    wait_s: int
    login: str = ""


def router(needs: web_needs.Needs) -> APIRouter:
    """`/`, `/enter…`, `/leave`."""
    api = APIRouter(include_in_schema=False)
    _front(api, needs)
    _links(api, needs)

    @api.post("/enter/pupil")
    def pupil(
        request: Request,
        code: Annotated[str, Form()] = "",
        number: Annotated[str, Form()] = "",
        pin: Annotated[str, Form()] = "",
        back: Annotated[str, Form()] = "/",
    ) -> Response:
        try:
            signed_in = needs.identity.sign_in_pupil(
                code.strip(), number.strip(), pin, client=identity_http.client_address(request)
            )
        except errors.ShuyuanError as wrong:
            return _form(needs, request, Refused("pupil", _wait_s(wrong), code), wrong.status, back)
        return _enter(request, signed_in, back)

    @api.post("/enter/adult")
    def adult(
        request: Request,
        login: Annotated[str, Form()] = "",
        password: Annotated[str, Form()] = "",
        back: Annotated[str, Form()] = "/",
    ) -> Response:
        try:
            signed_in = needs.identity.sign_in(login.strip(), password, client=identity_http.client_address(request))
        except errors.ShuyuanError as wrong:
            return _form(needs, request, Refused("adult", _wait_s(wrong), login), wrong.status, back)
        return _enter(request, signed_in, back)

    @api.post("/leave")
    def leave(request: Request, principal: Maybe) -> Response:
        if principal is not None:
            needs.identity.sign_out(principal)
        response = RedirectResponse("/enter", SEE_OTHER)
        identity_http.drop_session(request, response)
        preferences.forget_shown(response)
        return response

    return api


def _front(api: APIRouter, needs: web_needs.Needs) -> None:
    @api.get("/")
    def front(principal: Maybe) -> Response:
        return RedirectResponse(nav.home(principal.role) if principal else "/enter", SEE_OTHER)

    @api.get("/enter")
    def enter(request: Request, back: str = "/") -> Response:
        return _form(needs, request, None, 200, back)


def _links(api: APIRouter, needs: web_needs.Needs) -> None:
    @api.get("/enter/{token}")
    def link(request: Request, token: str) -> Response:
        try:
            found = needs.identity.peek_link(token)
        except errors.NotFound:
            return needs.shell.show(request, "enter/used.html", status=404)
        if found.purpose == FIRST_ADMIN:
            return setup.first_page(needs, request, token)
        doors = _doors(needs.identity, found)
        page = needs.shell.show(request, "enter/as.html", token=token, doors=doors, is_demo=found.purpose == DEMO)
        preferences.keep_asked(request, page)
        return page

    @api.post("/enter/{token}/as")
    def enter_as(request: Request, token: str, account_id: Annotated[str, Form()]) -> Response:
        found = needs.identity.peek_link(token)
        if account_id not in {account.id for account in _doors(needs.identity, found)}:
            raise errors.NotFound(f"this link does not open account {account_id}", fix="choose one of those shown")
        needs.identity.consume_link(token)
        response = _enter(request, needs.identity.sign_in_as(account_id))
        if found.purpose == DEMO:
            again = needs.identity.create_link(DEMO, school_id=found.school_id, ttl_s=DOOR_S)
            response.set_cookie(DOOR, again, max_age=DOOR_S, httponly=True, samesite="lax", path="/")
            preferences.write(response, "lang", preferences.read(request, None).language)  # that of the page before
        return response

    @api.post("/enter/{token}/first")
    def first(
        request: Request,
        token: str,
        school: Annotated[str, Form()] = "",
        name: Annotated[str, Form()] = "",
        login: Annotated[str, Form()] = "",
        password: Annotated[str, Form()] = "",
        again: Annotated[str, Form()] = "",
    ) -> Response:
        given = {"school": school, "name": name, "login": login}
        return setup.first_admin(needs, request, token, given, (password, again))


def _form(needs: web_needs.Needs, request: Request, refused: Refused | None, status: int, back: str) -> Response:
    page = needs.shell.show(
        request,
        "enter/enter.html",
        status=status,
        refused=refused,
        door=request.cookies.get(DOOR, ""),
        back_to=preferences.safe_back(back),
    )
    preferences.keep_asked(request, page)
    return page


def _enter(request: Request, signed_in: SignedIn, back: str = "/") -> Response:
    where = nav.after_signing_in(signed_in.principal.role, preferences.safe_back(back))
    response = RedirectResponse(where, SEE_OTHER)
    identity_http.keep_session(request, response, signed_in)
    preferences.keep_shown(request, response)
    return response


def _wait_s(wrong: errors.ShuyuanError) -> int:
    return max(1, round(wrong.retry_after_s)) if isinstance(wrong, errors.RateLimited) else 0


def _doors(identity: Identity, link: Link) -> list[Account]:
    """Whom a link lets in: the named account, or for the demo one of each role, the oldest first."""
    if not link.school_id or (link.purpose != DEMO and not link.account_id):
        return []
    by_the_link = Principal(account_id="system", school_id=link.school_id, role="admin")
    if link.account_id:
        return [identity.account(by_the_link, link.account_id)]
    if not identity.school(link.school_id).demo:
        return []
    accounts = sorted((one for one in identity.accounts(by_the_link) if one.active), key=lambda one: one.id)
    firsts = [next((one for one in accounts if one.role == role), None) for role in DEMO_ROLES]
    return [one for one in firsts if one is not None]
