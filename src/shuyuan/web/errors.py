"""The pages shown when something is refused or breaks: what happened, what to do. Needs no service, no database."""

from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.kernel.http.app import json_error
from shuyuan.web import preferences, render

MACHINE_PATHS = ("/api/", "/v1/", "/v2/", "/xapi/", "/healthz", "/readyz", "/version", "/metrics", "/openapi.json")
KINDS = {403: "forbidden", 404: "not_found", 429: "busy", 503: "busy"}
NO_SUCH_WAY = errors.MethodNotAllowed.code  # the address exists, but only a form leads there
CODES = {"internal": "broken", NO_SUCH_WAY: "no_way", errors.Malformed.code: "malformed"}
SEE_OTHER = 303


def error_page(request: Request, error: errors.ShuyuanError) -> Response:
    """A page for people, JSON for programs; who is not signed in goes to `/enter`."""
    lost = isinstance(error, errors.NotFound) or error.error_code == NO_SUCH_WAY
    if request.url.path.startswith(MACHINE_PATHS) or not _is_page(request, anything=lost):
        return json_error(error)
    if isinstance(error, errors.Unauthenticated):
        return _to_enter(request, error.status)
    principal: Principal | None = getattr(request.state, "principal", None)
    kind = CODES.get(error.error_code) or KINDS.get(error.status, "other")
    values = render.tongue(request, principal) | {
        "kind": kind,
        "error": error,
        "demo": False,
        "reference": str(getattr(request.state, "request_id", "")),
    }
    return render.answer(request, "error.html", values, error.status)


def _is_page(request: Request, *, anything: bool) -> bool:
    """htmx accepts anything, and means a page. anything: so does whoever names no format, at an address of a page."""
    accept = request.headers.get("accept", "html")
    return _is_part(request) or "html" in accept or (anything and "*/*" in accept and "json" not in accept)


def _is_part(request: Request) -> bool:
    return request.headers.get("hx-request") == "true"


def _to_enter(request: Request, status: int) -> Response:
    """htmx follows HX-Redirect with a whole page; a browser follows Location. Both come back after signing in."""
    if _is_part(request):
        here = urlsplit(request.headers.get("hx-current-url", ""))
        headers = {"hx-redirect": preferences.enter(here.path + (f"?{here.query}" if here.query else ""))}
        return Response(status_code=status, headers=headers)
    query = f"?{request.url.query}" if request.url.query else ""
    here_path = request.url.path + query if request.method == "GET" else "/"
    return RedirectResponse(preferences.enter(here_path), SEE_OTHER)
