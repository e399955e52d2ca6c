"""What every shape of `/v1` shares: strict bodies, refusals that name the field, server-sent events, errors."""

import json
import time
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from shuyuan.kernel import errors
from shuyuan.maas.gateway import interface
from shuyuan.maas.gateway.wire import refusals

M = TypeVar("M", bound=BaseModel)
MODEL_NAME_CHARS = 160
ModelName = Annotated[str, Field(min_length=1, max_length=MODEL_NAME_CHARS)]
Text = Annotated[str, Field(min_length=1, max_length=interface.MAX_CHARS)]
Neutral = Mapping[str, tuple[object, ...]]  # field → values accepted because they change nothing
Switch = Annotated[bool, Field(strict=True)]  # true or false: no word, no number
IGNORED = ("user", "metadata", "safety_identifier", "prompt_cache_key", "reasoning_effort")
DONE = b"data: [DONE]\n\n"


class Body(BaseModel):
    """A JSON object without unknown fields."""

    model_config = ConfigDict(extra="forbid")


def as_list(value: object) -> object:
    """One text is a list of one."""
    return [value] if isinstance(value, str) else value


Stops = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=100)]],
    BeforeValidator(as_list),
    Field(max_length=interface.MAX_STOPS),
]


def drop_neutral(value: dict[str, Any], neutral: Neutral) -> dict[str, Any]:
    """The fields that mean something. Raises Unsupported for one that asks for what we cannot do."""
    kept = {}
    for name, given in value.items():
        if name in neutral:
            if given is not None and not any(given == one for one in neutral[name]):
                raise refusals.Unsupported(name, given)
        elif name not in IGNORED:
            kept[name] = given
    return kept


def require(given: object, field: str, other: object, rule: str) -> None:
    """Raise Refused for a field that says something without the other it rests on."""
    if given and not other:
        told = given.model_dump(exclude_unset=True) if isinstance(given, BaseModel) else given
        raise refusals.Refused(f"{field} is {refusals.shown(told)}: it {rule}", param=field, fix="leave it out")


def parse(kind: type[M], body: bytes) -> M:
    """Read a JSON body. Raises Refused (400) naming the field."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as wrong:
        raise refusals.refusal(wrong.errors(include_url=False)) from wrong


def event(body: dict[str, Any]) -> bytes:
    """`data: …` of server-sent events."""
    return b"data: " + json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def head(call_id: str, kind: str, model: str) -> dict[str, Any]:
    """How every generated answer begins."""
    return {"id": call_id, "object": kind, "created": int(time.time()), "model": model, "system_fingerprint": None}


def usage(spent: interface.Usage) -> dict[str, int]:
    """Tokens as OpenAI tells them."""
    return {
        "prompt_tokens": spent.prompt_tokens,
        "completion_tokens": spent.completion_tokens,
        "total_tokens": spent.prompt_tokens + spent.completion_tokens,
    }


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


def _error_type(code: str, status: int) -> str:
    if code == "insufficient_quota":
        return code
    by_status = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
    return by_status.get(status, "invalid_request_error" if status < 500 else "server_error")
