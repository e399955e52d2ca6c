"""What belongs to no role: language and theme, and help."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from shuyuan.identity import http as identity_http
from shuyuan.identity.interface import Identity, Principal
from shuyuan.web import needs as web_needs
from shuyuan.web import preferences
from shuyuan.web.glossary import LANGUAGES

SEE_OTHER = 303
PLACE = re.compile(r"[\w.~-]{1,200}", re.ASCII)  # class id ~ course id: a cookie holds no other letters

Maybe = Annotated[Principal | None, Depends(identity_http.optional_caller)]


def router(needs: web_needs.Needs) -> APIRouter:
    """`/preferences`, `/help`."""
    api = APIRouter(include_in_schema=False)

    @api.post("/preferences")
    def choose(
        principal: Maybe,
        back: Annotated[str, Form()] = "/",
        lang: Annotated[str, Form()] = "",
        theme: Annotated[str, Form()] = "",
        place: Annotated[str, Form()] = "",
    ) -> Response:
        response = RedirectResponse(_without_lang(preferences.safe_back(back)), SEE_OTHER)
        remember(needs.identity, principal, response, lang, theme)
        if PLACE.fullmatch(place):
            preferences.write(response, "place", place)
        return response

    @api.get("/help")
    def help_page(request: Request, principal: Maybe) -> Response:
        template = "help.html" if principal is not None else "enter/help.html"
        return needs.shell.show(request, template, principal=principal)

    return api


def remember(identity: Identity, principal: Principal | None, response: Response, lang: str, theme: str) -> None:
    """Keep a chosen language (with the account too) and theme; what is neither is left as it was."""
    if lang in LANGUAGES:
        preferences.write(response, "lang", lang)
        if principal is not None:
            identity.set_language(principal, "zh" if lang == "zh" else "en")
    if theme in ("light", "dark"):
        preferences.write(response, "theme", theme)


def _without_lang(address: str) -> str:
    """The choice in the cookie must not be overruled by an old `?lang=`."""
    path, _, query = address.partition("?")
    kept = "&".join(part for part in query.split("&") if part and not part.startswith("lang="))
    return f"{path}?{kept}" if kept else path
