"""What a body is refused with: the field, the value it had, what is allowed, in words."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from shuyuan.kernel import errors

VALUE_CHARS = 80
_SEE = "see /openapi.json"
_PLACES = ("query", "path", "header")  # where the framework says that a value stood
_WORDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(said), told)
    for said, told in (
        (r"^Value error, ", ""),
        (r"^Input should be a valid (array|list).*", "it has to be a list"),
        (r"^Input should be a valid (dictionary|object).*", "it has to be an object"),
        (r"^Input should be an object", "it has to be an object"),
        (r"^Input should be a valid string", "it has to be a text"),
        (r"^Input should be a valid boolean.*", "it has to be true or false"),
        (r"^Input should be a valid integer.*", "it has to be a whole number"),
        (r"^Input should be a valid number.*", "it has to be a number"),
        (r"^Input should be ", "it has to be "),
        (r"^(String|List|Dictionary|Value) should have (.*?)( after validation)?(, not \d+)?$", r"it has to have \2"),
        (r"^String should match", "it has to match"),
    )
)


class Refused(errors.BadInput):
    """A field that is wrong, named in `param`."""

    def __init__(self, message: str, *, param: str | None, fix: str = "", code: str = "invalid_request") -> None:
        super().__init__(message, fix=fix, code=code)
        self.param = param


class Unsupported(ValueError):
    """A field whose value asks for what is not done here."""

    def __init__(self, param: str, value: object) -> None:
        super().__init__(f"{param}={shown(value)} is not supported")
        self.param = param


def refusal(told: Sequence[Mapping[str, Any]]) -> Refused:  # Any: pydantic's error dictionaries
    """The first of pydantic's errors, as a client reads it."""
    first = told[0]
    kind, given = first["type"], first.get("input")
    unknown, cause = kind == "extra_forbidden", first.get("ctx", {}).get("error")
    param = ".".join(str(step) for step in _steps(first["loc"]) if unknown or _is_field(step)) or None
    if kind == "json_invalid":
        begins = f", which begins with {shown(given)}" if given else ""
        message = f"the body is not JSON: {cause}{begins}"
        return Refused(message, param=None, fix="send valid JSON", code="malformed_json")
    if isinstance(cause, Unsupported):
        return Refused(str(cause), param=cause.param, fix="leave it out", code="unsupported_parameter")
    if unknown:
        message = f"unknown field {param!r} with {shown(given)}"
        return Refused(message, param=param, fix="leave it out", code="unknown_parameter")
    if kind == "missing":
        return Refused(f"{param} is missing", param=param, fix=f"send it; {_SEE}")
    return Refused(f"{param or 'the body'} is {shown(given)}: {_allowed(first['msg'])}", param=param, fix=_SEE)


def shown(value: object) -> str:
    """A value as JSON, short enough for a sentence.

    >>> shown("x" * 200)[-3:]
    'xx…'
    """
    if isinstance(value, bytes):
        value = value[: 2 * VALUE_CHARS].decode(errors="replace")
    try:
        told = json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        told = str(type(value).__name__)
    return told if len(told) <= VALUE_CHARS else told[: VALUE_CHARS - 1] + "…"


def _allowed(message: str) -> str:
    for said, told in _WORDS:
        message, changed = said.subn(told, message)
        if changed:
            break
    return message


def _steps(loc: Sequence[int | str]) -> Sequence[int | str]:
    return loc[1:] if len(loc) > 1 and loc[0] in _PLACES else loc


def _is_field(step: int | str) -> bool:
    """A field or a place in a list; pydantic also tells which member of a union it tried."""
    return isinstance(step, int) or (step.replace("_", "").islower() and step.isidentifier())
