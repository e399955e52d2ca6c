"""The pages shown when something is refused or breaks: what happened, what to do. Needs no service, no database."""

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.kernel.http.app import json_error
from shuyuan.web import render

MACHINE_PATHS = ("/api/", "/v1/", "/v2/", "/xapi/", "/healthz", "/readyz", "/version", "/metrics", "/openapi.json")
KINDS = {403: "forbidden", 404: "not_found", 429: "busy", 503: "busy"}
SEE_OTHER = 303


def error_page(request: Request, error: errors.ShuyuanError) -> Response:
    """A page for people, JSON for programs; who is not signed in goes to `/enter`."""
    if request.url.path.startswith(MACHINE_PATHS) or "html" not in request.headers.get("accept", "html"):
        return json_error(error)
    if isinstance(error, errors.Unauthenticated):
        return _to_enter(request)
    principal: Principal | None = getattr(request.state, "principal", None)
    kind = "broken" if error.error_code == "internal" else KINDS.get(error.status, "other")
    values = render.tongue(request, principal) | {
        "kind": kind,
        "error": error,
        "demo": False,
        "reference": str(getattr(request.state, "request_id", "")),
    }
    return render.answer(request, "error.html", values, error.status)


def _to_enter(request: Request) -> Response:
    """htmx follows HX-Redirect with a whole page; a browser follows Location."""
    if request.headers.get("hx-request") == "true":
        return Response(status_code=204, headers={"hx-redirect": "/enter"})
    return RedirectResponse("/enter", SEE_OTHER)
