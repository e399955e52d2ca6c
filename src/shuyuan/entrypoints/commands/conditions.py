"""What is typed as a field or a condition, read as the API would read it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from shuyuan.kernel import errors

_SIGNS = (">=", "<=", ">", "<")
M = TypeVar("M", bound=BaseModel)


def condition(said: str) -> dict[str, object]:
    """A condition of a gate.

    >>> condition("accuracy >= champion - 0.01")
    {'figure': 'accuracy', 'comparison': '>=', 'limit': 'champion - 0.01'}
    >>> condition("rmse<0.5")
    {'figure': 'rmse', 'comparison': '<', 'limit': 0.5}
    """
    for sign in _SIGNS:
        figure, found, limit = said.partition(sign)
        if found:
            return {"figure": figure.strip(), "comparison": sign, "limit": _number(limit.strip())}
    raise errors.BadInput(f"{said!r} is no condition", fix="write 'accuracy >= 0.9' or 'rmse <= champion * 1.01'")


def fields(said: Sequence[str]) -> dict[str, Any]:  # Any: JSON
    """`rate=0.01` as a field: JSON as such, everything else a word."""
    found: dict[str, Any] = {}
    for one in said:
        name, sign, value = one.partition("=")
        if not sign or not name:
            raise errors.BadInput(f"--set {one!r} is no field with a value", fix="write --set rate=0.01")
        try:
            found[name.strip()] = json.loads(value)
        except ValueError:
            found[name.strip()] = value
    return found


def valid(kind: type[M], told: Mapping[str, object]) -> M:
    """Raises BadInput naming the field and the value."""
    try:
        return kind.model_validate(told)
    except ValidationError as wrong:
        fault = wrong.errors(include_url=False)[0]
        field = ".".join(map(str, fault["loc"]))
        raise errors.BadInput(f"{field} is {str(fault['input'])[:80]!r}: {fault['msg']}", fix="correct it") from wrong


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
