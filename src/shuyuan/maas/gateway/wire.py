"""The OpenAI shapes: what `/v1` reads and writes. Pure; knows no service.

What a client asks for and we cannot do is refused by name, never ignored; neutral values pass.
"""

import base64
import json
import time
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from shuyuan.kernel import errors
from shuyuan.maas.gateway import interface

M = TypeVar("M", bound=BaseModel)
MODEL_NAME_CHARS = 160
ModelName = Annotated[str, Field(min_length=1, max_length=MODEL_NAME_CHARS)]
_NEUTRAL: dict[str, tuple[object, ...]] = {  # accepted because they change nothing
    "n": (1,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "parallel_tool_calls": (True, False),
    "response_format": ({"type": "text"},),
    "service_tier": ("auto", "default"),
    "store": (False,),
    "modalities": (["text"],),
}
_IGNORED = ("user", "metadata", "safety_identifier", "prompt_cache_key", "reasoning_effort")


class Refused(errors.BadInput):
    """A field that is wrong, named in `param`."""

    def __init__(self, message: str, *, param: str | None, fix: str = "", code: str = "invalid_request") -> None:
        super().__init__(message, fix=fix, code=code)
        self.param = param


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _plain_text(value: object) -> object:
    """Content parts become their text; anything but text is refused."""
    if not isinstance(value, list):
        return value
    parts = [part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in value]
    if not all(isinstance(part, str) for part in parts):
        raise ValueError("only text parts are read; images and sound are not")
    return "".join(str(part) for part in parts)


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


class ChatMessage(_Body):
    """One turn. `developer` is read as `system`."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str, BeforeValidator(_plain_text)]
    name: str | None = None

    def as_message(self) -> interface.Message:
        return {"role": "system" if self.role == "developer" else self.role, "content": self.content}


class StreamOptions(_Body):
    include_usage: bool = False
    include_obfuscation: bool = False


class ChatBody(_Body):
    """`POST /v1/chat/completions`."""

    model: ModelName
    messages: list[ChatMessage] = Field(min_length=1, max_length=interface.MAX_MESSAGES)
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    stop: Annotated[list[str], BeforeValidator(_as_list)] | None = Field(None, max_length=interface.MAX_STOPS)
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)

    @model_validator(mode="before")
    @classmethod
    def _neutral(cls, value: object) -> object:
        return _drop_neutral(value) if isinstance(value, dict) else value

    @field_validator("stop")
    @classmethod
    def _non_empty(cls, value: list[str] | None) -> list[str] | None:
        if value and not all(0 < len(stop) <= 100 for stop in value):
            raise ValueError("each stop text has 1 to 100 characters")
        return value

    def as_request(self) -> interface.ChatRequest:
        return interface.ChatRequest(
            self.model,
            [message.as_message() for message in self.messages],
            max_tokens=self.max_completion_tokens or self.max_tokens,
            temperature=0.7 if self.temperature is None else self.temperature,
            top_p=1.0 if self.top_p is None else self.top_p,
            stop=tuple(self.stop or ()),
            seed=self.seed,
        )


class EmbedBody(_Body):
    """`POST /v1/embeddings`. `input_type` is ours: what the texts are used for."""

    model: ModelName
    input: Annotated[list[str], BeforeValidator(_as_list)] = Field(min_length=1, max_length=interface.MAX_INPUTS)
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(None, ge=1)
    input_type: Literal["query", "passage"] = "passage"
    user: str | None = None


Text = Annotated[str, Field(min_length=1, max_length=interface.MAX_CHARS)]


class SummarizeBody(_Body):
    """Without `model` the most central sentences are taken from the text itself."""

    text: Text
    sentences: int = Field(3, ge=1, le=20)
    language: interface.Language | None = None
    model: ModelName | None = None


class TranslateBody(_Body):
    text: Annotated[str, Field(min_length=1, max_length=4_000)]
    target: interface.Language
    source: interface.Language | None = None
    model: ModelName | None = None


class ClassifyBody(_Body):
    text: Text
    labels: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        min_length=2, max_length=interface.MAX_LABELS
    )
    model: ModelName | None = None


def parse(kind: type[M], body: bytes) -> M:
    """Read a JSON body. Raises Refused (400) naming the field."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False)[0]
        param = ".".join(str(step) for step in first["loc"]) or None
        if first["type"] == "json_invalid":
            raise Refused(
                f"the body is not JSON: {first['ctx']['error']}",
                param=None,
                fix="send valid JSON",
                code="malformed_json",
            ) from wrong
        cause = first.get("ctx", {}).get("error")
        if isinstance(cause, _Unsupported):
            raise Refused(str(cause), param=cause.param, fix="leave it out", code="unsupported_parameter") from wrong
        if first["type"] == "extra_forbidden":
            raise Refused(
                f"unknown field {param!r}", param=param, fix="leave it out", code="unknown_parameter"
            ) from wrong
        raise Refused(f"{param or 'body'}: {first['msg']}", param=param, fix="see /openapi.json") from wrong


def chunk(call_id: str, model: str, delta: dict[str, str], *, finish: str | None, with_usage: bool) -> bytes:
    """One SSE event of a streamed answer."""
    body: dict[str, Any] = _head(call_id, "chat.completion.chunk", model)  # Any: JSON
    body["choices"] = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
    if with_usage:
        body["usage"] = None
    return event(body)


def usage_chunk(call_id: str, model: str, usage: interface.Usage) -> bytes:
    """The event before `[DONE]` that a client asked for with include_usage."""
    return event(_head(call_id, "chat.completion.chunk", model) | {"choices": [], "usage": _usage(usage)})


def completion(call_id: str, model: str, text: str, finish: str, usage: interface.Usage) -> dict[str, Any]:
    """A whole answer."""
    message = {"role": "assistant", "content": text, "refusal": None}
    return _head(call_id, "chat.completion", model) | {
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "usage": _usage(usage),
    }


def embeddings(answer: interface.Embedded, encoding: str) -> dict[str, Any]:
    """Vectors as numbers or as base64 of little-endian float32."""
    rows = [
        base64.b64encode(row.astype("<f4").tobytes()).decode() if encoding == "base64" else row.tolist()
        for row in answer.vectors
    ]
    return {
        "object": "list",
        "model": answer.receipt.model,
        "data": [{"object": "embedding", "index": n, "embedding": row} for n, row in enumerate(rows)],
        "usage": {"prompt_tokens": answer.usage.prompt_tokens, "total_tokens": answer.usage.prompt_tokens},
    }


def event(body: dict[str, Any]) -> bytes:
    """`data: …` of server-sent events."""
    return b"data: " + json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


def error_body(error: errors.ShuyuanError, status: int) -> dict[str, Any]:
    """The nested error object."""
    message = f"{error.message}. {error.fix}" if error.fix else error.message
    return {
        "error": {
            "message": message,
            "type": _error_type(error.error_code, status),
            "param": getattr(error, "param", None),
            "code": error.error_code,
        }
    }


class _Unsupported(ValueError):
    def __init__(self, param: str, value: object) -> None:
        super().__init__(f"{param}={json.dumps(value, ensure_ascii=False)[:80]} is not supported")
        self.param = param


def _drop_neutral(value: dict[str, Any]) -> dict[str, Any]:
    kept = {}
    for name, given in value.items():
        if name in _NEUTRAL:
            if given is not None and not any(given == neutral for neutral in _NEUTRAL[name]):
                raise _Unsupported(name, given)
        elif name not in _IGNORED:
            kept[name] = given
    return kept


def _head(call_id: str, kind: str, model: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{call_id}",
        "object": kind,
        "created": int(time.time()),
        "model": model,
        "system_fingerprint": None,
    }


def _usage(usage: interface.Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def _error_type(code: str, status: int) -> str:
    if code == "insufficient_quota":
        return code
    by_status = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
    return by_status.get(status, "invalid_request_error" if status < 500 else "server_error")
