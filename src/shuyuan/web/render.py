"""Templates to HTML: autoescape, strict about unknown names, in the language and theme of the request."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache, partial
from zoneinfo import ZoneInfo

import jinja2
from fastapi import Request, Response

from shuyuan.identity.interface import Principal
from shuyuan.web import filters, glossary, nav, preferences, static

HTML = "text/html; charset=utf-8"


@cache
def templates() -> jinja2.Environment:
    """The one environment of all pages."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("shuyuan.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(asset=static.url, has_asset=static.present)
    environment.filters.update(filters.ALL)
    return environment


def answer(request: Request, template: str, values: Mapping[str, object], status: int = 200) -> Response:
    """Render and compress."""
    body = templates().get_template(template).render(values).encode()
    return static.packed_response(request, body, HTML, status=status)


def tongue(request: Request, principal: Principal | None, zone: ZoneInfo | None = None) -> dict[str, object]:
    """What every template may say and know of the request. zone: where times are told; None: the server's own."""
    chosen = preferences.read(request, principal)
    query = f"?{request.url.query}" if request.url.query else ""
    return {
        "lang": chosen.language,
        "theme": chosen.theme,
        "t": partial(glossary.say, chosen.language),
        "t_or": partial(glossary.say_or, chosen.language),
        "principal": principal,
        "home": nav.home(principal.role) if principal else "/",
        "now": datetime.now().astimezone(zone),
        "zone": zone,
        "is_part": request.headers.get("hx-request") == "true",
        "back": preferences.safe_back(request.url.path + query) if request.method == "GET" else "/",
    }
