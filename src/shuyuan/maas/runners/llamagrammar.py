"""The grammar of a checked JSON schema, with bounded whitespace: one space after `,` and `:`, none anywhere else.

JSON allows any number of blanks between two tokens, and a small model may write them until its limit. llama.cpp's own
conversion leaves room for 22 in every gap, that of its grammar engine for any number.
"""

import re
from collections.abc import Mapping

import xllamacpp

_COMPACT = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
_SPACE_RULE = re.compile(r"^space ::= .*$", re.MULTILINE)  # of a build without the grammar engine


def of(clean: Mapping[str, object]) -> str:
    """What llama.cpp samples by. Objects hold what the schema names and nothing else, unless it says otherwise."""
    made = str(xllamacpp.json_schema_to_grammar({**_closed(clean), "x-guidance": _COMPACT}))
    return _SPACE_RULE.sub('space ::= " "?', made)


def _closed(schema: Mapping[str, object]) -> dict[str, object]:
    said = {word: _within(word, value) for word, value in schema.items()}
    return said if "properties" not in said else {"additionalProperties": False, **said}


def _within(word: str, value: object) -> object:
    if word == "properties" and isinstance(value, Mapping):
        return {name: _of_schema(inner) for name, inner in value.items()}
    if word in ("anyOf", "prefixItems") and isinstance(value, list):
        return [_of_schema(inner) for inner in value]
    return _of_schema(value) if word in ("items", "additionalProperties") else value


def _of_schema(value: object) -> object:
    return _closed(value) if isinstance(value, Mapping) else value
