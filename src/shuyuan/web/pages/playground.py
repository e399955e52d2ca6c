"""Playground: which model answers this better? One prompt, one or two models side by side, each a real `/v1` call.

The answers run at the same time, as the reader, under the reader's allowance. What each one cost stands beside it,
with the same request as curl and Python. With script they appear as they are written (`playground.js` asks `/v1`
itself and then this page for the facts); without, the form brings them whole.
"""

import asyncio
import json
import pprint
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.catalogue.interface import CHAMPION
from shuyuan.maas.gateway.interface import MAX_CHARS, Call
from shuyuan.web import firsthand, shelf
from shuyuan.web.glossary import say
from shuyuan.web.needs import OfficeNeeds
from shuyuan.web.reading import Reader

MOST_TOKENS, LONGEST_ANSWER = 4_096, 40_000


@dataclass(frozen=True)
class Choice:
    """A model one may choose: its reference, what it is called, whether it could answer now, how much it reads."""

    reference: str
    label: str
    state: str
    context_tokens: int = 0  # 0: not known


@dataclass(frozen=True)
class Asked:
    """What the form said."""

    prompt: str = ""
    system: str = ""
    left: str = ""
    right: str = ""
    max_tokens: int = 256
    temperature: float = 0.7
    seed: int | None = None

    @property
    def trouble(self) -> str:
        """Why this cannot be asked, a word of playground.*; empty when it can."""
        if not self.prompt or not self.left:
            return "nothing_asked"
        return "too_long" if len(self.prompt) + len(self.system) > MAX_CHARS else ""

    @property
    def models(self) -> list[str]:
        """The models to ask, left first."""
        return [name for name in (self.left, self.right) if name]

    def body(self, model: str) -> dict[str, object]:
        """The request as `/v1/chat/completions` takes it."""
        told = [{"role": "system", "content": self.system}] if self.system else []
        body: dict[str, object] = {
            "model": model,
            "messages": [*told, {"role": "user", "content": self.prompt}],
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
        }
        return body if self.seed is None else {**body, "seed": self.seed}


@dataclass(frozen=True)
class Side:
    """One model's answer, what it cost, and how to ask the same elsewhere."""

    model: str
    told: firsthand.Told
    line: Call | None
    body: str

    @property
    def cost(self) -> float:
        """What the ledger charged, in the school's money; 0 where no price is set."""
        return self.line.cost_micros / 1e6 if self.line else 0.0

    @property
    def literal(self) -> str:
        """The body as a Python dictionary, whatever quotes and lines it holds."""
        return pprint.pformat(json.loads(self.body), sort_dicts=False, width=88)

    @property
    def tokens_per_s(self) -> float:
        """Written tokens a second over the whole call."""
        return self.told.completion_tokens / self.told.seconds if self.told.seconds else 0.0


class Heard(BaseModel):
    """What the form said, and what came of one streamed call, as the browser saw it."""

    n: int = Field(1, ge=1, le=2)
    model: str = Field(max_length=160)
    prompt: str = Field("", max_length=MAX_CHARS)
    system: str = Field("", max_length=MAX_CHARS)
    max_tokens: int = Field(256, ge=1, le=MOST_TOKENS)
    temperature: float = Field(0.7, ge=0, le=2)
    seed: str = Field("", max_length=12)
    text: str = Field("", max_length=LONGEST_ANSWER)
    status: int = Field(200, ge=100, le=599)
    seconds: float = Field(0.0, ge=0, le=3600)
    version: str = Field("", max_length=200)
    overhead_ms: str = Field("", max_length=20)
    call_id: str = Field("", max_length=64)
    error_code: str = Field("", max_length=80)
    error: str = Field("", max_length=1000)

    def told(self, line: Call | None) -> firsthand.Told:
        """As if the page had asked itself; tokens are the ledger's."""
        return firsthand.Told(
            status=self.status,
            seconds=self.seconds,
            text=self.text.strip(),
            version=line.version if line else self.version,
            overhead_ms=self.overhead_ms,
            request_id="",
            call_id=self.call_id,
            remaining_tokens="",
            prompt_tokens=line.prompt_tokens if line else 0,
            completion_tokens=line.completion_tokens if line else 0,
            error=errors.ShuyuanError(self.error, code=self.error_code) if self.error_code else None,
        )


