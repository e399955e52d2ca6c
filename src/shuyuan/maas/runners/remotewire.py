"""OpenAI's HTTP API from the client's side: requests, server-sent events, answers. Trusts no upstream."""

import json
import math
from collections.abc import AsyncIterator, Callable, Mapping

import aiohttp

from shuyuan.maas.runners import interface, llamaevents, upstreams

_MAX_LINE_BYTES = 4 << 20
_OPTIONS = (
    "max_tokens", "temperature", "top_p", "stop", "seed", "presence_penalty", "frequency_penalty",
    "logprobs", "top_logprobs", "tools", "tool_choice", "parallel_tool_calls",
)  # fmt: skip
_CALLERS_FAULT = frozenset({400, 413, 422})  # not 404: it is the upstream that lacks the model
_MAX_ERROR_BYTES = 16 << 10


class Broke(Exception):
    """This upstream failed; another may be asked if nothing was said yet. rest_s: what it asked for."""

    def __init__(self, message: str, rest_s: float = 0.0) -> None:
        super().__init__(message)
        self.rest_s = rest_s


def request(task: str, payload: interface.Payload, model: str) -> tuple[str, dict[str, object]]:
    """Path and body for one upstream."""
    if task == "embed":
        return "/embeddings", {"model": model, "input": payload["texts"]}
    if task == "draw":
        return "/images/generations", _drawing(payload) | {"model": model}
    body: dict[str, object] = {name: payload[name] for name in _OPTIONS if payload.get(name) is not None}
    body |= {"model": model, "stream": True, "stream_options": {"include_usage": True}}
    if payload.get("json_schema") is not None:
        form = {"name": "answer", "schema": payload["json_schema"], "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    if task == "complete":
        return "/completions", body | {"prompt": payload["prompt"]}
    return "/chat/completions", body | {"messages": payload["messages"]}


async def check(answer: aiohttp.ClientResponse) -> None:
    """Raises BadPayload for the caller's fault, Broke for the upstream's."""
    if 200 <= answer.status < 300:
        return
    if answer.status in _CALLERS_FAULT:
        said = await answer.content.read(_MAX_ERROR_BYTES)
        raise interface.BadPayload(f"the upstream refused the request{_message(said)}", fix="mend the request")
    raise Broke(f"the upstream answered {answer.status}", _retry_after_s(answer))


async def events(answer: aiohttp.ClientResponse) -> AsyncIterator[list[Mapping[str, object]]]:
    """The events of a stream, those of one network read together.

    Raises Broke on garbage, on an error inside, and on an end without [DONE]; what came before is given first.
    """
    async for lines in _lines(answer):
        found: list[Mapping[str, object]] = []
        broke: Broke | None = None
        for line in lines:
            if not line.startswith(b"data:"):
                continue
            said = line[5:].strip()
            if said == b"[DONE]":
                if found:
                    yield found
                return
            try:
                found.append(_event(said))
            except Broke as wrong:
                broke = wrong
                break
        if found:
            yield found
        if broke:
            raise broke
    raise Broke("the upstream closed the stream before its end")


def read(event: Mapping[str, object], known: interface.Usage) -> tuple[interface.Chunk | None, interface.Usage]:
    """The chunk of an event (None: nothing to say) and the count so far. Raises Broke."""
    try:
        text, data, reason = llamaevents.read(event)
        usage = llamaevents.count(event, known) if isinstance(event.get("usage"), Mapping) else known
        if not isinstance(text, str):
            raise TypeError("text")
    except (KeyError, TypeError, AttributeError, ValueError) as wrong:
        raise Broke("the upstream sent something else than a completion") from wrong
    if usage is known and (text or data):
        usage = interface.Usage(known.prompt_tokens, known.completion_tokens + 1)  # until it tells
    said = interface.Chunk(text=text, data=data, finish_reason=reason, usage=usage) if text or data or reason else None
    return said, usage


def parse(said: bytes | bytearray, each: Callable[[dict[str, object]], object] | None = None) -> Mapping[str, object]:
    """The object that the bytes hold; `each` is called for every object in it. Raises Broke."""
    try:
        event = json.loads(said, object_hook=each)
    except (ValueError, TypeError, OverflowError, RecursionError) as wrong:
        raise Broke("the upstream sent something that is not JSON") from wrong
    if not isinstance(event, dict):
        raise Broke("the upstream sent something that is not an object")
    return event


def headers(upstream: upstreams.Upstream, environment: Mapping[str, str]) -> dict[str, str]:
    """The key of the environment, if one is named. Raises Broke when it is not set."""
    if not upstream.key_env:
        return {}
    if not (key := environment.get(upstream.key_env)):
        raise Broke(f"{upstream.key_env} is not set")
    return {"Authorization": f"Bearer {key}"}


async def _lines(answer: aiohttp.ClientResponse) -> AsyncIterator[list[bytes]]:
    held = b""
    async for part in answer.content.iter_any():
        *whole, held = (held + part).split(b"\n")
        if whole:
            yield whole
        if len(held) > _MAX_LINE_BYTES:
            raise Broke(f"the upstream sent a line of more than {_MAX_LINE_BYTES} bytes")


def _drawing(payload: interface.Payload) -> dict[str, object]:
    asked = {name: payload[name] for name in ("n", "size", "seed") if payload.get(name) not in (None, "auto")}
    return {"prompt": payload["prompt"], "response_format": "b64_json", **asked}


def _event(said: bytes) -> Mapping[str, object]:
    event = parse(said)
    if "error" in event:
        raise Broke(f"the upstream stopped{_message(said)}")
    return event


def _message(said: bytes) -> str:
    """What OpenAI's shape of an error says; nothing of any other body, lest a stranger's page be read through us."""
    try:
        message = json.loads(said)["error"]["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return f": {message[:300]}" if isinstance(message, str) else ""


def _retry_after_s(answer: aiohttp.ClientResponse) -> float:
    try:
        seconds = float(answer.headers.get("retry-after", 0))
    except ValueError:
        return 0.0
    return seconds if math.isfinite(seconds) and seconds > 0 else 0.0
