"""The grammar of a checked JSON schema, with bounded whitespace: one space after `,` and `:`, none anywhere else.

JSON allows any number of blanks between two tokens, and a small model may write them until its limit. llama.cpp's own
conversion leaves room for 22 in every gap, that of its grammar engine for any number.
"""

import re
from collections.abc import Mapping

import xllamacpp

from shuyuan.maas.runners import interface

_COMPACT = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
_ALONE = {"anyOf", "type"}  # with these words alternatives stand by themselves
_SPACE_RULE = re.compile(r"^space ::= .*$", re.MULTILINE)  # of a build without the grammar engine


def of(clean: Mapping[str, object]) -> str:
    """What llama.cpp samples by. Objects hold what the schema names and nothing else, unless it says otherwise.

    Raises BadPayload where a build without the grammar engine cannot turn the schema into rules.
    """
    try:
        made = str(xllamacpp.json_schema_to_grammar({**_closed(clean), "x-guidance": _COMPACT}))
    except (RuntimeError, ValueError) as wrong:
        raise interface.BadPayload(f"no grammar comes of the schema: {wrong}"[:300], fix="mend the schema") from wrong
    return _SPACE_RULE.sub('space ::= " "?', made)


def _closed(schema: Mapping[str, object], *, shared: bool = False) -> dict[str, object]:
    """shared: other parts of a schema speak of the same object: what one does not name another may ask for."""
    shared = shared or ("anyOf" in schema and not schema.keys() <= _ALONE)
    said = {word: _within(word, value, shared) for word, value in schema.items()}
    if shared or "additionalProperties" in said or not isinstance(named := said.get("properties"), dict):
        return said
    asked = schema.get("required")
    anything: dict[str, object] = {name: {} for name in asked if name not in named} if isinstance(asked, list) else {}
    return {**said, "properties": named | anything, "additionalProperties": False}


def _within(word: str, value: object, shared: bool) -> object:
    if word == "properties" and isinstance(value, Mapping):
        return {name: _of_schema(inner) for name, inner in value.items()}
    if word in ("anyOf", "prefixItems") and isinstance(value, list):
        return [_of_schema(inner, shared=shared and word == "anyOf") for inner in value]
    return _of_schema(value) if word in ("items", "additionalProperties") else value


def _of_schema(value: object, *, shared: bool = False) -> object:
    return _closed(value, shared=shared) if isinstance(value, Mapping) else value