def router(needs: OfficeNeeds) -> APIRouter:
    """`/developer/playground`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/developer/playground")
    def page(request: Request, reader: Reader) -> Response:
        choices = _choices(needs, reader)
        first = next((one.reference for one in choices if one.state in ("ready", "pulled")), "")
        return _page(needs, request, reader, Asked(left=first), choices)

    @api.post("/developer/playground")
    async def run(
        request: Request,
        reader: Reader,
        prompt: Annotated[str, Form()] = "",
        system: Annotated[str, Form()] = "",
        left: Annotated[str, Form(max_length=160)] = "",
        right: Annotated[str, Form(max_length=160)] = "",
        max_tokens: Annotated[int, Form(ge=1, le=MOST_TOKENS)] = 256,
        temperature: Annotated[float, Form(ge=0, le=2)] = 0.7,
        seed: Annotated[str, Form(max_length=12)] = "",
    ) -> Response:
        asked = Asked(_plain(prompt), _plain(system), left, right, max_tokens, temperature, _number(seed))
        choices = await run_in_threadpool(_choices, needs, reader)
        if asked.trouble:
            return await run_in_threadpool(_page, needs, request, reader, asked, choices)
        told = await asyncio.gather(*(firsthand.send(request, asked.body(model)) for model in asked.models))
        return await run_in_threadpool(_ran, needs, request, reader, asked, choices, told)

    @api.post("/developer/playground/side")
    def side(request: Request, reader: Reader, heard: Annotated[Heard, Form()]) -> Response:
        asked = Asked(
            _plain(heard.prompt),
            _plain(heard.system),
            heard.model,
            max_tokens=heard.max_tokens,
            temperature=heard.temperature,
            seed=_number(heard.seed),
        )
        line = _line(needs, reader, heard.call_id)
        return needs.shell.part(
            request,
            "developer/playground_side.html",
            principal=reader,
            side=_side(asked, heard.model, heard.told(line), line),
            n=heard.n,
            base=_base(request),
            currency=needs.gateway.terms(reader).currency,
        )

    return api


def _ran(
    needs: OfficeNeeds,
    request: Request,
    reader: Principal,
    asked: Asked,
    choices: Sequence[Choice],
    told: Sequence[firsthand.Told],
) -> Response:
    sides = [
        _side(asked, model, one, _line(needs, reader, one.call_id))
        for model, one in zip(asked.models, told, strict=True)
    ]
    return _page(needs, request, reader, asked, choices, sides)


def _side(asked: Asked, model: str, told: firsthand.Told, line: Call | None) -> Side:
    return Side(model, told, line, json.dumps(asked.body(model), ensure_ascii=False, indent=1))


def _line(needs: OfficeNeeds, reader: Principal, call_id: str) -> Call | None:
    return firsthand.ledger_line(needs.gateway, reader, call_id) if call_id else None


def _base(request: Request) -> str:
    return f"{str(request.base_url).rstrip('/')}/v1"


def _page(
    needs: OfficeNeeds,
    request: Request,
    reader: Principal,
    asked: Asked,
    choices: Sequence[Choice],
    sides: Sequence[Side] = (),
) -> Response:
    trouble = asked.trouble if request.method == "POST" else ""
    return needs.shell.show(
        request,
        "developer/playground.html",
        principal=reader,
        here="playground",
        asked=asked,
        choices=choices,
        sides=sides,
        base=_base(request),
        currency=needs.gateway.terms(reader).currency,
        most_tokens=MOST_TOKENS,
        most_chars=MAX_CHARS,
        trouble=trouble,
        status=errors.BadInput.status if trouble else 200,
    )


def _choices(needs: OfficeNeeds, reader: Principal) -> list[Choice]:
    """Every model that chats: entries, then each model of the school, what is in use before its versions."""
    found = []
    for line in shelf.lines(needs, reader):
        entry = line.info.entry
        if "chat" in entry.tasks:
            title = entry.title.zh if reader.language == "zh" else entry.title.en
            found.append(Choice(entry.name, f"{entry.name} · {title}", line.status.state, entry.context_tokens))
    for own in shelf.brought(needs, reader):
        versions = [one for one in own.versions if "chat" in one.version.tasks]
        if own.chosen in versions:
            reference = f"models:/{own.name}@{CHAMPION}"
            label = f"{reference} · {say(reader.language, 'playground.in_use')}"
            found.append(Choice(reference, label, _state(own.chosen), own.chosen.version.context_tokens))
        found += [Choice(one.version.uri, one.version.uri, _state(one), one.version.context_tokens) for one in versions]
    return found


def _state(one: shelf.Brought | None) -> str:
    return one.status.state if one and one.status else "pulled"


def _plain(text: str) -> str:
    """What was typed, with the line ends that a program would send."""
    return text.replace("\r\n", "\n").strip()


def _number(text: str) -> int | None:
    return int(text) if text.strip().lstrip("-").isdigit() else None
