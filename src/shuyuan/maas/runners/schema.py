"""Which JSON schemas may become a grammar: a whitelist walker, run before llama.cpp sees anything.

A grammar's cost is not visible in the schema's size: references double, repeats multiply, patterns explode.
So the walk follows references, counts what it would expand to and stops at a budget. It returns a clean copy
that holds known keywords only; a keyword it does not know is refused by name, never ignored. Measured with
llama.cpp's engine: 10,000 enum values or 4,096 alternatives take it from seconds to minutes.
"""

import json
import re
from collections.abc import Callable, Mapping

from shuyuan.maas.runners import schemawords as words
from shuyuan.maas.runners.interface import BadPayload
from shuyuan.maas.runners.schemawords import Place, Schema

MAX_BYTES = 64 << 10
MAX_DEPTH = 16  # objects, arrays and alternatives in one another
MAX_NODES = 1_000  # subschemas once references are followed
MAX_VALUES = 500  # fixed values in the whole schema
MAX_REPEATS = 10_000  # items of arrays within arrays

_IGNORED = frozenset(
    {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$schema", "$comment"}
)
_DEFINITIONS = ("$defs", "definitions")
_REFERENCE = re.compile(r"#/(\$defs|definitions)/([^/~%]+)")


def check(schema: object) -> dict[str, object]:
    """A clean copy of a schema that is safe to compile. Raises BadPayload.

    >>> check({"type": "object", "title": "T", "properties": {"a": {"type": "integer"}}, "required": ["a"]})
    {'type': 'object', 'properties': {'a': {'type': 'integer'}}, 'required': ['a']}
    """
    if not words.is_map(schema):
        raise BadPayload(f"a JSON schema is an object, got {type(schema).__name__}", fix="send an object")
    try:
        size = len(json.dumps(schema, ensure_ascii=False, allow_nan=False).encode())
    except (ValueError, TypeError, RecursionError) as wrong:
        raise BadPayload("the schema cannot be written as JSON", fix="mend depth, numbers and letters") from wrong
    if size > MAX_BYTES:
        raise BadPayload(f"the schema has {size} bytes, at most {MAX_BYTES} are read", fix="make it smaller")
    return _Walk(schema).node(schema, at="#", depth=0, repeats=1, within=())


class _Walk:
    """One walk over one schema, with what it has spent."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._nodes = self._values = 0
        self._keywords: Mapping[str, Callable[[object, Place], object]] = {
            "type": words.read_type,
            "format": words.read_format,
            "pattern": words.read_pattern,
            "const": self._const,
            "enum": self._enum,
            "properties": self._properties,
            "required": words.read_names,
            "additionalProperties": self._additional,
            "items": self._inner,
            "prefixItems": self._alternatives,
            "anyOf": self._alternatives,
            "oneOf": self._alternatives,
            "minLength": words.read_letters,
            "maxLength": words.read_letters,
            "minItems": words.read_items,
            "maxItems": words.read_items,
            "minimum": words.read_number,
            "maximum": words.read_number,
            "exclusiveMinimum": words.read_number,
            "exclusiveMaximum": words.read_number,
        }

    def node(self, schema: object, *, at: str, depth: int, repeats: int, within: tuple[str, ...]) -> dict[str, object]:
        """One subschema, clean."""
        if not words.is_map(schema):
            raise BadPayload(f"{at} must be an object, got {type(schema).__name__}", fix="write {} for anything")
        self._nodes += 1
        if depth > MAX_DEPTH:
            raise BadPayload(f"{at} lies more than {MAX_DEPTH} levels deep", fix="flatten the schema")
        if self._nodes > MAX_NODES:
            raise BadPayload(f"the schema expands to more than {MAX_NODES} parts", fix="make it smaller")
        if "$ref" in schema:
            return self._reference(schema, Place(at, depth, repeats, within))
        place = Place(at, depth, repeats * words.repeats(schema), within)
        if place.repeats > MAX_REPEATS:
            raise BadPayload(f"{at} repeats up to {place.repeats} times, {MAX_REPEATS} allowed", fix="lower maxItems")
        clean = {
            ("anyOf" if word == "oneOf" else word): self._keyword(word, value, place)
            for word, value in schema.items()
            if word not in _IGNORED and word not in _DEFINITIONS
        }
        words.check_order(clean, at)
        return clean

    def _keyword(self, word: str, value: object, place: Place) -> object:
        reader = self._keywords.get(word)
        if reader is None:
            raise BadPayload(f"keyword {word!r} at {place.at} is not served", fix=f"use {', '.join(self._keywords)}")
        return reader(value, place.child(word))

    def _reference(self, schema: Schema, place: Place) -> dict[str, object]:
        target = schema["$ref"]
        others = sorted(set(schema) - _IGNORED - set(_DEFINITIONS) - {"$ref"})
        if others:
            raise BadPayload(f"{place.at} has $ref beside {others[0]!r}", fix="let $ref stand alone")
        if not isinstance(target, str) or not (found := _REFERENCE.fullmatch(target)):
            raise BadPayload(f"$ref {str(target)[:80]!r} at {place.at} is not served", fix="point to #/$defs/name")
        if target in place.within:
            raise BadPayload(f"{target} refers to itself", fix="write out the levels you need")
        definitions = self._root.get(found[1])
        if not words.is_map(definitions) or found[2] not in definitions:
            raise BadPayload(f"{target} is not defined", fix=f"define it under {found[1]}")
        return self.node(
            definitions[found[2]],
            at=target,
            depth=place.depth + 1,
            repeats=place.repeats,
            within=(*place.within, target),
        )

    def _inner(self, schema: object, place: Place) -> dict[str, object]:
        return self.node(schema, at=place.at, depth=place.depth + 1, repeats=place.repeats, within=place.within)

    def _properties(self, value: object, place: Place) -> object:
        if not words.is_map(value):
            raise BadPayload(f"{place.at} must be an object", fix="map names to schemas")
        return {name: self._inner(inner, place.child(words.read_name(name, place.at))) for name, inner in value.items()}

    def _additional(self, value: object, place: Place) -> object:
        return value if isinstance(value, bool) else self._inner(value, place)

    def _alternatives(self, value: object, place: Place) -> object:
        if not words.is_list(value) or not value:
            raise BadPayload(f"{place.at} must be a list with at least one schema", fix="list schemas")
        return [self._inner(inner, place.child(str(number))) for number, inner in enumerate(value)]

    def _enum(self, value: object, place: Place) -> object:
        if not words.is_list(value) or not value:
            raise BadPayload(f"{place.at} must be a list with at least one value", fix="list the values")
        return [self._const(one, place) for one in value]

    def _const(self, value: object, place: Place) -> object:
        self._values += 1
        if self._values > MAX_VALUES:
            raise BadPayload(f"more than {MAX_VALUES} fixed values", fix="shorten the enum")
        if isinstance(value, str) and len(value) > words.MAX_LETTERS:
            raise BadPayload(
                f"a value at {place.at} has {len(value)} characters", fix=f"stay below {words.MAX_LETTERS}"
            )
        if not isinstance(value, str | bool | int | float | None):
            raise BadPayload(f"a value at {place.at} is a {type(value).__name__}", fix="use plain values")
        return (
            value if not isinstance(value, int | float) or isinstance(value, bool) else words.read_number(value, place)
        )
