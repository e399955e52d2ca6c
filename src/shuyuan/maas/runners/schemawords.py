"""The words of a JSON schema that hold no further schema: types, limits, patterns, names. Knows what each may say."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import TypeGuard

from shuyuan.maas.runners.interface import BadPayload

MAX_ITEMS = 1_000  # of one array; twice as many and llama.cpp's engine gives up
MAX_LETTERS = 2_000  # a string may be told to have
MAX_PATTERN_CHARACTERS = 128
MAX_PATTERN_REPEATS = 1_000
MAX_NAMES = 1_000
MAX_BOUND = 10**15  # numbers: beyond it float64 cannot count by ones

_TYPES = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})
_FORMATS = frozenset({"date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri"})
_TOKEN = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|\(\?:|[()]|\{(\d{1,9})(,(\d{0,9}))?\}[?+]?|[*+?]\??|.", re.DOTALL)

_LOOKS_AROUND = re.compile(r"\(\?(?!:)|\\[1-9kpPbBAZ]")
_LIMITS = (
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minimum", "maximum"),
    ("exclusiveMinimum", "exclusiveMaximum"),
    ("minimum", "exclusiveMaximum"),
    ("exclusiveMinimum", "maximum"),
)

Schema = Mapping[str, object]


class Place:
    """Where the walk is: path, depth, repeats multiplied so far, references being followed."""

    __slots__ = ("at", "depth", "repeats", "within")

    def __init__(self, at: str, depth: int, repeats: int, within: tuple[str, ...]) -> None:
        self.at, self.depth, self.repeats, self.within = at, depth, repeats, within

    def child(self, word: str) -> "Place":
        return Place(f"{self.at}/{word}", self.depth, self.repeats, self.within)


def repeats(schema: Schema) -> int:
    """How often the items of an array may be counted out."""
    counted = [schema.get(word) for word in ("minItems", "maxItems")]
    return max([1, *(n for n in counted if isinstance(n, int) and not isinstance(n, bool))])


def read_type(value: object, place: Place) -> object:
    """One type, or a list of different ones."""
    names = value if is_list(value) else [value]
    for one in names:
        if not isinstance(one, str) or one not in _TYPES:
            raise BadPayload(f"type {_short(one)} at {place.at} is unknown", fix=f"use {', '.join(sorted(_TYPES))}")
    if not names or len(set(names)) < len(names):
        raise BadPayload(f"{place.at} must list each type once", fix="mend the list")
    return value


def read_format(value: object, place: Place) -> object:
    """The name of a format."""
    if not isinstance(value, str) or value not in _FORMATS:
        known = ", ".join(sorted(_FORMATS))
        raise BadPayload(f"format {_short(value)} at {place.at} is not served", fix=f"use one of {known}")
    return value


def read_names(value: object, place: Place) -> object:
    """Names of required properties."""
    if not is_list(value) or len(value) > MAX_NAMES:
        raise BadPayload(f"{place.at} must be a list of at most {MAX_NAMES} names", fix="list property names")
    names = [read_name(one, place.at) for one in value]
    if len(set(names)) < len(names):
        raise BadPayload(f"{place.at} must list each name once", fix="mend the list")
    return names


def read_items(value: object, place: Place) -> object:
    """A limit on the items of an array."""
    return _count(value, place, MAX_ITEMS)


def read_letters(value: object, place: Place) -> object:
    """A limit on the letters of a string."""
    return _count(value, place, MAX_LETTERS)


def read_number(value: object, place: Place) -> object:
    """A number the engine can count with."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise BadPayload(f"{place.at} must be a number, got {_short(value)}", fix="mend the limit")
    if not math.isfinite(value) or abs(value) > MAX_BOUND or 0 < abs(value) < 1 / MAX_BOUND:
        raise BadPayload(f"{place.at} is {_short(value)}, beyond {MAX_BOUND:.0e}", fix="use a number nearer to 1")
    return value


def read_name(value: object, at: str) -> str:
    """The name of a property."""
    if not isinstance(value, str) or not 1 <= len(value) <= 100 or not value.isprintable():
        raise BadPayload(f"property {_short(value)} at {at} has no fit name", fix="1 to 100 printable characters")
    return value


def read_pattern(value: object, place: Place) -> object:
    """Letters, classes, groups and counted repeats; nothing that looks around or back, no repeat within a repeat."""
    if not isinstance(value, str) or len(value) > MAX_PATTERN_CHARACTERS:
        raise BadPayload(f"{place.at} must be at most {MAX_PATTERN_CHARACTERS} characters", fix="shorten the pattern")
    try:
        re.compile(value)
    except (re.error, RecursionError, OverflowError) as wrong:
        raise BadPayload(f"{place.at} is no pattern: {wrong}", fix="mend the pattern") from wrong
    if _LOOKS_AROUND.search(value):
        raise BadPayload(f"{place.at} looks around or back, which is not served", fix="use letters, classes, repeats")
    _check_repeats(value, place)
    return value


def check_order(clean: Schema, at: str) -> None:
    """A lower limit lies below its upper limit, what is required may be there: else no value satisfies the schema."""
    for low, high in _LIMITS:
        least, most = clean.get(low), clean.get(high)
        if isinstance(least, int | float) and isinstance(most, int | float) and least > most:
            raise BadPayload(f"{at}: {low} {least} is above {high} {most}", fix="swap them")
    _check_required(clean, at)
    places, most = clean.get("prefixItems"), clean.get("maxItems")
    if is_list(places) and isinstance(most, int) and len(places) > most:
        raise BadPayload(f"{at}: {len(places)} prefixItems are more than maxItems {most}", fix="raise maxItems")


def is_map(value: object) -> TypeGuard[Mapping[str, object]]:
    """A JSON object."""
    return isinstance(value, Mapping) and all(isinstance(one, str) for one in value)


def is_list(value: object) -> TypeGuard[Sequence[object]]:
    """A JSON list."""
    return isinstance(value, list | tuple)


def _check_required(clean: Schema, at: str) -> None:
    asked, named = clean.get("required"), clean.get("properties", {})
    if clean.get("additionalProperties") is not False or not is_list(asked) or not is_map(named):
        return
    if missing := [name for name in asked if name not in named]:
        raise BadPayload(
            f"{at} requires {_short(missing[0])} and allows only its properties, where that is none",
            fix="name it in properties, or leave out additionalProperties",
        )


def _count(value: object, place: Place, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise BadPayload(f"{place.at} must be 0 to {most}, got {_short(value)}", fix="mend the limit")
    return value


def _check_repeats(pattern: str, place: Place) -> None:
    groups = [False]  # for each open group: whether something in it repeats
    closed = False  # whether the last token closed a group in which something repeats
    for token in _TOKEN.finditer(pattern):
        text = token[0]
        if text == ")" and len(groups) > 1:
            closed = groups.pop()
            groups[-1] |= closed
            continue
        if text in ("(", "(?:"):
            groups.append(False)
        elif text[0] in "*+?" or token[1]:
            if closed or max(int(token[1] or 0), int(token[3] or 0)) > MAX_PATTERN_REPEATS:
                raise BadPayload(f"{place.at} repeats what repeats, or too often", fix="simplify the pattern")
            groups[-1] = True
        closed = False


def _short(value: object) -> str:
    return repr(value)[:40]
