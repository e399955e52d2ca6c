"""What belongs to no role: language and theme, help, and the pages shown when something is refused or breaks."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from shuyuan.identity import http as identity_http
from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.kernel.http.app import json_error
from shuyuan.web import needs as web_needs
from shuyuan.web import preferences
from shuyuan.web.shell import Shell

SEE_OTHER = 303
MACHINE_PATHS = ("/api/", "/v1/", "/v2/", "/xapi/", "/healthz", "/readyz", "/version", "/metrics", "/openapi.json")

Maybe = Annotated[Principal | None, Depends(identity_http.optional_caller)]


def router(needs: web_needs.Needs) -> APIRouter:
    """`/preferences`, `/help`."""
    api = APIRouter(include_in_schema=False)

    @api.post("/preferences")
    def choose(
        principal: Maybe, back: Annotated[str, Form()] = "/", lang: Annotated[str, Form()] = "",
        theme: Annotated[str, Form()] = "", place: Annotated[str, Form()] = "",
    ) -> Response:
        response = RedirectResponse(_without_lang(preferences.safe_back(back)), SEE_OTHER)
        if lang == "zh" or lang == "en":
            preferences.write(response, "lang", lang)
            if principal is not None:
                needs.identity.set_language(principal, lang)
        if theme in ("light", "dark"):
            preferences.write(response, "theme", theme)
        if place and len(place) <= 200:
            preferences.write(response, "place", place)
        return response

    @api.get("/help")
    def help_page(request: Request, principal: Maybe) -> Response:
        template = "help.html" if principal is not None else "enter/help.html"
        return needs.shell.show(request, template, principal=principal)

    return api


class ErrorPages:
    """Renders errors of the pages' paths; machine paths get JSON, a caller unknown goes to `/enter`."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def __call__(self, request: Request, error: errors.ShuyuanError) -> Response:
        if request.url.path.startswith(MACHINE_PATHS) or "html" not in request.headers.get("accept", "html"):
            return json_error(error)
        principal: Principal | None = getattr(request.state, "principal", None)
        if isinstance(error, errors.Unauthenticated):
            return _to_enter(request)
        try:
            return self._page(request, error, principal)
        except Exception:  # an error page must never fail: without the database there is still the sentence
            return json_error(error)

    def _page(self, request: Request, error: errors.ShuyuanError, principal: Principal | None) -> Response:
        kind = {403: "forbidden", 404: "not_found", 429: "busy", 503: "busy"}.get(error.status, "other")
        if error.error_code == "internal":
            kind = "broken"
        return self._shell.show(
            request, "error.html", principal=principal, status=error.status, kind=kind, error=error,
            reference=str(getattr(request.state, "request_id", "")),
        )


def _to_enter(request: Request) -> Response:
    """htmx follows HX-Redirect with a whole page; a browser follows Location."""
    if request.headers.get("hx-request") == "true":
        return Response(status_code=204, headers={"hx-redirect": "/enter"})
    return RedirectResponse("/enter", SEE_OTHER)


def _without_lang(address: str) -> str:
    """The choice in the cookie must not be overruled by an old `?lang=`."""
    path, _, query = address.partition("?")
    kept = "&".join(part for part in query.split("&") if part and not part.startswith("lang="))
    return f"{path}?{kept}" if kept else path
