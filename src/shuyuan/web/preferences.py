"""Language, theme and the class or course one looks at: cookies of this browser, read on the server."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urlsplit

from fastapi import Request, Response

from shuyuan.identity.interface import Principal
from shuyuan.web.glossary import LANGUAGES, Language

Theme = Literal["light", "dark"]
YEAR_S = 365 * 24 * 3600
SHOWN = "lang_shown"  # cookie: the language of the entrance, where nobody has chosen one
GIVEN: Language = "zh"  # what an account has until its holder chooses


@dataclass(frozen=True)
class Preferences:
    """theme None follows the system; class_id and course_id are only wishes, checked against what one may see."""

    language: Language
    theme: Theme | None
    class_id: str
    course_id: str


def read(request: Request, principal: Principal | None) -> Preferences:
    """What was chosen with this very request wins, then `?lang=`, the cookie, the account, the browser, Chinese.

    An account that has only the language it was made with goes on in that of the entrance.
    """
    theme = getattr(request.state, "theme", None) or request.cookies.get("theme")
    class_id, _, course_id = request.cookies.get("place", "").partition("~")
    return Preferences(
        language=_language(request, principal),
        theme=theme if theme in ("light", "dark") else None,  # type: ignore[arg-type]  # narrowed by the test
        class_id=class_id,
        course_id=course_id,
    )


def choose(request: Request, lang: str, theme: str) -> None:
    """The page made for this request is already in the language and theme just chosen."""
    request.state.lang, request.state.theme = lang, theme


def keep_asked(request: Request, response: Response) -> None:
    """Whoever came with `?lang=` finds the next page in that language too."""
    asked = request.query_params.get("lang", "")
    if asked in LANGUAGES:
        write(response, "lang", asked)


def keep_shown(request: Request, response: Response) -> None:
    """Signing in changes no language: the pages go on in that of the entrance, unless the account has its own."""
    response.set_cookie(SHOWN, read(request, None).language, httponly=True, samesite="lax", path="/")


def forget_shown(response: Response) -> None:
    """Whoever comes next is asked by their own browser."""
    response.delete_cookie(SHOWN, path="/")


def write(response: Response, name: Literal["lang", "theme", "place"], value: str) -> None:
    """Remember for a year, unreadable to scripts."""
    response.set_cookie(name, value, max_age=YEAR_S, httponly=True, samesite="lax", path="/")


def safe_back(address: str) -> str:
    """A path of this server, else the front page: never another host."""
    parts = urlsplit(address.replace("\\", "/"))
    if parts.scheme or parts.netloc or not parts.path.startswith("/") or parts.path.startswith("//"):
        return "/"
    return parts.path + (f"?{parts.query}" if parts.query else "")


def enter(back: str) -> str:
    """The address of the entrance that leads back to `back` afterwards."""
    safe = safe_back(back)
    return "/enter" if safe == "/" else f"/enter?back={quote(safe, safe='/')}"


def _language(request: Request, principal: Principal | None) -> Language:
    now = getattr(request.state, "lang", None)
    for wish in (now, request.query_params.get("lang"), request.cookies.get("lang")):
        if wish in LANGUAGES:
            return "zh" if wish == "zh" else "en"
    if principal is not None:
        shown = request.cookies.get(SHOWN)
        return "en" if principal.language == GIVEN and shown == "en" else principal.language
    first = request.headers.get("accept-language", "zh").split(",")[0].strip().lower()
    return "en" if first.startswith("en") else "zh"
