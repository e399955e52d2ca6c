"""Playground: which model answers this better? One prompt, one or two models side by side, each a real `/v1` call.

The answers run at the same time, as the reader, under the reader's allowance. What each one cost stands beside it,
with the same request as curl and Python.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.concurrency import run_in_threadpool

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.maas.gateway.interface import Call
from shuyuan.web import firsthand
from shuyuan.web.needs import OfficeNeeds
from shuyuan.web.reading import Reader

LONGEST_PROMPT, LONGEST_SYSTEM = 8_000, 4_000
MOST_TOKENS = 1_024


@dataclass(frozen=True)
class Choice:
    """A model one may choose: its reference, what it is called, whether it could answer now."""

    reference: str
    label: str
    state: str


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
    def cost(self) -> str:
        """What the ledger charged, in the school's money; empty where no price is set."""
        return str(getattr(self.line, "cost", "") or "")

    @property
    def tokens_per_s(self) -> float:
        """Written tokens a second over the whole call."""
        return self.told.completion_tokens / self.told.seconds if self.told.seconds else 0.0


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
        prompt: Annotated[str, Form(max_length=LONGEST_PROMPT)] = "",
        system: Annotated[str, Form(max_length=LONGEST_SYSTEM)] = "",
        left: Annotated[str, Form(max_length=160)] = "",
        right: Annotated[str, Form(max_length=160)] = "",
        max_tokens: Annotated[int, Form(ge=1, le=MOST_TOKENS)] = 256,
        temperature: Annotated[float, Form(ge=0, le=2)] = 0.7,
        seed: Annotated[str, Form(max_length=12)] = "",
    ) -> Response:
        asked = Asked(prompt.strip(), system.strip(), left, right, max_tokens, temperature, _number(seed))
        choices = await run_in_threadpool(_choices, needs, reader)
        if not asked.prompt or not asked.left:
            trouble = errors.BadInput("there is nothing to ask", fix="choose a model and write a prompt")
            return await run_in_threadpool(_page, needs, request, reader, asked, choices, (), trouble)
        told = await asyncio.gather(*(firsthand.send(request, asked.body(model)) for model in asked.models))
        return await run_in_threadpool(_ran, needs, request, reader, asked, choices, told)

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
        Side(
            model,
            one,
            firsthand.ledger_line(needs.gateway, reader, one.call_id) if one.call_id else None,
            json.dumps(asked.body(model), ensure_ascii=False, indent=1),
        )
        for model, one in zip(asked.models, told, strict=True)
    ]
    return _page(needs, request, reader, asked, choices, sides)


def _page(
    needs: OfficeNeeds,
    request: Request,
    reader: Principal,
    asked: Asked,
    choices: Sequence[Choice],
    sides: Sequence[Side] = (),
    trouble: errors.ShuyuanError | None = None,
) -> Response:
    return needs.shell.show(
        request,
        "developer/playground.html",
        principal=reader,
        here="playground",
        asked=asked,
        choices=choices,
        sides=sides,
        base=f"{str(request.base_url).rstrip('/')}/v1",
        most_tokens=MOST_TOKENS,
        trouble=trouble,
        notice="",
        status=trouble.status if trouble else 200,
    )


def _choices(needs: OfficeNeeds, reader: Principal) -> list[Choice]:
    """Every model that chats, its champion first and then each version by number."""
    states = {status.model: status.state for status in needs.gateway.models()}
    found = []
    for info in needs.catalogue.models():
        if "chat" in info.entry.tasks:
            title = info.entry.title.zh if reader.language == "zh" else info.entry.title.en
            state = states.get(info.entry.name, "absent")
            found.append(Choice(info.entry.name, f"{info.entry.name} · {title}", state))
    entries = {info.entry.name for info in needs.catalogue.models()}
    for model in needs.catalogue.known(reader.school_id):
        if model not in entries:
            versions = needs.catalogue.versions(reader.school_id, model)
            found += [Choice(one.uri, one.uri, "pulled") for one in versions if "chat" in one.tasks]
    return found


def _number(text: str) -> int | None:
    return int(text) if text.strip().lstrip("-").isdigit() else None
