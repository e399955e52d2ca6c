"""The registry of methods: a name and a class by dotted name, imported when first asked for."""

import importlib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from shuyuan.kernel import errors
from shuyuan.maas.compression import interface, method

_HERE = "shuyuan.maas.compression.methods."
METHODS: Mapping[str, str] = {
    "int8_dynamic": _HERE + "int8_dynamic:DynamicInt8",
    "int8_static": _HERE + "int8_static:StaticInt8",
    "int4": _HERE + "int4:Int4",
    "structured": _HERE + "structured:StructuredPruning",
    "magnitude": _HERE + "magnitude:MagnitudePruning",
    "distil": _HERE + "distil:Distillation",
    "binary": _HERE + "binary:BinaryWeights",
    "stages": _HERE + "stages:Stages",
}


def method_of(name: str) -> method.Method[Any]:  # Any: each has its own options
    """The method of this name. Raises UnknownMethod."""
    if name not in METHODS:
        raise interface.UnknownMethod(f"there is no method {name[:60]!r}", fix=f"use one of {', '.join(METHODS)}")
    module, _, kind = METHODS[name].partition(":")
    made: method.Method[Any] = getattr(importlib.import_module(module), kind)()
    return made


def config_of(name: str, given: Mapping[str, object]) -> method.Config:
    """The options of a method, defaults filled in. Raises BadInput naming the option."""
    kind = method_of(name).CONFIG
    try:
        return kind.model_validate(dict(given))
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_context=False)[0]
        option = ".".join(map(str, first["loc"])) or "the options"
        raise errors.BadInput(
            f"{option} of {name} is {str(first['input'])[:80]!r}: {first['msg'][:1].lower()}{first['msg'][1:]}",
            fix=f"known options: {', '.join(kind.model_fields) or 'none'}",
            code="bad_option",
        ) from wrong
