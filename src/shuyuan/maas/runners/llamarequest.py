"""A payload as llama.cpp's server wants it. Refuses what would cost more than an answer is worth."""

import json
from collections.abc import Mapping

from shuyuan.maas.runners import interface, llamagrammar, llamatools, schema

_MAX_CHARACTERS = 2_000_000  # of messages or a prompt; far beyond any context served here
_MAX_TOKENS = 1_000_000
_MAX_STOPS = 16
_MAX_STOP_CHARACTERS = 200
_MAX_LOGPROBS = 20
_NUMBERS = {  # option → least, most
    "temperature": (0.0, 10.0),
    "top_p": (0.0, 1.0),
    "min_p": (0.0, 1.0),
    "presence_penalty": (-2.0, 2.0),
    "frequency_penalty": (-2.0, 2.0),
}
_STREAMED: Mapping[str, object] = {
    "stream": True,
    "stream_options": {"include_usage": True},
    "return_progress": True,  # an event per prompt batch, so that a long prompt can be cancelled
    "timings_per_token": True,  # exact counts while the stream runs
}


def chat(payload: interface.Payload) -> dict[str, object]:
    """A chat completion. Raises BadPayload."""
    messages = payload.get("messages")
    if not isinstance(messages, list) or not messages:
        raise interface.BadPayload("messages must be a list with at least one message", fix="send messages")
    if not all(isinstance(message, dict) and isinstance(message.get("role"), str) for message in messages):
        raise interface.BadPayload("each message must be a map with a role", fix="send role and content")
    _check_size(messages, "messages")
    tools, forced = llamatools.read(payload)
    if tools and payload.get("json_schema") is not None:
        raise interface.BadPayload("tools and json_schema cannot be asked for together", fix="choose one")
    request = {"messages": messages, **_options(payload)}
    if forced:
        request |= {
            "messages": llamatools.told(messages, tools),
            "grammar": llamagrammar.of(llamatools.schema_of(tools)),
        }
    elif tools:
        parallel = bool(payload.get("parallel_tool_calls"))
        request |= {"tools": tools, "tool_choice": "auto", "parallel_tool_calls": parallel}
    if logprobs := _logprobs(payload):
        request |= {"logprobs": True, "top_logprobs": logprobs - 1}
    return request


def completion(payload: interface.Payload) -> dict[str, object]:
    """The continuation of a raw prompt. Raises BadPayload."""
    prompt = payload.get("prompt")
    if not isinstance(prompt, str) or not prompt:
        raise interface.BadPayload("prompt must be a text that is not empty", fix="send a prompt")
    _check_size(prompt, "the prompt")
    request = {"prompt": prompt, **_options(payload)}
    if logprobs := _logprobs(payload):
        request["logprobs"] = logprobs - 1
    return request


def _options(payload: interface.Payload) -> dict[str, object]:
    if payload.get("grammar") is not None:
        raise interface.BadPayload("grammar is not served: its cost cannot be bounded", fix="use json_schema")
    options: dict[str, object] = {
        **_STREAMED,
        "max_tokens": _whole(payload, "max_tokens", 1, _MAX_TOKENS, 512),
        "temperature": 0.7,
    }
    for name, (least, most) in _NUMBERS.items():
        if (value := payload.get(name)) is not None:
            if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
                raise interface.BadPayload(f"{name} must be {least} to {most}, got {str(value)[:40]}", fix="mend it")
            options[name] = value
    if payload.get("seed") is not None:
        options["seed"] = _whole(payload, "seed", -(2**63), 2**64 - 1, 0) % 2**32
    if stops := _stops(payload.get("stop")):
        options["stop"] = stops
    if payload.get("json_schema") is not None:
        options["grammar"] = llamagrammar.of(schema.check(payload["json_schema"]))
    return options


def _stops(stop: object) -> list[str]:
    stops = [stop] if isinstance(stop, str) else stop or []
    if not isinstance(stops, list) or not all(isinstance(s, str) and s for s in stops):
        raise interface.BadPayload("stop must be a text or a list of texts, none empty", fix="mend stop")
    if len(stops) > _MAX_STOPS or any(len(s) > _MAX_STOP_CHARACTERS for s in stops):
        raise interface.BadPayload(
            f"at most {_MAX_STOPS} stops of {_MAX_STOP_CHARACTERS} characters are looked for", fix="send fewer"
        )
    return stops


def _logprobs(payload: interface.Payload) -> int:
    """0: none wanted; else alternatives a token plus one."""
    wanted = payload.get("logprobs")
    if wanted is None or wanted is False:
        return 0
    if wanted is True:
        return 1 + _whole(payload, "top_logprobs", 0, _MAX_LOGPROBS, 0)
    return 1 + _whole(payload, "logprobs", 0, _MAX_LOGPROBS, 0)


def _whole(payload: interface.Payload, name: str, least: int, most: int, default: int) -> int:
    value = payload.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise interface.BadPayload(f"{name} must be {least} to {most}, got {str(value)[:40]}", fix=f"mend {name}")
    return value


def _check_size(value: object, what: str) -> None:
    try:
        characters = len(json.dumps(value, ensure_ascii=False))
    except (TypeError, ValueError, RecursionError) as wrong:
        raise interface.BadPayload(f"{what} cannot be written as JSON", fix="send plain values") from wrong
    if characters > _MAX_CHARACTERS:
        raise interface.ContextTooLong(f"{what} has {characters} characters", fix=f"stay below {_MAX_CHARACTERS}")
