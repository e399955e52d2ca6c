"""Is a JSON schema small enough to work with? Counts what it would cost, before anything compiles it.

A schema's cost does not show in its size: references double, repeats multiply, patterns explode. The walk follows
references, stops at budgets, and knows a whitelist of keywords. Says nothing about what the schema means.
"""

import json
from collections.abc import Mapping

MAX_BYTES = 64 << 10
MAX_DEPTH, MAX_NODES, MAX_VALUES = 16, 1_000, 500  # levels; subschemas once references are followed; enum values
MAX_LENGTH, MAX_PATTERN = 2_000, 128  # of strings and arrays told; characters of a pattern

_PLAIN = frozenset(
    {
        "type",
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
        "$schema",
        "$comment",
    }
    | {"format", "required", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
)
_LENGTHS = frozenset({"minLength", "maxLength", "minItems", "maxItems"})
_ONE, _MANY, _NAMED = (
    frozenset({"items", "additionalProperties"}),
    frozenset({"anyOf", "oneOf", "prefixItems"}),
    "properties",
)
_DEFINITIONS = frozenset({"$defs", "definitions"})


class BadSchema(ValueError):
    """Not a schema that is worked with; says where and why."""


def check(schema: Mapping[str, object]) -> None:
    """Raise BadSchema unless the schema is bounded and made of known keywords.

    >>> check({"type": "array", "items": {"type": "integer"}, "maxItems": 9})
    >>> check({"properties": {"a": {"not": {}}}})
    Traceback (most recent call last):
    shuyuan.science.text.schemas.BadSchema: #/properties/a: keyword 'not' is not supported
    """
    try:
        size = len(json.dumps(schema, ensure_ascii=False, allow_nan=False))
    except (ValueError, TypeError, RecursionError) as wrong:
        raise BadSchema(f"the schema cannot be read: {wrong}") from wrong
    if size > MAX_BYTES:
        raise BadSchema(f"the schema has {size} bytes, at most {MAX_BYTES} are read")
    _Walk(schema).visit(schema, "#", 0, ())


class _Walk:
    """One walk, with what it has spent."""

    def __init__(self, root: Mapping[str, object]) -> None:
        self._root, self._nodes, self._values = root, 0, 0

    def visit(self, node: object, at: str, depth: int, within: tuple[str, ...]) -> None:
        """One subschema."""
        if isinstance(node, bool):
            return
        if not isinstance(node, Mapping):
            raise BadSchema(f"{at} must be an object, got {type(node).__name__}")
        self._nodes += 1
        if depth > MAX_DEPTH:
            raise BadSchema(f"{at[:80]} lies more than {MAX_DEPTH} levels deep")
        if self._nodes > MAX_NODES:
            raise BadSchema(f"the schema expands to more than {MAX_NODES} parts")
        for word, value in node.items():
            self._keyword(str(word), value, f"{at}/{word}", at, depth, within)

    def _keyword(self, word: str, value: object, here: str, at: str, depth: int, within: tuple[str, ...]) -> None:
        if word == "$ref":
            self._follow(value, at, depth, within)
        elif word == _NAMED:
            if not isinstance(value, Mapping):
                raise BadSchema(f"{here} must be an object")
            for name, inner in value.items():
                self.visit(inner, f"{here}/{name}", depth + 1, within)
        elif word in _ONE:
            self.visit(value, here, depth + 1, within)
        elif word in _MANY:
            if not isinstance(value, list) or not value:
                raise BadSchema(f"{here} must be a list with at least one schema")
            for number, inner in enumerate(value):
                self.visit(inner, f"{here}/{number}", depth + 1, within)
        elif word == "enum":
            self._count_values(value, here)
        elif word in _LENGTHS:
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_LENGTH:
                raise BadSchema(f"{here} must be a number from 0 to {MAX_LENGTH}, got {str(value)[:40]}")
        elif word == "pattern":
            if not isinstance(value, str) or len(value) > MAX_PATTERN:
                raise BadSchema(f"{here} must be a text of at most {MAX_PATTERN} characters")
        elif word not in _PLAIN and word not in _DEFINITIONS:
            raise BadSchema(f"{at}: keyword {word[:40]!r} is not supported")

    def _count_values(self, value: object, here: str) -> None:
        if not isinstance(value, list) or not value:
            raise BadSchema(f"{here} must be a list with at least one value")
        self._values += len(value)
        if self._values > MAX_VALUES:
            raise BadSchema(f"{here}: more than {MAX_VALUES} fixed values")

    def _follow(self, target: object, at: str, depth: int, within: tuple[str, ...]) -> None:
        steps = target.split("/") if isinstance(target, str) else []
        if len(steps) != 3 or steps[0] != "#" or steps[1] not in _DEFINITIONS:
            raise BadSchema(f"{at}: $ref {str(target)[:80]!r} is not supported; point to #/$defs/name")
        if steps[2] in within:
            raise BadSchema(f"{target} refers to itself")
        definitions = self._root.get(steps[1])
        if not isinstance(definitions, Mapping) or steps[2] not in definitions:
            raise BadSchema(f"{target} is not defined")
        self.visit(definitions[steps[2]], str(target), depth + 1, (*within, steps[2]))
