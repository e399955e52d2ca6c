"""What a search may vary, asked from a task's JSON schema, and what was answered as a search space. Pure.

>>> schema = {"properties": {"rate": {"type": "number", "default": 0.01}, "net": {"enum": ["a", "b", "c"]}}}
>>> space(schema, {"s.rate.low": ["0.001"], "s.rate.high": ["0.1"], "s.rate.log": ["1"], "s.net.choice": ["a", "c"]})
{'rate': {'low': 0.001, 'high': 0.1, 'log': True}, 'net': {'choices': ['a', 'c']}}
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shuyuan.kernel import errors
from shuyuan.web.pages.workshop import schemas

PREFIX = "s."  # before the names of these fields in a form
USUAL = {"rate": ("0.0003", "0.03", True)}  # what one varies first: low, high, logarithmic
Form = Mapping[str, Sequence[str]]
_Json = Mapping[str, Any]  # Any: JSON


@dataclass(frozen=True)
class Dimension:
    """One field that may be varied: a range of numbers, or some of its choices."""

    field: schemas.Field
    low: str
    high: str
    log: bool
    picked: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of the field."""
        return self.field.name

    @property
    def input(self) -> str:
        """Before `.low`, `.high`, `.log`, `.choice` in the form."""
        return PREFIX + self.name

    @property
    def choices(self) -> tuple[str, ...]:
        """Its values; none: it is a number."""
        return ("true", "false") if self.field.asks == "check" else self.field.choices


def dimensions(fields: Sequence[schemas.Field], form: Form) -> list[Dimension]:
    """Fields that are numbers or have choices. form: as typed before; empty: what one varies first."""
    found = [one for one in fields if one.asks in ("number", "integer", "choice", "check")]
    return [_dimension(one, form) for one in found]


def space(schema: _Json, form: Form) -> dict[str, dict[str, Any]]:
    """What a form wants varied. Raises BadInput for half a range and for what is no number."""
    made: dict[str, dict[str, Any]] = {}
    for name, told in schema.get("properties", {}).items():
        low, high = (_first(form, f"{PREFIX}{name}.{end}") for end in ("low", "high"))
        picked = list(form.get(f"{PREFIX}{name}.choice", []))
        if low or high:
            made[name] = _range(name, told, low, high, bool(form.get(f"{PREFIX}{name}.log")))
        elif picked:
            is_check = schemas.kind_of(told).get("type") == "boolean"
            made[name] = {"choices": [one == "true" for one in picked] if is_check else picked}
    return made


def _range(name: str, told: _Json, low: str, high: str, log: bool) -> dict[str, Any]:
    if not low or not high:
        raise errors.BadInput(f"{name} goes from {low!r} to {high!r}", fix="fill in both ends, or neither")
    ends = {}
    for end, said in (("low", low), ("high", high)):
        try:
            ends[end] = schemas.number_of(said)
        except ValueError as wrong:
            raise errors.BadInput(f"{name} is {said[:60]!r}", fix=f"write a number into {name}") from wrong
    whole = schemas.kind_of(told).get("type") == "integer"
    return {**ends, **({"log": True} if log else {}), **({"int": True} if whole else {})}


def _dimension(field: schemas.Field, form: Form) -> Dimension:
    at = PREFIX + field.name
    if form:
        ends = _first(form, f"{at}.low"), _first(form, f"{at}.high"), bool(form.get(f"{at}.log"))
    else:
        ends = USUAL.get(field.name, ("", "", False))
    return Dimension(field, *ends, tuple(form.get(f"{at}.choice", ())))


def _first(form: Form, name: str) -> str:
    values = form.get(name, [])
    return values[0].strip() if values else ""
