"""Where the model's words come from: our own gateway, or any OpenAI-compatible server.

A voice only speaks; what it says is judged elsewhere. Its failures are kernel errors.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

import httpx

from shuyuan.identity.interface import Principal
from shuyuan.kernel import errors
from shuyuan.kernel import settings as kernel_settings
from shuyuan.learning.tutor import bands, prompt
from shuyuan.maas.gateway import interface as gateway_api

TEMPERATURE = 0.3
_DEADLINE_S = 90.0
_CONNECT_S = 5.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """ready: speaks at once.  waking: being read into memory.  loading: the file is still on its way."""

    state: Literal["ready", "waking", "loading", "unavailable"]
    progress: float | None = None
    ahead: int = 0  # learners waiting before this one


@dataclass(frozen=True, slots=True)
class Speech:
    """Words as they come; `version` says which model speaks. whole: a piece ends where a sentence does.

    Raises `bands.Withheld` in the middle when the model goes on to what the learner's age band is kept from.
    """

    version: str
    pieces: AsyncIterator[str]
    whole: bool = False


class Voice(Protocol):
    """Something that continues a conversation."""

    model: str

    def readiness(self) -> Readiness: ...
    def speak(
        self, principal: Principal, messages: Sequence[gateway_api.Message], *, age_band: gateway_api.Band
    ) -> AbstractAsyncContextManager[Speech]:
        """Leaving the context stops the work. Nothing leaves that was not checked for `age_band`."""
        ...


class OwnModel:
    """A model of this platform, under the learner's own allowance."""

    def __init__(self, gateway: gateway_api.Gateway, model: str) -> None:
        self._gateway, self.model = gateway, model

    def readiness(self) -> Readiness:
        status = next((one for one in self._gateway.models() if one.model == self.model), None)
        if status is None or status.state in ("absent", "failed"):
            return Readiness("unavailable")
        if status.state == "pulling":
            return Readiness("loading", progress=status.progress)
        if status.state in ("pulled", "loading"):
            return Readiness("waking")
        waits = status.slots and status.in_flight >= status.slots
        return Readiness("ready", ahead=status.queued + 1 if waits else 0)

    @asynccontextmanager
    async def speak(
        self, principal: Principal, messages: Sequence[gateway_api.Message], *, age_band: gateway_api.Band
    ) -> AsyncIterator[Speech]:
        request = gateway_api.ChatRequest(
            self.model, messages, max_tokens=prompt.COMPLETION_TOKENS, temperature=TEMPERATURE, age_band=age_band
        )
        async with self._gateway.chat(principal, request, purpose="tutor", deadline_s=_DEADLINE_S) as answer:
            yield Speech(answer.receipt.version, _texts(answer), whole=True)


class OpenAIServer:
    """Any OpenAI-compatible server. No learner is named to it."""

    def __init__(self, base_url: str, *, preferred: str = "", api_key: str = "") -> None:
        self._base_url, self.model = base_url.rstrip("/"), preferred
        self._key = api_key or "none"  # a server without keys wants the header all the same
        self._chosen = ""

    def readiness(self) -> Readiness:
        return Readiness("ready")  # only asking shows it

    @asynccontextmanager
    async def speak(
        self, principal: Principal, messages: Sequence[gateway_api.Message], *, age_band: gateway_api.Band
    ) -> AsyncIterator[Speech]:
        timeout = httpx.Timeout(_DEADLINE_S, connect=_CONNECT_S)
        headers = {"authorization": f"Bearer {self._key}"}
        try:
            async with httpx.AsyncClient(timeout=timeout, headers=headers, trust_env=False) as client:
                model = self._chosen or await self._choose(client)
                body = {
                    "model": model,
                    "messages": list(messages),
                    "max_tokens": prompt.COMPLETION_TOKENS,
                    "temperature": TEMPERATURE,
                    "stream": True,
                }
                async with client.stream("POST", f"{self._base_url}/chat/completions", json=body) as answer:
                    await _require_ok(answer)
                    checked = bands.screened(_events(answer), age_band)
                    yield Speech(f"{self._base_url}#{model}", checked, whole=True)
        except httpx.HTTPError as failure:
            raise errors.Unavailable(
                f"the model server {self._base_url} does not answer: {type(failure).__name__}",
                fix="check SHUYUAN_OPENAI_BASE_URL and that the server runs",
            ) from failure

    async def _choose(self, client: httpx.AsyncClient) -> str:
        """The preferred model if the server has it, else its first one that can chat."""
        answer = await client.get(f"{self._base_url}/models")
        await _require_ok(answer)
        models = [one for one in answer.json().get("data", []) if "chat" in one.get("tasks", ["chat"])]
        names = [str(one["id"]) for one in models]
        if not names:
            raise errors.Unavailable(f"the model server {self._base_url} lists no model", fix="load one there")
        self._chosen = self.model if self.model in names else names[0]
        return self._chosen


def voice_of(settings: kernel_settings.Settings, gateway: gateway_api.Gateway) -> Voice:
    """The voice the settings ask for."""
    model = settings.starter if settings.starter != "none" else "tutor"
    if settings.openai_base_url:
        return OpenAIServer(settings.openai_base_url, preferred=model, api_key=settings.upstream_key)
    return OwnModel(gateway, model)


async def _texts(answer: gateway_api.Answer) -> AsyncIterator[str]:
    async for delta in answer:
        if delta.text:
            yield delta.text
        if delta.finish_reason == "content_filter":
            raise bands.Withheld("the gateway stopped the model for this age band")


async def _events(answer: httpx.Response) -> AsyncIterator[str]:
    async for line in answer.aiter_lines():
        if not line.startswith("data:") or line == "data: [DONE]":
            continue
        event = json.loads(line.removeprefix("data:"))
        if error := event.get("error"):
            raise errors.Unavailable(f"the model server stopped: {str(error)[:200]}", fix="ask again")
        for choice in event.get("choices", [])[:1]:
            if content := choice.get("delta", {}).get("content"):
                yield str(content)


async def _require_ok(answer: httpx.Response) -> None:
    if answer.status_code < 400:
        return
    told = (await answer.aread()).decode(errors="replace")[:200]
    if answer.status_code == 429:
        raise errors.RateLimited(f"the model server is busy: {told}", fix="ask again in a while")
    raise errors.Unavailable(f"the model server answered {answer.status_code}: {told}", fix="check its log")
