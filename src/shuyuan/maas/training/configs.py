"""Configs and search spaces, checked against what the task says of itself before anything starts. Imports no torch."""

import json
import math
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from shuyuan.maas.training import interface, tasks

_BOUNDS = (("exclusiveMinimum", ">"), ("minimum", ">="), ("exclusiveMaximum", "<"), ("maximum", "<="))
_RANGE, _CHOICES = {"low", "high", "log", "int"}, {"choices"}
_MOST_CHOICES, _MOST_DIMENSIONS = 100, 20
_Json = dict[str, Any]  # Any: JSON


def check(task: str, config: Mapping[str, Any]) -> _Json:
    """The whole config, defaults filled in. Raises UnknownTask; BadConfig naming field, value and bounds."""
    model = _task(task).CONFIG
    try:
        told: _Json = model.model_validate(dict(config)).model_dump(mode="json")
    except ValidationError as wrong:
        raise _named(wrong, model.model_json_schema()) from wrong
    if r"\u0000" in json.dumps(told):
        raise interface.BadConfig("a text of the config holds the character NUL", fix="leave it out")
    return told


def check_space(task: str, base: Mapping[str, Any], space: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise BadSpace unless each name is a field of the task and the ends of each range are values it takes."""
    fields = _task(task).CONFIG.model_json_schema().get("properties", {})
    if not 0 < len(space) <= _MOST_DIMENSIONS:
        raise _bad_space(f"the space has {len(space)} fields", f"give 1 to {_MOST_DIMENSIONS}")
    for name, said in space.items():
        if name not in fields:
            raise _bad_space(f"{task} has no field {name!r}", f"use some of {', '.join(sorted(fields))}")
        for value in _ends(name, said):
            try:
                check(task, {**base, name: value})
            except interface.BadConfig as wrong:
                raise _bad_space(
                    f"{name} may become {value!r}, which is refused: {wrong.message}", wrong.fix
                ) from wrong


def _ends(name: str, said: Mapping[str, Any]) -> list[Any]:
    """The outermost values of one field's space."""
    if set(said) == _CHOICES:
        choices = said["choices"]
        if not isinstance(choices, list) or not 0 < len(choices) <= _MOST_CHOICES:
            raise _bad_space(f"the choices of {name} are no list", f"give 1 to {_MOST_CHOICES} values")
        if not all(isinstance(one, (str, int, float, bool)) for one in choices):
            raise _bad_space(f"a choice of {name} is no plain value", "use numbers, words, true or false")
        return choices
    if not {"low", "high"} <= set(said) <= _RANGE:
        raise _bad_space(
            f"{name} is given as {sorted(said)}", 'use {"low": 0.001, "high": 0.1, "log": true} or {"choices": […]}'
        )
    low, high = said["low"], said["high"]
    numbers = all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in (low, high))
    if not numbers or not math.isfinite(low) or not math.isfinite(high) or low >= high:
        raise _bad_space(f"{name} goes from {low!r} to {high!r}", "give two numbers, low below high")
    if said.get("log") and low <= 0:
        raise _bad_space(f"{name} begins at {low!r} and is logarithmic", "begin above 0")
    if said.get("int") and not (float(low).is_integer() and float(high).is_integer()):
        raise _bad_space(f"{name} is a whole number from {low!r} to {high!r}", "give whole numbers")
    return [int(low), int(high)] if said.get("int") else [low, high]


def _task(name: str) -> Any:  # Any: a task's own config type
    if name not in tasks.TASKS:
        raise interface.UnknownTask(
            f"there is no training task {name[:64]!r}", fix=f"use one of {', '.join(sorted(tasks.TASKS))}"
        )
    return tasks.load(name)


def _named(wrong: ValidationError, schema: Mapping[str, Any]) -> interface.BadConfig:
    """Every mistake as field, value and rule; the fix tells the bounds and the meaning of each field."""
    fields: Mapping[str, _Json] = schema.get("properties", {})
    said, fixes = list[str](), list[str]()
    for fault in wrong.errors(include_url=False, include_context=False):
        name = ".".join(str(part) for part in fault["loc"]) or "config"
        field = str(fault["loc"][0]) if fault["loc"] else ""
        if fault["type"] == "extra_forbidden":
            said.append(f"there is no field {name!r}")
            fixes.append(f"use some of {', '.join(fields)}")
        else:
            said.append(f"{name} is {repr(fault['input'])[:80]}: {fault['msg'][:1].lower()}{fault['msg'][1:]}")
            fixes.append(f"{field}: {bounds(fields.get(field, {}))}")
    return interface.BadConfig("; ".join(said), fix="; ".join(dict.fromkeys(fixes)))


def bounds(field: Mapping[str, Any]) -> str:
    """What a field takes, in a few words, from its JSON schema.

    >>> bounds({"type": "number", "exclusiveMinimum": 0, "maximum": 100, "description": "Learning rate"})
    'number > 0 <= 100, Learning rate'
    """
    kinds = [one for one in (field, *field.get("anyOf", ())) if "type" in one or "enum" in one]
    told = list[str]()
    for kind in kinds:
        if "enum" in kind:
            told.append("one of " + ", ".join(map(str, kind["enum"])))
        else:
            told.append(" ".join([kind["type"], *(f"{sign} {kind[word]:g}" for word, sign in _BOUNDS if word in kind)]))
    return ", ".join(filter(None, [" or ".join(told), field.get("description", "")]))


def _bad_space(what: str, fix: str) -> interface.BadSpace:
    return interface.BadSpace(what, fix=fix)
