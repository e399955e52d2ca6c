"""What the pages of the workshop share: their tabs, how they are shown, refused and led on from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.web import glossary, machine
from shuyuan.web.needs import WorkshopNeeds
from shuyuan.web.pages.workshop import figurewords, refusals

SEE_OTHER = 303
MAKERS = ("admin", "developer")  # who may change what is served; a teacher looks, and trains
WORDS = {"refused": refusals.refused} | {name: figurewords.WORDS[name] for name in ("called", "measured", "said_limit")}
Form = Mapping[str, Sequence[str]]  # every text of a form, by name


@dataclass(frozen=True)
class Tab:
    """One page of the workshop: `word` is a key of words/."""

    name: str
    word: str
    href: str
    makers: bool = False


TABS = (
    Tab("data", "workshop.tab.data", "/workshop/data"),
    Tab("runs", "workshop.tab.runs", "/workshop/runs"),
    Tab("reports", "workshop.tab.reports", "/workshop/reports"),
    Tab("models", "workshop.tab.models", "/workshop/models", makers=True),
    Tab("pipelines", "workshop.tab.pipelines", "/workshop/pipelines", makers=True),
    Tab("lab", "workshop.tab.lab", "/workshop/lab", makers=True),
    Tab("tracers", "tracers.tab", "/workshop/tracers", makers=True),
)


def is_maker(reader: Principal) -> bool:
    """Whether one may upload, prepare, register, deploy."""
    return reader.role in MAKERS


def show(
    needs: WorkshopNeeds,
    request: Request,
    template: str,
    reader: Principal,
    tab: str,
    *,
    notice: str = "",
    trouble: errors.ShuyuanError | None = None,
    **values: object,
) -> Response:
    """A page under its tab. notice: a word of workshop.notice, anything else is left out."""
    shared = {
        "tabs": [one for one in TABS if is_maker(reader) or not one.makers],
        "tab": tab,
        "maker": is_maker(reader),
        "notice": notice if f"workshop.notice.{notice}" in glossary.words() else "",
        "trouble": trouble,
        **WORDS,
        "size": machine.size,
        "stages": _stages(),
    }
    status = trouble.status if trouble else 200
    return needs.shell.show(
        request, f"workshop/{template}", {**shared, **values}, principal=reader, here="workshop", status=status
    )


@cache
def _stages() -> frozenset[str]:
    """Stages of work that have a word."""
    prefix = "workshop.stage."
    return frozenset(key.removeprefix(prefix) for key in glossary.words() if key.startswith(prefix))


def lead(path: str, notice: str = "", **query: object) -> Response:
    """To another page, where `notice` is said."""
    told = {name: value for name, value in query.items() if value} | ({"notice": notice} if notice else {})
    return RedirectResponse(f"{path}?{urlencode(told)}" if told else path, SEE_OTHER)


def has_changed(request: Request, seen: str, now: str) -> Response | None:
    """For a part that asks again: the whole page anew, once what it stands for is no longer what it showed."""
    if request.headers.get("hx-request") == "true" and seen and seen != now:
        return Response(headers={"hx-refresh": "true"})
    return None


def bad(wrong: ValidationError) -> errors.BadInput:
    """What a form said that its type refuses: the field, the value and the rule."""
    return refusals.misfilled(wrong)


def number(text: str, otherwise: int) -> int:
    """A whole number that a form said; what it is otherwise."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else otherwise


async def said(request: Request) -> dict[str, list[str]]:
    """Every text of a form, by name."""
    async with request.form(max_fields=4000) as form:
        return {name: [one for one in form.getlist(name) if isinstance(one, str)] for name in form}


def first(form: Form, name: str, otherwise: str = "") -> str:
    """The text of one field, without spaces around it."""
    values = form.get(name, [])
    return values[0].strip() if values else otherwise
