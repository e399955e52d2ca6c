"""A bank whose items and topics have names: read from CSV or JSON, or made up. Pure: text in, numbers out.

`item,topic,discrimination,difficulty,guessing`; topic and guessing may be left out. JSON is a list of such objects, or
an object with that list in `items`, as the question analysis of a course is. Refuses: a row it would have to guess at,
by its line; an item named twice; more than MOST_ITEMS.
"""

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from shuyuan.science.testing.bank import Bank

MOST_ITEMS = 20_000
_FARTHEST = 100.0  # no discrimination, and no difficulty either way, is beyond
_ALSO = {
    "item": ("item_id", "id"),
    "topic": ("content", "point"),
    "discrimination": ("a",),
    "difficulty": ("b",),
    "guessing": ("c",),
}
_NEEDED = ("item", "discrimination", "difficulty")
_RULES = {
    "discrimination": f"a number above 0 and at most {_FARTHEST:g}",
    "difficulty": f"a number from -{_FARTHEST:g} to {_FARTHEST:g}",
    "guessing": "a number from 0 to below 1",
}
_Row = Mapping[str, Any]  # Any: a cell of CSV or a value of JSON


class Unreadable(ValueError):
    """A row that cannot be read; the message names it, its value and what was expected."""


@dataclass(frozen=True)
class NamedBank:
    """items: the name of each.  topics: the name of each area of `bank.content`."""

    bank: Bank
    items: tuple[str, ...]
    topics: tuple[str, ...]


def read(text: str, form: str) -> NamedBank:
    """form: csv or json. Raises Unreadable.

    >>> read("item,discrimination,difficulty\\nq1,1.2,-0.5", "csv").items
    ('q1',)
    """
    rows = _of_json(text) if form == "json" else _of_csv(text)
    return _bank(rows)


def made_up(items: int, topics: int = 1, seed: int = 0) -> NamedBank:
    """Slopes lognormal(0.35, 0.3), difficulties normal(0, 1.2), no guessing; topics of equal size, dealt in turn."""
    rng = np.random.default_rng([seed, 0])
    slopes, difficulties = rng.lognormal(0.35, 0.3, items), rng.normal(0.0, 1.2, items)
    bank = Bank.of(slopes, difficulties, 0.0, np.arange(items) % topics)
    return NamedBank(bank, tuple(f"q{n + 1}" for n in range(items)), tuple(f"t{n + 1}" for n in range(topics)))


def _of_csv(text: str) -> Iterator[tuple[str, _Row]]:
    lines = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    try:
        names = _names(lines.fieldnames or ())
        for row in lines:
            yield f"line {lines.line_num}", {column: row.get(heading) for column, heading in names.items()}
    except csv.Error as wrong:
        raise Unreadable(f"line {lines.line_num} is no CSV: {wrong}") from wrong


def _of_json(text: str) -> Iterator[tuple[str, _Row]]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as wrong:
        raise Unreadable(f"it is no JSON: {wrong}") from wrong
    rows = told.get("items") if isinstance(told, dict) else told
    if not isinstance(rows, list):
        raise Unreadable("it is neither a list of questions nor an object with that list in `items`")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise Unreadable(f"question {number} is {str(row)[:40]!r}, not an object")
        yield f"question {number}", {column: row[name] for column, name in _names(row).items()}


def _names(headings: Iterable[str]) -> dict[str, str]:
    """column → what it is called there."""
    by_word = {str(heading).strip().lower(): heading for heading in headings}
    found = {}
    for column, others in _ALSO.items():
        for word in (column, *others):
            if word in by_word:
                found[column] = by_word[word]
                break
    if missing := [column for column in _NEEDED if column not in found]:
        raise Unreadable(f"no {', '.join(missing)}: the columns are {', '.join(by_word)[:200] or 'missing'}")
    return found


def _bank(rows: Iterable[tuple[str, _Row]]) -> NamedBank:
    places: dict[str, str] = {}
    areas: dict[str, int] = {}
    slopes, difficulties, guesses, content = list[float](), list[float](), list[float](), list[int]()
    for place, row in rows:
        item = _word(row.get("item"))
        if not item:
            raise Unreadable(f"{place} names no item")
        if item in places:
            raise Unreadable(f"{place}: item {item[:60]!r} is named already in {places[item]}")
        if len(places) == MOST_ITEMS:
            raise Unreadable(f"more than {MOST_ITEMS} items: give a part of them")
        places[item] = place
        slopes.append(_number(place, row, "discrimination"))
        difficulties.append(_number(place, row, "difficulty"))
        guesses.append(_number(place, row, "guessing") if _word(row.get("guessing")) else 0.0)
        content.append(areas.setdefault(_word(row.get("topic")), len(areas)))
    if not places:
        raise Unreadable("there is no item in it")
    return NamedBank(Bank.of(slopes, difficulties, guesses, content), tuple(places), tuple(areas))


def _word(said: object) -> str:
    return "" if said is None else str(said).strip()


def _number(place: str, row: _Row, column: str) -> float:
    said = row.get(column)
    try:
        value = math.nan if isinstance(said, bool) else float(_word(said))
    except ValueError:
        value = math.nan
    fits = {
        "discrimination": 0 < value <= _FARTHEST,
        "difficulty": abs(value) <= _FARTHEST,
        "guessing": 0 <= value < 1,
    }
    if not fits[column]:
        raise Unreadable(f"{place}: {column} is {_word(said)[:40]!r}, not {_RULES[column]}")
    return value
